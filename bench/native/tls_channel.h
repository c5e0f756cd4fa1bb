// The TLS kind of channel.h, of OpenSSL: TLS 1.3 with the cipher suite that Node's client and server agree on. The
// handshake is a part of the first Send and of the Receives around it. Certificates are not checked: the peer is a
// server that the benchmark has started.
#ifndef PROACTOR_BENCH_TLS_CHANNEL_H_
#define PROACTOR_BENCH_TLS_CHANNEL_H_

#include <openssl/ssl.h>
#include <sys/types.h>

#include <memory>

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};

class Channel {
 public:
  // What a connection leaves to the next one in its place: the session that it can resume. It stays where it is while
  // a connection is open.
  struct Legacy {
    std::unique_ptr<SSL_SESSION, SslDeleter> session;
  };

  // One read is one record at most: there may be another.
  static constexpr bool kShortReadEmpties = false;

  void Open(int fd, Legacy& legacy);
  void Close();
  int fd() const { return fd_; }
  bool IsOpen() const { return fd_ >= 0; }
  ssize_t Receive(char* data, size_t length);
  ssize_t Send(const char* data, size_t length);
  void EndSending();
  const char* SetupFault() const;
  const char* FailureWords() const;

 private:
  ssize_t ResultOf(int result);

  int fd_ = -1;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  bool may_resume_ = false;
  const char* failure_ = nullptr;  // OpenSSL's words, where it was not a system call that failed
};

#endif  // PROACTOR_BENCH_TLS_CHANNEL_H_
