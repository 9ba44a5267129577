/* The contract of websocket.h, as a C or C++ program sees it. Prints a line a test, and a sum. */
#ifdef _WIN32
#include <windows.h>
#endif
#include <websocket_component.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __cplusplus
#include <type_traits>
static_assert(std::is_same<std::underlying_type<WEB_SOCKET_PROPERTY_TYPE>::type, int>::value,
              "the properties of websocket_component.h are values of the type");
#endif
#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

static int failures, passed, failed;
#define CHECK(what) \
  do { \
    if (!(what)) { \
      printf("  line %d: %s\n", __LINE__, #what); \
      failures++; \
    } \
  } while (0)

static const ULONG TEXT = WEB_SOCKET_UTF8_MESSAGE_BUFFER_TYPE;
#define TYPE(number) ((WEB_SOCKET_BUFFER_TYPE)(number))

/* What one action was. */
typedef struct {
  HRESULT result;
  WEB_SOCKET_ACTION action;
  ULONG type, count;
  WEB_SOCKET_BUFFER buffers[2];
  PVOID application, context;
} Action;

static Action get(WEB_SOCKET_HANDLE handle, int queue, ULONG slots) {
  Action it;
  WEB_SOCKET_BUFFER_TYPE type = TYPE(99);
  memset(&it, 0xEE, sizeof it);
  it.count = slots;
  it.result = WebSocketGetAction(handle, (WEB_SOCKET_ACTION_QUEUE)queue, it.buffers, &it.count, &it.action, &type,
                                 &it.application, &it.context);
  it.type = (ULONG)type;
  return it;
}

static void complete(WEB_SOCKET_HANDLE handle, Action it, ULONG bytes) { WebSocketCompleteAction(handle, it.context, bytes); }

static WEB_SOCKET_BUFFER data(const void *bytes, ULONG length) {
  WEB_SOCKET_BUFFER buffer;
  memset(&buffer, 0, sizeof buffer);
  buffer.Data.pbBuffer = (PBYTE)bytes;
  buffer.Data.ulBufferLength = length;
  return buffer;
}

static WEB_SOCKET_HTTP_HEADER header(const char *name, const char *value) {
  WEB_SOCKET_HTTP_HEADER it;
  it.pcName = (PCHAR)name;
  it.ulNameLength = (ULONG)strlen(name);
  it.pcValue = (PCHAR)value;
  it.ulValueLength = (ULONG)strlen(value);
  return it;
}

static WEB_SOCKET_HANDLE open_server(WEB_SOCKET_PROPERTY *properties, ULONG count) {
  WEB_SOCKET_HTTP_HEADER five[5] = {header("Connection", "Upgrade"), header("Upgrade", "websocket"), header("Host", ""),
                                    header("Sec-WebSocket-Version", "13"),
                                    header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")};
  PWEB_SOCKET_HTTP_HEADER response;
  ULONG response_count;
  WEB_SOCKET_HANDLE handle = NULL;
  CHECK(WebSocketCreateServerHandle(properties, count, &handle) == S_OK);
  CHECK(WebSocketBeginServerHandshake(handle, NULL, NULL, 0, five, 5, &response, &response_count) == S_OK);
  CHECK(WebSocketEndServerHandshake(handle) == S_OK);
  return handle;
}

/* Both handles, open; the client offers "soap" and "chat", and the server selects "chat". */
static void open_both(WEB_SOCKET_PROPERTY *properties, ULONG property_count, WEB_SOCKET_HANDLE *client,
                      WEB_SOCKET_HANDLE *server) {
  PCSTR offered[] = {"soap", "chat"};
  WEB_SOCKET_HTTP_HEADER all[16], mine = header("Origin", "http://localhost");
  PWEB_SOCKET_HTTP_HEADER request = NULL, response = NULL;
  ULONG request_count = 0, response_count = 0, subprotocol = 9, extensions[4], extension_count = 4;
  CHECK(WebSocketCreateClientHandle(properties, property_count, client) == S_OK);
  CHECK(WebSocketCreateServerHandle(properties, property_count, server) == S_OK);
  CHECK(WebSocketBeginClientHandshake(*client, offered, 2, NULL, 0, &mine, 1, &request, &request_count) == S_OK);
  CHECK(request_count >= 5 && request_count < 15);
  CHECK(request[0].pcName[request[0].ulNameLength] == 0);
  CopyMemory(all, request, request_count * sizeof *request);
  all[request_count] = header("Host", "localhost");
  CHECK(WebSocketBeginServerHandshake(*server, "chat", NULL, 0, all, request_count + 1, &response, &response_count) == S_OK);
  CHECK(WebSocketEndClientHandshake(*client, response, response_count, extensions, &extension_count, &subprotocol) == S_OK);
  CHECK(subprotocol == 1 && extension_count == 0);
  CHECK(WebSocketEndServerHandshake(*server) == S_OK);
}

/* What one handle has sent, and the other has not read. */
static BYTE wire[1 << 18];
static ULONG wire_start, wire_end;

/* Takes actions until there is none. Gives what was received last. */
static Action pump(WEB_SOCKET_HANDLE handle, BYTE *message, ULONG *length) {
  Action received;
  memset(&received, 0, sizeof received);
  for (;;) {
    Action it = get(handle, WEB_SOCKET_ALL_ACTION_QUEUE, 2);
    ULONG bytes = 0, i;
    if (it.result != S_OK || it.action == WEB_SOCKET_NO_ACTION) {
      WebSocketCompleteAction(handle, it.context, 0); /* as the sample does */
      if (it.result != S_OK) received.result = it.result;
      return received;
    }
    if (it.action == WEB_SOCKET_SEND_TO_NETWORK_ACTION) {
      for (i = 0; i < it.count; i++) {
        CopyMemory(wire + wire_end, it.buffers[i].Data.pbBuffer, it.buffers[i].Data.ulBufferLength);
        wire_end += it.buffers[i].Data.ulBufferLength;
        bytes += it.buffers[i].Data.ulBufferLength;
      }
    } else if (it.action == WEB_SOCKET_RECEIVE_FROM_NETWORK_ACTION) {
      bytes = wire_end - wire_start;
      if (bytes == 0) return received; /* still reading */
      if (bytes > it.buffers[0].Data.ulBufferLength) bytes = it.buffers[0].Data.ulBufferLength;
      CopyMemory(it.buffers[0].Data.pbBuffer, wire + wire_start, bytes);
      wire_start += bytes;
    } else if (it.action == WEB_SOCKET_INDICATE_RECEIVE_COMPLETE_ACTION) {
      CHECK(it.count == 1);
      received = it;
      if (message != NULL) {
        CopyMemory(message + *length, it.buffers[0].Data.pbBuffer, it.buffers[0].Data.ulBufferLength);
        *length += it.buffers[0].Data.ulBufferLength;
      }
    }
    complete(handle, it, bytes);
  }
}

static void layouts_are_those_of_the_sdk(void) {
  size_t pointer = sizeof(void *);
  CHECK(sizeof(WEB_SOCKET_BUFFER) == (pointer == 8 ? 16 : 12));
  CHECK(sizeof(WEB_SOCKET_PROPERTY) == (pointer == 8 ? 24 : 12));
  CHECK(sizeof(WEB_SOCKET_HTTP_HEADER) == (pointer == 8 ? 32 : 16));
  CHECK(offsetof(WEB_SOCKET_BUFFER, CloseStatus.usStatus) == pointer + 4);
  CHECK(sizeof(ULONG) == 4 && sizeof(HRESULT) == 4 && sizeof(BOOL) == 4 && sizeof(USHORT) == 2);
}

static void the_samples_flow_sends_a_text_and_closes(void) {
  WEB_SOCKET_HANDLE client, server;
  BYTE message[64];
  ULONG length = 0;
  WEB_SOCKET_BUFFER hello = data("Hello World", 11), bye;
  Action it;
  wire_start = wire_end = 0;
  open_both(NULL, 0, &client, &server);
  CHECK(WebSocketSend(client, TYPE(TEXT), &hello, &hello) == S_OK);
  CHECK(pump(client, NULL, NULL).result == S_OK);
  CHECK(WebSocketReceive(server, NULL, &server) == S_OK);
  it = pump(server, message, &length);
  CHECK(it.type == TEXT && it.application == &server && length == 11 && memcmp(message, "Hello World", 11) == 0);
  memset(&bye, 0, sizeof bye);
  bye.CloseStatus.pbReason = (PBYTE) "bye";
  bye.CloseStatus.ulReasonLength = 3;
  bye.CloseStatus.usStatus = WEB_SOCKET_SUCCESS_CLOSE_STATUS;
  CHECK(WebSocketSend(client, WEB_SOCKET_CLOSE_BUFFER_TYPE, &bye, NULL) == S_OK);
  CHECK(WebSocketSend(client, TYPE(TEXT), &hello, NULL) == E_INVALID_PROTOCOL_OPERATION);
  pump(client, NULL, NULL);
  CHECK(WebSocketReceive(server, NULL, NULL) == S_OK);
  length = 0;
  it = pump(server, message, &length);
  CHECK(it.type == (ULONG)WEB_SOCKET_CLOSE_BUFFER_TYPE && it.buffers[0].CloseStatus.usStatus == 1000);
  CHECK(length == 3 && memcmp(message, "bye", 3) == 0);
  CHECK(WebSocketReceive(server, NULL, NULL) == E_INVALID_PROTOCOL_OPERATION);
  CHECK(WebSocketSend(server, WEB_SOCKET_CLOSE_BUFFER_TYPE, NULL, NULL) == S_OK);
  pump(server, NULL, NULL);
  WebSocketDeleteHandle(client);
  WebSocketDeleteHandle(server);
}

static void a_servers_payload_is_the_applications_own_memory(void) {
  static BYTE payload[70000];
  WEB_SOCKET_HANDLE server = open_server(NULL, 0);
  WEB_SOCKET_BUFFER buffer = data(payload, sizeof payload);
  Action it;
  CHECK(WebSocketSend(server, WEB_SOCKET_BINARY_MESSAGE_BUFFER_TYPE, &buffer, payload) == S_OK);
  it = get(server, WEB_SOCKET_SEND_ACTION_QUEUE, 2);
  CHECK(it.action == WEB_SOCKET_SEND_TO_NETWORK_ACTION && it.count == 2 && it.application == payload);
  CHECK(it.buffers[0].Data.ulBufferLength == 10 && it.buffers[1].Data.pbBuffer == payload);
  CHECK(it.buffers[1].Data.ulBufferLength == sizeof payload);
  CHECK(get(server, WEB_SOCKET_SEND_ACTION_QUEUE, 2).action == WEB_SOCKET_NO_ACTION);
  complete(server, it, 10 + sizeof payload);
  it = get(server, WEB_SOCKET_SEND_ACTION_QUEUE, 2);
  CHECK(it.action == WEB_SOCKET_INDICATE_SEND_COMPLETE_ACTION && it.application == payload && it.count == 0);
  CHECK(it.type == (ULONG)WEB_SOCKET_BINARY_MESSAGE_BUFFER_TYPE);
  complete(server, it, 0);
  WebSocketDeleteHandle(server);
}

static void a_receive_into_the_applications_buffer_fills_it(void) {
  WEB_SOCKET_HANDLE server = open_server(NULL, 0);
  BYTE own[4], masked[11] = {0x81, 0x85, 0, 0, 0, 0, 'H', 'e', 'l', 'l', 'o'};
  WEB_SOCKET_BUFFER room = data(own, sizeof own), empty = data(own, 0), nowhere = data(NULL, 4);
  Action it;
  CHECK(WebSocketReceive(server, &empty, NULL) == E_INVALIDARG);
  CHECK(WebSocketReceive(server, &nowhere, NULL) == E_INVALIDARG);
  CHECK(WebSocketReceive(server, &room, own) == S_OK);
  it = get(server, WEB_SOCKET_RECEIVE_ACTION_QUEUE, 1);
  CHECK(it.action == WEB_SOCKET_RECEIVE_FROM_NETWORK_ACTION && it.type == 0 && it.application == own);
  CopyMemory(it.buffers[0].Data.pbBuffer, masked, sizeof masked);
  complete(server, it, sizeof masked);
  it = get(server, WEB_SOCKET_RECEIVE_ACTION_QUEUE, 1);
  CHECK(it.action == WEB_SOCKET_INDICATE_RECEIVE_COMPLETE_ACTION && it.type == (ULONG)WEB_SOCKET_UTF8_FRAGMENT_BUFFER_TYPE);
  CHECK(it.buffers[0].Data.pbBuffer == own && it.buffers[0].Data.ulBufferLength == 4 && memcmp(own, "Hell", 4) == 0);
  complete(server, it, 4);
  WebSocketDeleteHandle(server);
}

static BOOL is_inside(const WEB_SOCKET_BUFFER *buffer, const BYTE *memory, size_t size) {
  return buffer->Data.pbBuffer >= memory && buffer->Data.pbBuffer + buffer->Data.ulBufferLength <= memory + size;
}

/* As .NET makes its handles: R + S + 144 bytes of its own, and every pointer is looked at. */
static void all_pointers_lie_in_the_allocated_buffer(void) {
  ULONG receive_size = 256, send_size = 16;
  static BYTE memory[256 + 16 + 144];
  PVOID where = memory;
  BYTE ping[7] = {0x89, 0x81, 0, 0, 0, 0, 'x'}, payload[3] = {1, 2, 3};
  WEB_SOCKET_BUFFER buffer = data(payload, 3);
  WEB_SOCKET_PROPERTY properties[3] = {
      {WEB_SOCKET_RECEIVE_BUFFER_SIZE_PROPERTY_TYPE, &receive_size, 4},
      {WEB_SOCKET_SEND_BUFFER_SIZE_PROPERTY_TYPE, &send_size, 4},
      {WEB_SOCKET_ALLOCATED_BUFFER_PROPERTY_TYPE, &where, sizeof memory},
  };
  WEB_SOCKET_HANDLE server = open_server(properties, 3);
  Action reading, it;
  CHECK(WebSocketReceive(server, NULL, NULL) == S_OK);
  reading = get(server, WEB_SOCKET_RECEIVE_ACTION_QUEUE, 1);
  CHECK(reading.count == 1 && is_inside(reading.buffers, memory, sizeof memory));
  /* the read is under way: bytes come while something is sent */
  CopyMemory(reading.buffers[0].Data.pbBuffer, ping, 3);
  CHECK(WebSocketSend(server, WEB_SOCKET_BINARY_MESSAGE_BUFFER_TYPE, &buffer, NULL) == S_OK);
  it = get(server, WEB_SOCKET_SEND_ACTION_QUEUE, 2);
  CHECK(is_inside(it.buffers, memory, sizeof memory) && it.buffers[1].Data.pbBuffer == payload);
  complete(server, it, 5);
  complete(server, get(server, WEB_SOCKET_SEND_ACTION_QUEUE, 2), 0);
  CopyMemory(reading.buffers[0].Data.pbBuffer + 3, ping + 3, 4);
  complete(server, reading, sizeof ping);
  it = get(server, WEB_SOCKET_RECEIVE_ACTION_QUEUE, 1);
  CHECK(it.action == WEB_SOCKET_SEND_TO_NETWORK_ACTION && it.type == (ULONG)WEB_SOCKET_PING_PONG_BUFFER_TYPE);
  CHECK(it.application == NULL && is_inside(it.buffers, memory, sizeof memory));
  CHECK(it.buffers[0].Data.ulBufferLength == 3 && memcmp(it.buffers[0].Data.pbBuffer, "\x8A\x01x", 3) == 0);
  WebSocketDeleteHandle(server); /* with an action outstanding */
  properties[2].ulValueSize = sizeof memory - 1;
  CHECK(WebSocketCreateServerHandle(properties, 3, &server) == E_INVALIDARG);
}

static void properties_out_of_their_range_are_refused(void) {
  WEB_SOCKET_HANDLE handle = NULL;
  ULONG small = 255, tiny = 15, flag = 1;
  PVOID nowhere = NULL;
  WEB_SOCKET_PROPERTY bad[] = {
      {WEB_SOCKET_RECEIVE_BUFFER_SIZE_PROPERTY_TYPE, &small, 4}, {WEB_SOCKET_SEND_BUFFER_SIZE_PROPERTY_TYPE, &tiny, 4},
      {WEB_SOCKET_DISABLE_MASKING_PROPERTY_TYPE, &flag, 2},      {WEB_SOCKET_DISABLE_MASKING_PROPERTY_TYPE, NULL, 4},
      {WEB_SOCKET_ALLOCATED_BUFFER_PROPERTY_TYPE, &nowhere, 16}, {WEB_SOCKET_KEEPALIVE_INTERVAL_PROPERTY_TYPE, &flag, 4},
      {WEB_SOCKET_SUPPORTED_VERSIONS_PROPERTY_TYPE, &flag, 4},   {(WEB_SOCKET_PROPERTY_TYPE)7, &flag, 4},
  };
  WEB_SOCKET_PROPERTY twice[2] = {{WEB_SOCKET_DISABLE_MASKING_PROPERTY_TYPE, &flag, 4},
                                  {WEB_SOCKET_DISABLE_MASKING_PROPERTY_TYPE, &flag, 4}};
  size_t i;
  for (i = 0; i < ARRAYSIZE(bad); i++) CHECK(WebSocketCreateClientHandle(&bad[i], 1, &handle) == E_INVALIDARG);
  CHECK(WebSocketCreateClientHandle(twice, 2, &handle) == E_INVALIDARG);
  CHECK(WebSocketCreateClientHandle(NULL, 1, &handle) == E_INVALIDARG);
  CHECK(handle == NULL);
}

static void null_pointers_and_the_wrong_role_are_refused(void) {
  WEB_SOCKET_HANDLE server = open_server(NULL, 0), fresh = NULL;
  WEB_SOCKET_BUFFER buffers[2], buffer = data("x", 1), nowhere = data(NULL, 1);
  ULONG count = 2, none = 0;
  WEB_SOCKET_ACTION action = WEB_SOCKET_INDICATE_SEND_COMPLETE_ACTION;
  WEB_SOCKET_BUFFER_TYPE type;
  PVOID context;
  PWEB_SOCKET_HTTP_HEADER headers;
  CHECK(WebSocketCreateClientHandle(NULL, 0, NULL) == E_INVALIDARG);
  CHECK(WebSocketSend(NULL, TYPE(TEXT), NULL, NULL) == E_INVALIDARG);
  CHECK(WebSocketReceive(NULL, NULL, NULL) == E_INVALIDARG);
  CHECK(WebSocketEndServerHandshake(NULL) == E_INVALIDARG);
  CHECK(WebSocketSend(server, TYPE(TEXT), &nowhere, NULL) == E_INVALIDARG);
  CHECK(WebSocketSend(server, TYPE(7), &buffer, NULL) == E_INVALIDARG);
  CHECK(WebSocketSend(server, WEB_SOCKET_PING_PONG_BUFFER_TYPE, &buffer, NULL) == E_INVALIDARG);
  CHECK(WebSocketEndClientHandshake(server, NULL, 0, NULL, NULL, NULL) == E_INVALIDARG);
  CHECK(WebSocketBeginClientHandshake(server, NULL, 0, NULL, 0, NULL, 0, &headers, &count) == E_INVALIDARG);
  CHECK(WebSocketGetAction(server, WEB_SOCKET_ALL_ACTION_QUEUE, buffers, &none, &action, &type, NULL, &context) == E_INVALIDARG);
  CHECK(action == WEB_SOCKET_NO_ACTION && context == NULL);
  CHECK(WebSocketGetAction(server, WEB_SOCKET_ALL_ACTION_QUEUE, buffers, NULL, &action, &type, NULL, &context) == E_INVALIDARG);
  count = 2;
  CHECK(WebSocketGetAction(server, WEB_SOCKET_ALL_ACTION_QUEUE, NULL, &count, &action, &type, NULL, &context) == E_INVALIDARG);
  CHECK(get(server, 4, 2).result == E_INVALIDARG);
  CHECK(get(NULL, WEB_SOCKET_ALL_ACTION_QUEUE, 2).result == E_INVALIDARG);
  WebSocketCompleteAction(NULL, NULL, 0);
  WebSocketCompleteAction(server, NULL, 7);
  WebSocketCompleteAction(server, &count, 7);
  WebSocketAbortHandle(NULL);
  WebSocketDeleteHandle(NULL);
  WebSocketDeleteHandle(server);
  /* in the wrong state the state comes first, whatever else is wrong */
  CHECK(WebSocketCreateServerHandle(NULL, 0, &fresh) == S_OK);
  CHECK(WebSocketSend(fresh, TYPE(7), NULL, NULL) == E_INVALID_PROTOCOL_OPERATION);
  CHECK(WebSocketReceive(fresh, NULL, NULL) == E_INVALID_PROTOCOL_OPERATION);
  CHECK(WebSocketEndServerHandshake(fresh) == E_INVALID_PROTOCOL_OPERATION);
  CHECK(get(fresh, WEB_SOCKET_ALL_ACTION_QUEUE, 2).result == E_INVALID_PROTOCOL_OPERATION);
  WebSocketAbortHandle(fresh);
  WebSocketDeleteHandle(fresh);
}

static void the_role_and_the_state_come_before_arguments_and_a_long_reason_is_not_read(void) {
  WEB_SOCKET_HANDLE server;
  WEB_SOCKET_BUFFER nowhere = data(NULL, 5), no_reason = data(NULL, 0), reason = data("x", 1);
  WEB_SOCKET_HTTP_HEADER no_text = header("\xff", "");
  PWEB_SOCKET_HTTP_HEADER headers;
  ULONG count;
  no_reason.CloseStatus.ulReasonLength = 5;
  no_reason.CloseStatus.usStatus = 1000;
  reason.CloseStatus.ulReasonLength = 600u << 20; /* more than is there */
  reason.CloseStatus.usStatus = 1000;
  for (int state = 0; state < 3; state++) {
    HRESULT expected = state == 1 ? E_INVALIDARG : E_INVALID_PROTOCOL_OPERATION;
    if (state == 0)
      CHECK(WebSocketCreateServerHandle(NULL, 0, &server) == S_OK);
    else
      server = open_server(NULL, 0);
    if (state == 2) WebSocketAbortHandle(server);
    CHECK(WebSocketSend(server, TYPE(TEXT), &nowhere, NULL) == expected);
    CHECK(WebSocketSend(server, WEB_SOCKET_CLOSE_BUFFER_TYPE, &no_reason, NULL) == expected);
    CHECK(WebSocketSend(server, WEB_SOCKET_CLOSE_BUFFER_TYPE, &reason, NULL) == expected);
    CHECK(WebSocketEndClientHandshake(server, &no_text, 1, NULL, NULL, NULL) == E_INVALIDARG);
    CHECK(WebSocketBeginServerHandshake(server, NULL, NULL, 0, &no_text, 1, &headers, &count) ==
          (state == 0 ? E_INVALID_PROTOCOL_FORMAT : E_INVALID_PROTOCOL_OPERATION));
    WebSocketDeleteHandle(server);
  }
}

static void a_handshake_reports_what_is_wrong(void) {
  WEB_SOCKET_HANDLE client, server;
  WEB_SOCKET_HTTP_HEADER old[4] = {header("Connection", "upgrade"), header("Upgrade", "WebSocket"),
                                   header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
                                   header("Sec-WebSocket-Version", "8")};
  PWEB_SOCKET_HTTP_HEADER headers;
  PCSTR extensions[] = {"x-one", "x-two"}, bad[] = {"no token"};
  ULONG count, indices[2], capacity = 1;
  CHECK(WebSocketCreateServerHandle(NULL, 0, &server) == S_OK);
  CHECK(WebSocketBeginServerHandshake(server, NULL, NULL, 0, NULL, 0, &headers, &count) == E_INVALID_PROTOCOL_FORMAT);
  CHECK(WebSocketBeginServerHandshake(server, NULL, NULL, 0, old, 4, &headers, &count) == E_PROTOCOL_VERSION_NOT_SUPPORTED);
  old[3] = header("Sec-WebSocket-Version", "13");
  CHECK(WebSocketBeginServerHandshake(server, "chat", NULL, 0, old, 4, &headers, &count) == E_SUBPROTOCOL_NOT_SUPPORTED);
  CHECK(WebSocketBeginServerHandshake(server, NULL, extensions, 1, old, 4, &headers, &count) ==
        E_PROTOCOL_EXTENSIONS_NOT_SUPPORTED);
  CHECK(WebSocketBeginServerHandshake(server, "", NULL, 0, old, 4, &headers, &count) == S_OK);
  CHECK(WebSocketBeginServerHandshake(server, "", NULL, 0, old, 4, &headers, &count) == E_INVALID_PROTOCOL_OPERATION);
  /* the first call of the session ends the handshake */
  CHECK(WebSocketReceive(server, NULL, NULL) == S_OK);
  CHECK(WebSocketEndServerHandshake(server) == E_INVALID_PROTOCOL_OPERATION);
  WebSocketDeleteHandle(server);
  CHECK(WebSocketCreateClientHandle(NULL, 0, &client) == S_OK);
  CHECK(WebSocketBeginClientHandshake(client, bad, 1, NULL, 0, NULL, 0, &headers, &count) == E_INVALIDARG);
  CHECK(WebSocketBeginClientHandshake(client, NULL, 0, extensions, 2, NULL, 0, &headers, &count) == S_OK);
  CHECK(WebSocketSend(client, TYPE(TEXT), NULL, NULL) == E_INVALID_PROTOCOL_OPERATION);
  CHECK(WebSocketEndClientHandshake(client, old, 2, indices, &capacity, NULL) == (HRESULT)0x8007007A);
  CHECK(WebSocketEndClientHandshake(client, old, 2, NULL, &capacity, NULL) == E_INVALIDARG);
  CHECK(WebSocketEndClientHandshake(client, old, 2, NULL, NULL, NULL) == E_INVALID_PROTOCOL_FORMAT);
  WebSocketDeleteHandle(client);
}

static void a_violation_repeats_and_says_what_to_close_with(void) {
  WEB_SOCKET_HANDLE server = open_server(NULL, 0);
  BYTE bad[8] = {0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28};
  Action it;
  CHECK(WebSocketReceive(server, NULL, server) == S_OK);
  it = get(server, WEB_SOCKET_RECEIVE_ACTION_QUEUE, 1);
  CopyMemory(it.buffers[0].Data.pbBuffer, bad, sizeof bad);
  complete(server, it, sizeof bad);
  for (int again = 0; again < 2; again++) {
    it = get(server, WEB_SOCKET_RECEIVE_ACTION_QUEUE, 1);
    CHECK(it.result == E_INVALID_PROTOCOL_FORMAT && it.action == WEB_SOCKET_NO_ACTION && it.count == 0 && it.type == 0);
    CHECK(it.context == NULL && it.application == NULL && it.buffers[0].Data.pbBuffer == NULL);
    CHECK(it.buffers[0].CloseStatus.usStatus == WEB_SOCKET_INVALID_PAYLOAD_CLOSE_STATUS);
  }
  WebSocketAbortHandle(server);
  it = get(server, WEB_SOCKET_ALL_ACTION_QUEUE, 2);
  CHECK(it.result == S_OK && it.action == WEB_SOCKET_INDICATE_RECEIVE_COMPLETE_ACTION && it.application == server);
  CHECK(it.buffers[0].Data.pbBuffer == NULL && it.buffers[0].Data.ulBufferLength == 0 && it.type == 0);
  complete(server, it, 0);
  CHECK(get(server, WEB_SOCKET_ALL_ACTION_QUEUE, 2).action == WEB_SOCKET_NO_ACTION);
  WebSocketDeleteHandle(server);
}

/* RFC 6455, 7.4.1 and 7.4.2, and the registry's 1012 to 1014. */
static void close_statuses_are_sent_and_received_as_the_rfc_has_them(void) {
  static const struct {
    USHORT status;
    BOOL ok;
  } table[] = {{0, FALSE},    {999, FALSE},  {1000, TRUE},  {1003, TRUE},  {1004, FALSE}, {1006, FALSE},
               {1007, TRUE},  {1011, TRUE},  {1012, TRUE},  {1014, TRUE},  {1015, FALSE}, {1016, FALSE},
               {2000, FALSE}, {2999, FALSE}, {3000, TRUE},  {3999, TRUE},  {4000, TRUE},  {4999, TRUE},
               {5000, FALSE}, {65535, FALSE}};
  for (ULONG i = 0; i < ARRAYSIZE(table); i++) {
    WEB_SOCKET_HANDLE server = open_server(NULL, 0);
    BYTE frame[8] = {0x88, 0x82, 0, 0, 0, 0, (BYTE)(table[i].status >> 8), (BYTE)table[i].status};
    WEB_SOCKET_BUFFER close = data(NULL, 0);
    Action it;
    CHECK(WebSocketReceive(server, NULL, NULL) == S_OK);
    it = get(server, WEB_SOCKET_RECEIVE_ACTION_QUEUE, 1);
    CopyMemory(it.buffers[0].Data.pbBuffer, frame, sizeof frame);
    complete(server, it, sizeof frame);
    it = get(server, WEB_SOCKET_RECEIVE_ACTION_QUEUE, 1);
    CHECK(it.result == (table[i].ok ? S_OK : E_INVALID_PROTOCOL_FORMAT));
    CHECK(it.buffers[0].CloseStatus.usStatus == (table[i].ok ? table[i].status : 1002));
    close.CloseStatus.usStatus = table[i].status;
    CHECK(WebSocketSend(server, WEB_SOCKET_CLOSE_BUFFER_TYPE, &close, NULL) == (table[i].ok ? S_OK : E_INVALIDARG));
    WebSocketDeleteHandle(server);
  }
}

static void all_queues_together_give_an_owed_pong_then_sends_then_receives(void) {
  WEB_SOCKET_HANDLE server = open_server(NULL, 0);
  WEB_SOCKET_BUFFER hello = data("Hello", 5);
  int all = WEB_SOCKET_ALL_ACTION_QUEUE, sending, receiving;
  Action write, read, pong;
  CHECK(get(server, all, 2).action == WEB_SOCKET_NO_ACTION);
  CHECK(WebSocketReceive(server, NULL, &receiving) == S_OK);
  CHECK(WebSocketSend(server, TYPE(TEXT), &hello, &sending) == S_OK);
  write = get(server, all, 2);
  CHECK(write.action == WEB_SOCKET_SEND_TO_NETWORK_ACTION && write.application == &sending);
  read = get(server, all, 2);
  CHECK(read.action == WEB_SOCKET_RECEIVE_FROM_NETWORK_ACTION && read.application == &receiving);
  CHECK(get(server, all, 2).action == WEB_SOCKET_NO_ACTION);
  complete(server, write, 7);
  CopyMemory(read.buffers[0].Data.pbBuffer, "\x89\x80\0\0\0", 6);
  complete(server, read, 6);
  CHECK(WebSocketSend(server, TYPE(TEXT), &hello, &sending) == S_OK);
  pong = get(server, all, 2);
  CHECK(pong.action == WEB_SOCKET_INDICATE_SEND_COMPLETE_ACTION && pong.application == &sending);
  complete(server, pong, 0);
  CHECK(get(server, WEB_SOCKET_RECEIVE_ACTION_QUEUE, 1).action == WEB_SOCKET_SEND_TO_NETWORK_ACTION);
  CHECK(get(server, all, 2).action == WEB_SOCKET_NO_ACTION);
  WebSocketAbortHandle(server);
  WebSocketDeleteHandle(server);
}

static void a_handle_is_deleted_in_any_state_and_an_aborted_one_takes_nothing(void) {
  WEB_SOCKET_BUFFER hello = data("Hello", 5);
  for (int state = 0; state < 4; state++) {
    WEB_SOCKET_HANDLE server;
    if (state == 0) {
      CHECK(WebSocketCreateServerHandle(NULL, 0, &server) == S_OK);
      WebSocketAbortHandle(server); /* without effect before the handshake's end */
    } else {
      server = open_server(NULL, 0);
      CHECK(WebSocketSend(server, TYPE(TEXT), &hello, NULL) == S_OK);
      CHECK(WebSocketReceive(server, NULL, NULL) == S_OK);
    }
    if (state >= 2) CHECK(get(server, WEB_SOCKET_ALL_ACTION_QUEUE, 2).action == WEB_SOCKET_SEND_TO_NETWORK_ACTION);
    if (state == 3) {
      WebSocketAbortHandle(server);
      CHECK(WebSocketSend(server, TYPE(TEXT), &hello, NULL) == E_INVALID_PROTOCOL_OPERATION);
      CHECK(WebSocketReceive(server, NULL, NULL) == E_INVALID_PROTOCOL_OPERATION);
    }
    WebSocketDeleteHandle(server);
  }
  WebSocketDeleteHandle(NULL);
  WebSocketAbortHandle(NULL);
  WebSocketCompleteAction(NULL, NULL, 0);
}

/* A server of production completes each write with 0, and goes on. */
static void a_write_completed_with_0_cancels_and_a_short_one_aborts(void) {
  ULONG counts[3] = {0, 99, 2}, i;
  for (i = 0; i < 3; i++) {
    WEB_SOCKET_HANDLE server = open_server(NULL, 0);
    WEB_SOCKET_BUFFER buffer = data("Hello", 5);
    CHECK(WebSocketSend(server, TYPE(TEXT), &buffer, NULL) == S_OK);
    complete(server, get(server, WEB_SOCKET_SEND_ACTION_QUEUE, 2), counts[i]);
    CHECK(get(server, WEB_SOCKET_SEND_ACTION_QUEUE, 2).action == WEB_SOCKET_INDICATE_SEND_COMPLETE_ACTION);
    CHECK(WebSocketSend(server, TYPE(TEXT), &buffer, NULL) == (counts[i] == 2 ? E_INVALID_PROTOCOL_OPERATION : S_OK));
    WebSocketDeleteHandle(server);
  }
}

/* With its header it would be more than ULONG says. Nothing of these payloads is there, or read. */
static void a_payload_whose_write_could_not_be_completed_is_refused(void) {
  const ULONG longest = 0xFFFFFFFFu - 14;
  ULONG lengths[3] = {0xFFFFFFFFu, longest + 1, longest}, i;
  for (i = 0; i < 3; i++) {
    WEB_SOCKET_HANDLE server = open_server(NULL, 0);
    WEB_SOCKET_BUFFER buffer = data("Hello", lengths[i]);
    HRESULT result = WebSocketSend(server, WEB_SOCKET_BINARY_MESSAGE_BUFFER_TYPE, &buffer, NULL);
    CHECK(result == (lengths[i] == longest ? S_OK : E_INVALIDARG));
    buffer = data("Hello", 5);
    if (lengths[i] == longest) complete(server, get(server, WEB_SOCKET_SEND_ACTION_QUEUE, 2), 10 + longest);
    if (lengths[i] == longest) complete(server, get(server, WEB_SOCKET_SEND_ACTION_QUEUE, 2), 0);
    CHECK(WebSocketSend(server, WEB_SOCKET_BINARY_MESSAGE_BUFFER_TYPE, &buffer, NULL) == S_OK);
    WebSocketDeleteHandle(server);
  }
}

static void global_properties_are_read_without_a_handle(void) {
  ULONG value = 0, size = 4;
  CHECK(WebSocketGetGlobalProperty(WEB_SOCKET_KEEPALIVE_INTERVAL_PROPERTY_TYPE, &value, &size) == S_OK);
  CHECK(value == 30000 && size == 4);
  size = 8;
  CHECK(WebSocketGetGlobalProperty(WEB_SOCKET_SUPPORTED_VERSIONS_PROPERTY_TYPE, &value, &size) == S_OK);
  CHECK(value == 13 && size == 4);
  size = 0;
  CHECK(WebSocketGetGlobalProperty(WEB_SOCKET_SUPPORTED_VERSIONS_PROPERTY_TYPE, NULL, &size) == (HRESULT)0x8007007A);
  CHECK(size == 4);
  CHECK(WebSocketGetGlobalProperty(WEB_SOCKET_SEND_BUFFER_SIZE_PROPERTY_TYPE, &value, &size) == E_INVALIDARG);
  CHECK(WebSocketGetGlobalProperty(WEB_SOCKET_SUPPORTED_VERSIONS_PROPERTY_TYPE, &value, NULL) == E_INVALIDARG);
}

static void messages_are_compressed_if_both_ask_for_it(void) {
  static BYTE text[20000], back[20000];
  BOOL yes = TRUE;
  WEB_SOCKET_PROPERTY property = {WEB_SOCKET_PERMESSAGE_DEFLATE_PROPERTY_TYPE, &yes, sizeof yes};
  WEB_SOCKET_HANDLE client, server;
  WEB_SOCKET_BUFFER buffer = data(text, sizeof text);
  ULONG length = 0;
  Action it;
  memset(text, 'a', sizeof text);
  wire_start = wire_end = 0;
  open_both(&property, 1, &client, &server);
  CHECK(WebSocketSend(client, TYPE(TEXT), &buffer, NULL) == S_OK);
  pump(client, NULL, NULL);
  CHECK(wire_end < 1000);
  do {
    CHECK(WebSocketReceive(server, NULL, NULL) == S_OK);
    it = pump(server, back, &length);
  } while (it.type == (ULONG)WEB_SOCKET_UTF8_FRAGMENT_BUFFER_TYPE);
  CHECK(it.type == TEXT && length == sizeof text && memcmp(text, back, sizeof text) == 0);
  WebSocketDeleteHandle(client);
  WebSocketDeleteHandle(server);
}

static void a_limit_ends_the_connection_with_1009(void) {
  uint64_t most = 4;
  WEB_SOCKET_PROPERTY property = {WEB_SOCKET_MAX_MESSAGE_SIZE_PROPERTY_TYPE, &most, sizeof most};
  WEB_SOCKET_HANDLE server = open_server(&property, 1);
  BYTE five[6] = {0x82, 0x85, 0, 0, 0, 0};
  Action it;
  CHECK(WebSocketReceive(server, NULL, NULL) == S_OK);
  it = get(server, WEB_SOCKET_RECEIVE_ACTION_QUEUE, 1);
  CopyMemory(it.buffers[0].Data.pbBuffer, five, sizeof five);
  complete(server, it, sizeof five);
  it = get(server, WEB_SOCKET_RECEIVE_ACTION_QUEUE, 1);
  CHECK(FAILED(it.result) && it.buffers[0].CloseStatus.usStatus == WEB_SOCKET_MESSAGE_TOO_BIG_CLOSE_STATUS);
  WebSocketDeleteHandle(server);
}

#ifndef _WIN32
/* A masking key that two processes have can be guessed. */
static void a_forked_process_has_masking_keys_of_its_own(void) {
  WEB_SOCKET_HANDLE client, server;
  BYTE child[6], parent[6];
  int ends[2], status;
  Action it;
  pid_t pid;
  open_both(NULL, 0, &client, &server);
  CHECK(pipe(ends) == 0 && WebSocketSend(client, WEB_SOCKET_PING_PONG_BUFFER_TYPE, NULL, NULL) == S_OK);
  pid = fork();
  it = get(client, WEB_SOCKET_SEND_ACTION_QUEUE, 1);
  CopyMemory(parent, it.buffers[0].Data.pbBuffer, 6);
  if (pid == 0) _exit(write(ends[1], parent, 6) == 6 ? 0 : 1);
  CHECK(read(ends[0], child, 6) == 6 && waitpid(pid, &status, 0) == pid);
  CHECK(memcmp(child, "\x89\x80", 2) == 0 && memcmp(parent, "\x89\x80", 2) == 0 && memcmp(child, parent, 6) != 0);
  close(ends[0]);
  close(ends[1]);
  WebSocketDeleteHandle(client);
  WebSocketDeleteHandle(server);
}
#endif

static void test(const char *name, void (*run)(void)) {
  failures = 0;
  run();
  printf("test %s ... %s\n", name, failures == 0 ? "ok" : "FAILED");
  if (failures == 0)
    passed++;
  else
    failed++;
}

int main(void) {
#define TEST(name) test(#name, name)
  TEST(layouts_are_those_of_the_sdk);
  TEST(the_samples_flow_sends_a_text_and_closes);
  TEST(a_servers_payload_is_the_applications_own_memory);
  TEST(a_receive_into_the_applications_buffer_fills_it);
  TEST(all_pointers_lie_in_the_allocated_buffer);
  TEST(properties_out_of_their_range_are_refused);
  TEST(null_pointers_and_the_wrong_role_are_refused);
  TEST(the_role_and_the_state_come_before_arguments_and_a_long_reason_is_not_read);
  TEST(a_handshake_reports_what_is_wrong);
  TEST(a_violation_repeats_and_says_what_to_close_with);
  TEST(close_statuses_are_sent_and_received_as_the_rfc_has_them);
  TEST(all_queues_together_give_an_owed_pong_then_sends_then_receives);
  TEST(a_handle_is_deleted_in_any_state_and_an_aborted_one_takes_nothing);
  TEST(a_write_completed_with_0_cancels_and_a_short_one_aborts);
  TEST(a_payload_whose_write_could_not_be_completed_is_refused);
  TEST(global_properties_are_read_without_a_handle);
  TEST(messages_are_compressed_if_both_ask_for_it);
  TEST(a_limit_ends_the_connection_with_1009);
#ifndef _WIN32
  TEST(a_forked_process_has_masking_keys_of_its_own);
#endif
  printf("test result: %s. %d passed; %d failed;\n", failed == 0 ? "ok" : "FAILED", passed, failed);
  return failed != 0;
}
