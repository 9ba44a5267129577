// An echo client in C++: echo_client URL [TEXT]. With a text it sends that (unless it is empty), prints the answer, and
// closes; a text without an answer is a failure. Without a text it echoes what comes until the server closes. For wss:
// it speaks TLS by OpenSSL, with the system's roots (or those in SSL_CERT_FILE).
#include <websocket_component.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void check(HRESULT result, const char *what) {
  if (FAILED(result)) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%08X", static_cast<unsigned>(result));
    throw Failure(std::string(what) + ": " + text);
  }
}

struct Url {
  bool is_secure;
  std::string host, port, target;
  std::string address; // the host without the brackets of IPv6

  explicit Url(const std::string &text) {
    is_secure = text.rfind("wss://", 0) == 0;
    if (!is_secure && text.rfind("ws://", 0) != 0) throw Failure("a URL begins with ws:// or wss://");
    const auto begin = is_secure ? 6u : 5u;
    const auto end = text.find_first_of("/?", begin);
    const auto authority = text.substr(begin, end == std::string::npos ? end : end - begin);
    const auto colon = authority.find(':', authority.rfind(']') + 1); // those in brackets belong to the address
    host = authority.substr(0, colon);
    port = colon == std::string::npos ? (is_secure ? "443" : "80") : authority.substr(colon + 1);
    address = !host.empty() && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
    target = end == std::string::npos ? "/" : text.substr(end);
    if (target.front() == '?') target.insert(0, "/");
  }
};

// A stream over TCP, with TLS or without.
class Stream {
public:
  explicit Stream(const Url &url) : fd_(connected(url)), context_(nullptr, SSL_CTX_free), tls_(nullptr, SSL_free) {
    if (!url.is_secure) return;
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_default_verify_paths(context_.get());
    tls_.reset(SSL_new(context_.get()));
    SSL_set_fd(tls_.get(), fd_);
    SSL_set_tlsext_host_name(tls_.get(), url.address.c_str());
    SSL_set1_host(tls_.get(), url.address.c_str());
    if (SSL_connect(tls_.get()) != 1) throw Failure(ERR_error_string(ERR_get_error(), nullptr));
  }

  ~Stream() {
    if (tls_) SSL_shutdown(tls_.get());
    close(fd_);
  }

  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;

  // At least one byte; 0 at the end of the stream.
  std::size_t read(void *bytes, std::size_t length) {
    const auto n = tls_ ? SSL_read(tls_.get(), bytes, static_cast<int>(length)) : recv(fd_, bytes, length, 0);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

  bool write(const void *bytes, std::size_t length) {
    for (auto at = static_cast<const char *>(bytes); length > 0;) {
      const auto n = tls_ ? SSL_write(tls_.get(), at, static_cast<int>(length)) : send(fd_, at, length, MSG_NOSIGNAL);
      if (n <= 0) return false;
      at += n;
      length -= static_cast<std::size_t>(n);
    }
    return true;
  }

  // Whether bytes arrive within `timeout` milliseconds.
  bool has_more(int timeout) {
    if (tls_ && SSL_pending(tls_.get()) > 0) return true;
    pollfd one{fd_, POLLIN, 0};
    return poll(&one, 1, timeout) > 0;
  }

private:
  static int connected(const Url &url) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(url.address.c_str(), url.port.c_str(), &hints, &found) != 0)
      throw Failure("no such host: " + url.host);
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
    for (const addrinfo *one = found; one != nullptr; one = one->ai_next) {
      const int fd = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
      const int yes = 1;
      if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); // a frame waits for no other
      if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) == 0) return fd;
      if (fd >= 0) close(fd);
    }
    throw Failure("no connection: " + std::string(std::strerror(errno)));
  }

  int fd_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_;
};

struct Deleter {
  void operator()(WEB_SOCKET_HANDLE handle) const { WebSocketDeleteHandle(handle); }
};
using Handle = std::unique_ptr<std::remove_pointer_t<WEB_SOCKET_HANDLE>, Deleter>;

// One connection, and what it does with messages.
class Client {
public:
  Client(const std::string &url, const char *text) : url_(url), stream_(url_), text_(text) {
    ULONG size = 65536;
    BOOL deflate = TRUE;
    WEB_SOCKET_PROPERTY properties[] = {
        {WEB_SOCKET_RECEIVE_BUFFER_SIZE_PROPERTY_TYPE, &size, sizeof size},
        {WEB_SOCKET_SEND_BUFFER_SIZE_PROPERTY_TYPE, &size, sizeof size},
        {WEB_SOCKET_PERMESSAGE_DEFLATE_PROPERTY_TYPE, &deflate, sizeof deflate},
    };
    WEB_SOCKET_HANDLE handle = nullptr;
    check(WebSocketCreateClientHandle(properties, ARRAYSIZE(properties), &handle), "create");
    handle_.reset(handle);
    shake_hands();
  }

  void run() {
    if (text_ != nullptr && *text_ != 0) send(WEB_SOCKET_UTF8_MESSAGE_BUFFER_TYPE, std::vector<BYTE>(text_, text_ + std::strlen(text_)));
    check(WebSocketReceive(handle_.get(), nullptr, nullptr), "receive");
    while (take_action()) continue;
    // the server ends the connection; a moment is enough to wait for that
    BYTE rest[4096];
    while (stream_.has_more(1000) && stream_.read(rest, sizeof rest) > 0) continue;
    if (text_ != nullptr && *text_ != 0 && !answered_) throw Failure("the connection ended without an answer");
  }

private:
  void shake_hands() {
    PWEB_SOCKET_HTTP_HEADER added = nullptr;
    ULONG count = 0;
    check(WebSocketBeginClientHandshake(handle_.get(), nullptr, 0, nullptr, 0, nullptr, 0, &added, &count), "begin");
    std::string request = "GET " + url_.target + " HTTP/1.1\r\nHost: " + url_.host + ":" + url_.port + "\r\n";
    for (ULONG i = 0; i < count; i++)
      request += std::string(added[i].pcName, added[i].ulNameLength) + ": " +
                 std::string(added[i].pcValue, added[i].ulValueLength) + "\r\n";
    request += "\r\n";
    if (!stream_.write(request.data(), request.size())) throw Failure("the request could not be written");
    std::size_t end;
    while ((end = early_.find("\r\n\r\n")) == std::string::npos) {
      char chunk[4096];
      const auto n = stream_.read(chunk, sizeof chunk);
      if (n == 0 || early_.size() > 16 * 1024) throw Failure("no response");
      early_.append(chunk, n);
    }
    std::string head = early_.substr(0, end + 2);
    early_.erase(0, end + 4);
    if (head.rfind("HTTP/1.1 101 ", 0) != 0) throw Failure("the server answers " + head.substr(0, head.find("\r\n")));
    std::vector<WEB_SOCKET_HTTP_HEADER> headers;
    for (auto line = head.find("\r\n") + 2; line < head.size(); line = head.find("\r\n", line) + 2) {
      const auto colon = head.find(':', line), stop = head.find("\r\n", line);
      if (colon > stop) throw Failure("no header: " + head.substr(line, stop - line));
      headers.push_back({&head[line], static_cast<ULONG>(colon - line), &head[colon + 1],
                         static_cast<ULONG>(stop - colon - 1)});
    }
    check(WebSocketEndClientHandshake(handle_.get(), headers.data(), static_cast<ULONG>(headers.size()), nullptr, nullptr,
                                      nullptr),
          "end");
  }

  // The payload lives until its send is indicated: the context is its owner.
  void send(WEB_SOCKET_BUFFER_TYPE type, std::vector<BYTE> payload) {
    auto owner = std::make_unique<std::vector<BYTE>>(std::move(payload));
    WEB_SOCKET_BUFFER buffer{};
    buffer.Data.pbBuffer = owner->data();
    buffer.Data.ulBufferLength = static_cast<ULONG>(owner->size());
    check(WebSocketSend(handle_.get(), type, &buffer, owner.get()), "send");
    owner.release();
  }

  void send_close(USHORT status) {
    if (close_sent_) return;
    close_sent_ = true;
    WEB_SOCKET_BUFFER buffer{};
    buffer.CloseStatus.usStatus = status;
    check(WebSocketSend(handle_.get(), WEB_SOCKET_CLOSE_BUFFER_TYPE,
                        status == WEB_SOCKET_EMPTY_CLOSE_STATUS ? nullptr : &buffer, nullptr),
          "close");
  }

  bool take_action() {
    WEB_SOCKET_BUFFER buffers[2];
    ULONG count = 2, bytes = 0;
    WEB_SOCKET_ACTION action;
    WEB_SOCKET_BUFFER_TYPE type;
    PVOID application_context, context;
    const auto queue = failed_ ? WEB_SOCKET_SEND_ACTION_QUEUE : WEB_SOCKET_ALL_ACTION_QUEUE;
    if (FAILED(WebSocketGetAction(handle_.get(), queue, buffers, &count, &action, &type, &application_context, &context))) {
      failed_ = true;
      send_close(buffers[0].CloseStatus.usStatus);
      return true;
    }
    switch (action) {
    case WEB_SOCKET_SEND_TO_NETWORK_ACTION:
      for (ULONG i = 0; i < count; i++)
        if (stream_.write(buffers[i].Data.pbBuffer, buffers[i].Data.ulBufferLength)) bytes += buffers[i].Data.ulBufferLength;
      break;
    case WEB_SOCKET_RECEIVE_FROM_NETWORK_ACTION:
      bytes = read(buffers[0]);
      break;
    case WEB_SOCKET_INDICATE_SEND_COMPLETE_ACTION:
      delete static_cast<std::vector<BYTE> *>(application_context);
      break;
    case WEB_SOCKET_INDICATE_RECEIVE_COMPLETE_ACTION:
      received(type, buffers[0]);
      break;
    default:
      return false;
    }
    WebSocketCompleteAction(handle_.get(), context, bytes);
    return true;
  }

  ULONG read(const WEB_SOCKET_BUFFER &room) {
    if (early_.empty()) return static_cast<ULONG>(stream_.read(room.Data.pbBuffer, room.Data.ulBufferLength));
    const auto n = early_.copy(reinterpret_cast<char *>(room.Data.pbBuffer), room.Data.ulBufferLength);
    early_.erase(0, n);
    return static_cast<ULONG>(n);
  }

  void received(WEB_SOCKET_BUFFER_TYPE type, const WEB_SOCKET_BUFFER &buffer) {
    const auto bytes = buffer.Data.pbBuffer;
    switch (static_cast<ULONG>(type)) {
    case 0: // the stream has ended
      return;
    case WEB_SOCKET_CLOSE_BUFFER_TYPE:
      send_close(buffer.CloseStatus.usStatus);
      return;
    case WEB_SOCKET_PING_PONG_BUFFER_TYPE:
      break;
    default:
      message_.insert(message_.end(), bytes, bytes + buffer.Data.ulBufferLength);
      if (type == WEB_SOCKET_UTF8_MESSAGE_BUFFER_TYPE || type == WEB_SOCKET_BINARY_MESSAGE_BUFFER_TYPE) message(type);
    }
    check(WebSocketReceive(handle_.get(), nullptr, nullptr), "receive");
  }

  void message(WEB_SOCKET_BUFFER_TYPE type) {
    if (text_ == nullptr) {
      send(type, std::move(message_));
    } else {
      std::printf("%.*s\n", static_cast<int>(message_.size()), reinterpret_cast<const char *>(message_.data()));
      answered_ = true;
      send_close(WEB_SOCKET_SUCCESS_CLOSE_STATUS);
    }
    message_.clear();
  }

  Url url_;
  Stream stream_;
  const char *text_;
  Handle handle_;
  std::string early_; // what came behind the response
  std::vector<BYTE> message_;
  bool close_sent_ = false, failed_ = false, answered_ = false;
};

} // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: echo_client URL [TEXT]\n");
    return 2;
  }
  try {
    Client(argv[1], argc > 2 ? argv[2] : nullptr).run();
  } catch (const std::exception &error) {
    std::fprintf(stderr, "echo_client: %s\n", error.what());
    return 1;
  }
}
