/* The names of Windows' headers that websocket.h and its users need, for systems that have no windows.h. */
#ifndef WEBSOCKET_TYPES_H
#define WEBSOCKET_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* As on Windows, where long has 32 bits. */
typedef int32_t HRESULT;
typedef int32_t LONG;
typedef int32_t BOOL;
typedef uint32_t ULONG;
typedef uint32_t DWORD;
typedef uint16_t USHORT;
typedef uint8_t BYTE;
typedef BYTE *PBYTE;
typedef char CHAR;
typedef CHAR *PCHAR;
typedef const char *PCSTR;
typedef void *PVOID;

#ifndef VOID
#define VOID void
#endif
#ifndef CONST
#define CONST const
#endif
#define WINAPI
#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

/* What Microsoft's compiler checks and others ignore. */
#ifndef _In_
#define _In_
#define _In_opt_
#define _In_reads_(n)
#define _In_reads_opt_(n)
#define _In_reads_bytes_(n)
#define _In_reads_bytes_opt_(n)
#define _Inout_
#define _Inout_opt_
#define _Out_
#define _Out_opt_
#define _Outptr_
#define _Out_writes_(n)
#define _Out_writes_bytes_(n)
#endif

#define DECLARE_HANDLE(name) \
  struct name##__ { \
    int unused; \
  }; \
  typedef struct name##__ *name

#define ARRAYSIZE(array) (sizeof(array) / sizeof((array)[0]))
#define CopyMemory(to, from, length) memcpy((to), (from), (length))
#define MoveMemory(to, from, length) memmove((to), (from), (length))
#define ZeroMemory(start, length) memset((start), 0, (length))
#define UNREFERENCED_PARAMETER(name) ((void)(name))

#define SUCCEEDED(result) (((HRESULT)(result)) >= 0)
#define FAILED(result) (((HRESULT)(result)) < 0)

#define S_OK ((HRESULT)0)
#define S_FALSE ((HRESULT)1)
#define E_FAIL ((HRESULT)0x80004005)
#define E_INVALIDARG ((HRESULT)0x80070057)
#define E_OUTOFMEMORY ((HRESULT)0x8007000E)

#endif
