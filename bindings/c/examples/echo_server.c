/* An echo server over POSIX sockets and poll: echo_server [PORT], 9001 by default; 0 takes a free port.
 *
 * Each connection has at most one write and one read under way. While the peer does not take what is written, nothing more is
 * read from it: that is the back-pressure of the action loop. */
#include <websocket_component.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* A peer that sends faster than this reads gets MAX_READS in a row; then it is the others' turn. */
enum { MAX_CONNECTIONS = 256, MAX_HEAD = 16 * 1024, MAX_HEADERS = 64, MAX_READS = 4 };

typedef struct {
  BYTE *bytes;
  size_t length;
  size_t capacity;
} Bytes;

typedef struct {
  int fd;
  WEB_SOCKET_HANDLE handle;
  BOOL is_open;
  Bytes head;    /* the request, and what came behind it */
  Bytes message; /* the parts that have come of one */
  Bytes reply;   /* the head of the response, to be written before anything else */
  size_t replied;
  PVOID reading; /* the action contexts of what is under way, or NULL */
  WEB_SOCKET_BUFFER room;
  PVOID writing;
  WEB_SOCKET_BUFFER parts[2];
  size_t written, to_write;
  BOOL close_sent, is_done;
} Connection;

static Connection connections[MAX_CONNECTIONS];
static struct pollfd polls[MAX_CONNECTIONS + 1];
static int count;

static void append(Bytes *to, const void *bytes, size_t length) {
  if (length == 0) return;
  if (to->capacity - to->length < length) {
    to->capacity = 2 * to->capacity > to->length + length ? 2 * to->capacity : to->length + length;
    to->bytes = realloc(to->bytes, to->capacity);
    if (to->bytes == NULL) abort();
  }
  memcpy(to->bytes + to->length, bytes, length);
  to->length += length;
}

static void append_text(Bytes *to, const char *text) { append(to, text, strlen(text)); }

/* Takes the header fields out of a request's head, in place. */
static ULONG parse_head(char *head, WEB_SOCKET_HTTP_HEADER *headers) {
  ULONG found = 0;
  char *line = strstr(head, "\r\n");
  while (line != NULL && found < MAX_HEADERS) {
    char *name = line + 2, *end = strstr(name, "\r\n"), *colon = strchr(name, ':'), *value;
    if (end == NULL || end == name) break;
    if (colon == NULL || colon > end) return 0;
    for (value = colon + 1; value < end && isblank((unsigned char)*value); value++) continue;
    headers[found].pcName = name;
    headers[found].ulNameLength = (ULONG)(colon - name);
    headers[found].pcValue = value;
    headers[found].ulValueLength = (ULONG)(end - value);
    found++;
    line = end;
  }
  return found;
}

/* Answers the request once its head is whole. FALSE ends the connection, after what is in `reply`. */
static BOOL shake_hands(Connection *it) {
  WEB_SOCKET_HTTP_HEADER headers[MAX_HEADERS];
  PWEB_SOCKET_HTTP_HEADER response;
  ULONG response_count, i;
  char *end;
  size_t behind;
  append(&it->head, "", 1);
  end = strstr((char *)it->head.bytes, "\r\n\r\n");
  it->head.length--;
  if (end == NULL) return it->head.length < MAX_HEAD;
  if (strncmp((char *)it->head.bytes, "GET ", 4) != 0 ||
      FAILED(WebSocketBeginServerHandshake(it->handle, NULL, NULL, 0, headers,
                                           parse_head((char *)it->head.bytes, headers), &response, &response_count))) {
    append_text(&it->reply, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    return FALSE;
  }
  append_text(&it->reply, "HTTP/1.1 101 Switching Protocols\r\n");
  for (i = 0; i < response_count; i++) {
    append(&it->reply, response[i].pcName, response[i].ulNameLength);
    append_text(&it->reply, ": ");
    append(&it->reply, response[i].pcValue, response[i].ulValueLength);
    append_text(&it->reply, "\r\n");
  }
  append_text(&it->reply, "\r\n");
  behind = (size_t)(end + 4 - (char *)it->head.bytes);
  it->head.length -= behind;
  memmove(it->head.bytes, it->head.bytes + behind, it->head.length);
  it->is_open = SUCCEEDED(WebSocketEndServerHandshake(it->handle)) && SUCCEEDED(WebSocketReceive(it->handle, NULL, NULL));
  return it->is_open;
}

static void send_close(Connection *it, USHORT status) {
  WEB_SOCKET_BUFFER buffer;
  ZeroMemory(&buffer, sizeof buffer);
  buffer.CloseStatus.usStatus = status;
  if (!it->close_sent &&
      FAILED(WebSocketSend(it->handle, WEB_SOCKET_CLOSE_BUFFER_TYPE,
                           status == WEB_SOCKET_EMPTY_CLOSE_STATUS ? NULL : &buffer, NULL)))
    it->is_done = TRUE;
  it->close_sent = TRUE;
}

/* Deals with what was received. The message's memory goes with the send, and comes back when that is indicated. */
static void received(Connection *it, WEB_SOCKET_BUFFER_TYPE type, const WEB_SOCKET_BUFFER *buffer) {
  WEB_SOCKET_BUFFER echo;
  switch ((ULONG)type) {
  case WEB_SOCKET_CLOSE_BUFFER_TYPE:
    send_close(it, buffer->CloseStatus.usStatus);
    return;
  case WEB_SOCKET_UTF8_FRAGMENT_BUFFER_TYPE:
  case WEB_SOCKET_BINARY_FRAGMENT_BUFFER_TYPE:
    append(&it->message, buffer->Data.pbBuffer, buffer->Data.ulBufferLength);
    break;
  case WEB_SOCKET_UTF8_MESSAGE_BUFFER_TYPE:
  case WEB_SOCKET_BINARY_MESSAGE_BUFFER_TYPE:
    append(&it->message, buffer->Data.pbBuffer, buffer->Data.ulBufferLength);
    echo.Data.pbBuffer = it->message.bytes;
    echo.Data.ulBufferLength = (ULONG)it->message.length;
    if (FAILED(WebSocketSend(it->handle, type, &echo, it->message.bytes))) free(it->message.bytes);
    ZeroMemory(&it->message, sizeof it->message);
    break;
  default: /* a pong, or a receive that was cancelled */
    break;
  }
  WebSocketReceive(it->handle, NULL, NULL);
}

/* Takes the next action. FALSE if there is none now. */
static BOOL take_action(Connection *it) {
  WEB_SOCKET_BUFFER buffers[2];
  ULONG buffer_count = 2, i;
  WEB_SOCKET_ACTION action;
  WEB_SOCKET_BUFFER_TYPE type;
  PVOID application_context, context;
  if (FAILED(WebSocketGetAction(it->handle, WEB_SOCKET_ALL_ACTION_QUEUE, buffers, &buffer_count, &action, &type,
                                &application_context, &context))) {
    if (it->close_sent) return !(it->is_done = TRUE);
    send_close(it, buffers[0].CloseStatus.usStatus != 0 ? buffers[0].CloseStatus.usStatus
                                                        : (USHORT)WEB_SOCKET_SERVER_ERROR_CLOSE_STATUS);
    return TRUE;
  }
  switch (action) {
  case WEB_SOCKET_SEND_TO_NETWORK_ACTION:
    ZeroMemory(it->parts, sizeof it->parts);
    for (i = 0, it->to_write = 0; i < buffer_count; i++) {
      it->parts[i] = buffers[i];
      it->to_write += buffers[i].Data.ulBufferLength;
    }
    it->written = 0;
    it->writing = context;
    return TRUE;
  case WEB_SOCKET_RECEIVE_FROM_NETWORK_ACTION:
    it->room = buffers[0];
    it->reading = context;
    return TRUE;
  case WEB_SOCKET_INDICATE_SEND_COMPLETE_ACTION:
    free(application_context);
    WebSocketCompleteAction(it->handle, context, 0);
    if (type == WEB_SOCKET_CLOSE_BUFFER_TYPE) it->is_done = TRUE; /* the server ends the connection first */
    return TRUE;
  case WEB_SOCKET_INDICATE_RECEIVE_COMPLETE_ACTION:
    received(it, type, &buffers[0]);
    WebSocketCompleteAction(it->handle, context, 0);
    return TRUE;
  default:
    return FALSE;
  }
}

/* Writes what is under way, both parts in one call. FALSE if the network takes no more now, or never will. */
static BOOL write_some(Connection *it) {
  while (it->written < it->to_write) {
    struct iovec rest[2];
    struct msghdr message;
    size_t skip = it->written, i;
    ssize_t n;
    for (i = 0; i < 2; i++) {
      size_t length = it->parts[i].Data.ulBufferLength, gone = skip < length ? skip : length;
      rest[i].iov_base = length > 0 ? it->parts[i].Data.pbBuffer + gone : NULL;
      rest[i].iov_len = length - gone;
      skip -= gone;
    }
    ZeroMemory(&message, sizeof message);
    message.msg_iov = rest;
    message.msg_iovlen = 2;
    n = sendmsg(it->fd, &message, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) it->is_done = TRUE;
      return FALSE;
    }
    it->written += (size_t)n;
  }
  WebSocketCompleteAction(it->handle, it->writing, (ULONG)it->written);
  it->writing = NULL;
  return TRUE;
}

/* Reads what has come. FALSE if nothing has, or the peer is gone. */
static BOOL read_some(Connection *it) {
  ssize_t n;
  if (it->head.length > 0) { /* it came behind the request */
    n = (ssize_t)(it->head.length < it->room.Data.ulBufferLength ? it->head.length : it->room.Data.ulBufferLength);
    memcpy(it->room.Data.pbBuffer, it->head.bytes, (size_t)n);
    it->head.length -= (size_t)n;
    memmove(it->head.bytes, it->head.bytes + n, it->head.length);
  } else {
    n = recv(it->fd, it->room.Data.pbBuffer, it->room.Data.ulBufferLength, 0);
    if (n <= 0) {
      if (n == 0 || (errno != EAGAIN && errno != EINTR)) it->is_done = TRUE;
      return FALSE;
    }
  }
  WebSocketCompleteAction(it->handle, it->reading, (ULONG)n);
  it->reading = NULL;
  return TRUE;
}

/* Does all that can be done now; returns what to wait for. */
static short go_on(Connection *it) {
  int reads = 0;
  while (it->replied < it->reply.length) {
    ssize_t n = send(it->fd, it->reply.bytes + it->replied, it->reply.length - it->replied, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR ? POLLOUT : !(it->is_done = TRUE);
    it->replied += (size_t)n;
  }
  if (!it->is_open) {
    BYTE chunk[4096];
    ssize_t n = recv(it->fd, chunk, sizeof chunk, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return POLLIN;
    append(&it->head, chunk, n > 0 ? (size_t)n : 0);
    if (n <= 0 || !shake_hands(it)) {
      if (it->reply.length > 0) send(it->fd, it->reply.bytes, it->reply.length, MSG_NOSIGNAL);
      it->is_done = TRUE;
    }
    return it->reply.length > 0 ? POLLOUT : POLLIN;
  }
  while (!it->is_done) {
    if (it->writing != NULL) {
      if (!write_some(it)) return POLLOUT;
    } else if (!take_action(it)) {
      if (it->reading == NULL) break; /* the peer has closed, and so have we */
      if (it->head.length == 0 && ++reads > MAX_READS) return POLLIN;
      if (!read_some(it)) return POLLIN;
    }
  }
  return 0;
}

static void end(Connection *it) {
  BYTE rest[4096];
  PVOID application_context;
  WEB_SOCKET_ACTION action;
  /* what is still queued comes back, and with it the memory of messages */
  WebSocketCompleteAction(it->handle, it->writing, 0);
  WebSocketCompleteAction(it->handle, it->reading, 0);
  WebSocketAbortHandle(it->handle);
  do {
    WEB_SOCKET_BUFFER buffers[2];
    ULONG buffer_count = 2;
    WEB_SOCKET_BUFFER_TYPE type;
    PVOID context;
    WebSocketGetAction(it->handle, WEB_SOCKET_ALL_ACTION_QUEUE, buffers, &buffer_count, &action, &type,
                       &application_context, &context);
    free(application_context);
    WebSocketCompleteAction(it->handle, context, 0);
  } while (action != WEB_SOCKET_NO_ACTION);
  WebSocketDeleteHandle(it->handle);
  /* unread bytes would make the system reset the connection, and the peer lose our close */
  shutdown(it->fd, SHUT_WR);
  while (recv(it->fd, rest, sizeof rest, 0) > 0) continue;
  close(it->fd);
  free(it->head.bytes);
  free(it->message.bytes);
  free(it->reply.bytes);
}

static void accept_one(int listener) {
  Connection *it = &connections[count];
  int yes = 1;
  /* 64 KiB at a time; compressed, if the client offers it; 64 MiB of a message at most */
  ULONG receive_size = 65536;
  BOOL deflate = TRUE;
  uint64_t longest = 64u << 20;
  WEB_SOCKET_PROPERTY properties[3] = {
      {WEB_SOCKET_RECEIVE_BUFFER_SIZE_PROPERTY_TYPE, &receive_size, sizeof receive_size},
      {WEB_SOCKET_PERMESSAGE_DEFLATE_PROPERTY_TYPE, &deflate, sizeof deflate},
      {WEB_SOCKET_MAX_MESSAGE_SIZE_PROPERTY_TYPE, &longest, sizeof longest},
  };
  ZeroMemory(it, sizeof *it);
  it->fd = accept(listener, NULL, NULL);
  if (it->fd < 0) return;
  fcntl(it->fd, F_SETFL, O_NONBLOCK);
  setsockopt(it->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* a frame waits for no other */
  if (FAILED(WebSocketCreateServerHandle(properties, ARRAYSIZE(properties), &it->handle))) {
    close(it->fd);
    return;
  }
  polls[++count].fd = it->fd;
  polls[count].events = POLLIN;
}

int main(int argc, char **argv) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1, i;
  signal(SIGPIPE, SIG_IGN);
  ZeroMemory(&address, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 9001));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
    perror("echo_server");
    return 1;
  }
  printf("listening on ws://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  polls[0].fd = listener;
  for (;;) {
    polls[0].events = count < MAX_CONNECTIONS ? POLLIN : 0;
    if (poll(polls, (nfds_t)count + 1, -1) < 0) continue;
    for (i = count; i >= 1; i--) {
      Connection *it = &connections[i - 1];
      if (polls[i].revents == 0) continue;
      polls[i].events = go_on(it);
      if (!it->is_done && polls[i].events != 0) continue;
      end(it);
      connections[i - 1] = connections[count - 1];
      polls[i] = polls[count--];
    }
    if (polls[0].revents & POLLIN) accept_one(listener);
  }
}
