#include "tls_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "support.h"

namespace {

constexpr size_t kReadBytes = 64 * 1024;  // from the socket at a time: some records

// A server sends sessions whenever it likes; the last one is kept.
int KeepSession(SSL* ssl, SSL_SESSION* session) {
  static_cast<Channel::Legacy*>(SSL_get_app_data(ssl))->session.reset(session);
  return 1;  // it is ours to free
}

SSL_CTX* NewContext() {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes where send() would be told not to raise it
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") != 1) {
    Fail(kExitFailure, "OpenSSL cannot be set up for TLS 1.3");
  }
  // A server that closes without a word of TLS is not refused: what came of it is counted.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, kReadBytes);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, KeepSession);
  return context;
}

SSL_CTX* Context() {
  static SSL_CTX* const context = NewContext();
  return context;
}

}  // namespace

void Channel::Open(int fd, Legacy& legacy) {
  fd_ = fd;
  ssl_.reset(SSL_new(Context()));
  if (!ssl_ || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 ||
      SSL_set_fd(ssl_.get(), fd) != 1) {
    Fail(kExitFailure, "TLS cannot be set up on a socket");
  }
  SSL_set_app_data(ssl_.get(), &legacy);
  may_resume_ = legacy.session != nullptr;
  if (may_resume_) {
    // A copy, since OpenSSL resumes a session once, and Node's servers give a new one only with a full handshake.
    const std::unique_ptr<SSL_SESSION, SslDeleter> copy(SSL_SESSION_dup(legacy.session.get()));
    SSL_set_session(ssl_.get(), copy.get());
  }
  SSL_set_connect_state(ssl_.get());
  failure_ = nullptr;
}

void Channel::Close() {
  ssl_.reset();
  close(fd_);
  fd_ = -1;
}

ssize_t Channel::Receive(char* data, size_t length) {
  ERR_clear_error();
  const size_t most = std::min(length, static_cast<size_t>(INT_MAX));
  return ResultOf(SSL_read(ssl_.get(), data, static_cast<int>(most)));
}

ssize_t Channel::Send(const char* data, size_t length) {
  ERR_clear_error();
  const size_t most = std::min(length, static_cast<size_t>(INT_MAX));
  return ResultOf(SSL_write(ssl_.get(), data, static_cast<int>(most)));
}

void Channel::EndSending() {
  SSL_shutdown(ssl_.get());
  shutdown(fd_, SHUT_WR);
}

const char* Channel::SetupFault() const {
  const bool is_longer = may_resume_ && SSL_session_reused(ssl_.get()) != 1;
  return is_longer ? "the server did not resume the session" : nullptr;
}

const char* Channel::FailureWords() const {
  return failure_ != nullptr ? failure_ : strerror(errno);
}

// OpenSSL's result as that of a system call.
ssize_t Channel::ResultOf(int result) {
  if (result > 0) return result;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_SYSCALL:
      if (errno == 0) errno = ECONNRESET;
      return -1;
    default:
      failure_ = ERR_reason_error_string(ERR_peek_error());
      errno = EPROTO;
      return -1;
  }
}
