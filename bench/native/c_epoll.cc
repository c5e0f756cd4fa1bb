// The epoll baseline: a TCP server as one would write it by hand in C. Edge-triggered, so that a connection
// costs no epoll_ctl after its first; it stops reading from a peer that does not read.
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "support.h"

namespace {

constexpr int kEventsPerWait = 1024;

enum class Progress { kDone, kBlocked, kBroken };

struct Connection {
  std::string unsent;  // what the peer's full window kept back
  uint64_t bytes = 0;  // kSink: that came and were not answered; kSource: that are wanted
  size_t chunk_at = 0;
};

class Server {
 public:
  Server(Mode mode, std::vector<char> chunk, int listener, int stop_signal, size_t buffer_size)
      : mode_(mode),
        chunk_(std::move(chunk)),
        listener_(listener),
        stop_signal_(stop_signal),
        buffer_(buffer_size) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) Fail(kExitFailure, "epoll_create1: %s", strerror(errno));
    Watch(listener_, EPOLLIN);
    Watch(stop_signal_, EPOLLIN);
  }

  void Run() {
    epoll_event events[kEventsPerWait];
    for (;;) {
      const int count = epoll_wait(epoll_, events, kEventsPerWait, -1);
      if (count < 0 && errno != EINTR) Fail(kExitFailure, "epoll_wait: %s", strerror(errno));
      for (int i = 0; i < count; i++) {
        const int fd = events[i].data.fd;
        if (fd == stop_signal_) return;
        if (fd == listener_) {
          Accept();
        } else if (Serve(fd, events[i].events) == Progress::kBroken) {
          Close(fd);
        }
      }
    }
  }

 private:
  void Watch(int fd, uint32_t events) {
    epoll_event event = {};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
      Fail(kExitFailure, "epoll_ctl: %s", strerror(errno));
    }
  }

  void Accept() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
      if (fd < 0) return;  // EAGAIN; with EMFILE the listener stays readable until a descriptor is free
      const size_t index = static_cast<size_t>(fd);
      if (connections_.size() <= index) connections_.resize(index + 1);
      Watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
  }

  // A short read means that the socket is empty and a new edge will come, except where the peer's end of
  // stream was already part of this edge: then only reading to the end shows it.
  Progress Serve(int fd, uint32_t events) {
    const bool must_read_to_end = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    Connection& connection = connections_[static_cast<size_t>(fd)];
    if (!connection.unsent.empty()) {
      const Progress flushed = Send(fd, connection.unsent.data(), connection.unsent.size());
      if (flushed == Progress::kBroken) return flushed;
      connection.unsent.erase(0, sent_);
      if (flushed == Progress::kBlocked) return flushed;
    }
    const Progress received = ReceiveAll(fd, connection, must_read_to_end);
    return received == Progress::kBroken || connection.bytes == 0 || mode_ != Mode::kSource
               ? received
               : Pump(fd, connection);
  }

  Progress ReceiveAll(int fd, Connection& connection, bool must_read_to_end) {
    for (;;) {
      const ssize_t received = recv(fd, buffer_.data(), buffer_.size(), 0);
      if (received < 0) {
        if (errno == EINTR) continue;
        return errno == EAGAIN ? Progress::kDone : Progress::kBroken;
      }
      if (received == 0) return Progress::kBroken;
      const size_t length = static_cast<size_t>(received);
      const Progress taken = Take(fd, connection, length);
      if (taken != Progress::kDone) return taken;
      if (length < buffer_.size() && !must_read_to_end) return Progress::kDone;
    }
  }

  // Does with what is in the buffer what the mode asks for.
  Progress Take(int fd, Connection& connection, size_t length) {
    if (mode_ == Mode::kEcho) return SendOrKeep(fd, connection, buffer_.data(), length);
    if (mode_ == Mode::kSource) {
      connection.bytes += length * kMebibyte;
      return Progress::kDone;
    }
    connection.bytes += length;
    if (connection.bytes < kMebibyte) return Progress::kDone;
    const std::string answers(connection.bytes / kMebibyte, '\0');
    connection.bytes %= kMebibyte;
    return SendOrKeep(fd, connection, answers.data(), answers.size());
  }

  Progress SendOrKeep(int fd, Connection& connection, const char* data, size_t length) {
    const Progress sent = Send(fd, data, length);
    if (sent == Progress::kBlocked) connection.unsent.assign(data + sent_, length - sent_);
    return sent;
  }

  Progress Pump(int fd, Connection& connection) {
    Progress sent = Progress::kDone;
    while (connection.bytes > 0 && sent == Progress::kDone) {
      sent = Send(fd, &chunk_[connection.chunk_at], chunk_.size() - connection.chunk_at);
      connection.bytes -= sent_;
      connection.chunk_at = (connection.chunk_at + sent_) % chunk_.size();
    }
    return sent;
  }

  // Leaves in sent_ how many bytes the socket took. Tries until EAGAIN, which arms the next EPOLLOUT edge.
  Progress Send(int fd, const char* data, size_t length) {
    sent_ = 0;
    while (sent_ < length) {
      const ssize_t sent = send(fd, data + sent_, length - sent_, MSG_NOSIGNAL);
      if (sent >= 0) {
        sent_ += static_cast<size_t>(sent);
      } else if (errno != EINTR) {
        return errno == EAGAIN ? Progress::kBlocked : Progress::kBroken;
      }
    }
    return Progress::kDone;
  }

  void Close(int fd) {
    connections_[static_cast<size_t>(fd)] = Connection();
    close(fd);
  }

  const Mode mode_;
  const std::vector<char> chunk_;
  const int listener_;
  const int stop_signal_;
  int epoll_;
  std::vector<char> buffer_;
  std::vector<Connection> connections_;  // by descriptor
  size_t sent_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"--host", "--port", "--mode", "--chunk", "--buffer-size"});
  const Address address = ParseAddress(options.Text("--host", "127.0.0.1"),
                                       options.Integer("--port", 0, 0, 65535));
  const long buffer_size = options.Integer("--buffer-size", 65536, 64, 1 << 24);
  RaiseDescriptorLimit();
  const int stop_signal = OpenStopSignal();
  const int listener = Listen(address);
  Server server(ModeOf(options), SourceChunk(options), listener, stop_signal,
                static_cast<size_t>(buffer_size));
  AnnounceListening(listener);
  server.Run();
  return 0;
}
