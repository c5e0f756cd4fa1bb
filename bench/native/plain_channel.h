// The plain kind of channel.h.
#ifndef PROACTOR_BENCH_PLAIN_CHANNEL_H_
#define PROACTOR_BENCH_PLAIN_CHANNEL_H_

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

class Channel {
 public:
  // What a connection leaves to the next one in its place: nothing.
  struct Legacy {};

  // Bytes that are fewer than there was room for were all that the socket had.
  static constexpr bool kShortReadEmpties = true;

  // Takes a connected socket.
  void Open(int fd, Legacy&) { fd_ = fd; }

  void Close() {
    close(fd_);
    fd_ = -1;
  }

  int fd() const { return fd_; }
  bool IsOpen() const { return fd_ >= 0; }

  ssize_t Receive(char* data, size_t length) { return recv(fd_, data, length, MSG_DONTWAIT); }

  ssize_t Send(const char* data, size_t length) {
    return send(fd_, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  // The peer sees the end; what it still sends can be received.
  void EndSending() { shutdown(fd_, SHUT_WR); }

  // Why it was set up at greater length than the connection before it allowed; null where it was not.
  const char* SetupFault() const { return nullptr; }

  // The words for errno after Receive or Send.
  const char* FailureWords() const { return strerror(errno); }

 private:
  int fd_ = -1;
};

#endif  // PROACTOR_BENCH_PLAIN_CHANNEL_H_
