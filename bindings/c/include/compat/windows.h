/* For programs that include windows.h before websocket.h; found only if this folder is searched. */
#ifndef WEBSOCKET_COMPAT_WINDOWS_H
#define WEBSOCKET_COMPAT_WINDOWS_H
#include "../websocket_types.h"
#endif
