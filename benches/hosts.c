/* The cost of a call in C: `make -C bindings/c`, then
 *   cc -O2 -Ibindings/c/include -o build/hosts-cost benches/hosts.c bindings/c/build/libwebsocket.a -lpthread -ldl -lm
 * Microseconds a message from a client's handle to a server's, in memory: the best of five rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <websocket.h>

static BYTE wire[1 << 18];
static ULONG wire_start, wire_end;

static void check(HRESULT result) {
  if (FAILED(result)) {
    fprintf(stderr, "hosts: 0x%08X\n", (unsigned)result);
    exit(1);
  }
}

/* Takes actions until there is none, or nothing to read. */
static void pump(WEB_SOCKET_HANDLE handle) {
  for (;;) {
    WEB_SOCKET_BUFFER buffers[2];
    WEB_SOCKET_BUFFER_TYPE type;
    WEB_SOCKET_ACTION action;
    ULONG count = 2, bytes = 0, i;
    PVOID application, context;
    check(WebSocketGetAction(handle, WEB_SOCKET_ALL_ACTION_QUEUE, buffers, &count, &action, &type, &application, &context));
    if (action == WEB_SOCKET_NO_ACTION) return;
    if (action == WEB_SOCKET_SEND_TO_NETWORK_ACTION) {
      for (i = 0; i < count; i++) {
        memcpy(wire + wire_end + bytes, buffers[i].Data.pbBuffer, buffers[i].Data.ulBufferLength);
        bytes += buffers[i].Data.ulBufferLength;
      }
      wire_end += bytes;
    } else if (action == WEB_SOCKET_RECEIVE_FROM_NETWORK_ACTION) {
      bytes = wire_end - wire_start;
      if (bytes > buffers[0].Data.ulBufferLength) bytes = buffers[0].Data.ulBufferLength;
      memcpy(buffers[0].Data.pbBuffer, wire + wire_start, bytes);
      wire_start += bytes;
    }
    WebSocketCompleteAction(handle, context, bytes);
    if (action == WEB_SOCKET_INDICATE_RECEIVE_COMPLETE_ACTION) return;
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void open_both(WEB_SOCKET_HANDLE *client, WEB_SOCKET_HANDLE *server) {
  ULONG size = 65536 + 144, request_count, response_count;
  WEB_SOCKET_PROPERTY sizes[2] = {{WEB_SOCKET_RECEIVE_BUFFER_SIZE_PROPERTY_TYPE, &size, sizeof size},
                                  {WEB_SOCKET_SEND_BUFFER_SIZE_PROPERTY_TYPE, &size, sizeof size}};
  WEB_SOCKET_HTTP_HEADER all[16], host = {(PCHAR) "Host", 4, (PCHAR) "localhost", 9};
  PWEB_SOCKET_HTTP_HEADER request, response;
  check(WebSocketCreateClientHandle(sizes, 2, client));
  check(WebSocketCreateServerHandle(sizes, 2, server));
  check(WebSocketBeginClientHandshake(*client, NULL, 0, NULL, 0, NULL, 0, &request, &request_count));
  memcpy(all, request, request_count * sizeof *request);
  all[request_count] = host;
  check(WebSocketBeginServerHandshake(*server, NULL, NULL, 0, all, request_count + 1, &response, &response_count));
  check(WebSocketEndClientHandshake(*client, response, response_count, NULL, NULL, NULL));
  check(WebSocketEndServerHandshake(*server));
}

int main(void) {
  static BYTE payload[65536];
  ULONG sizes[3] = {16, 1024, 65536}, i;
  for (i = 0; i < 3; i++) {
    double best[2] = {1e9, 1e9};
    for (int round = 0; round < 5; round++) {
      WEB_SOCKET_HANDLE client, server;
      double spent[2] = {0, 0};
      open_both(&client, &server);
      for (int message = 0; message < 2000; message++) {
        WEB_SOCKET_BUFFER buffer = {.Data = {payload, sizes[i]}};
        double start = now(), middle;
        wire_start = wire_end = 0;
        check(WebSocketSend(client, WEB_SOCKET_BINARY_MESSAGE_BUFFER_TYPE, &buffer, NULL));
        pump(client);
        middle = now();
        while (wire_start < wire_end) {
          check(WebSocketReceive(server, NULL, NULL));
          pump(server);
        }
        spent[0] += middle - start;
        spent[1] += now() - middle;
      }
      for (int part = 0; part < 2; part++)
        if (spent[part] / 2000 < best[part]) best[part] = spent[part] / 2000;
      WebSocketDeleteHandle(client);
      WebSocketDeleteHandle(server);
    }
    printf("C: %u bytes: send %.2f µs, receive %.2f µs\n", (unsigned)sizes[i], best[0], best[1]);
  }
}
