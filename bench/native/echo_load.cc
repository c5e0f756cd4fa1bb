// A closed-loop TCP load: every connection keeps `depth` messages outstanding and checks that the bytes it sent
// come back, in order. One thread, edge-triggered epoll: each echo costs one recv and one send.
//
// After a trial nothing is outstanding, so that the server sleeps and its counters stand still while they are read.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "pattern.h"
#include "poller.h"
#include "support.h"
#include "trial.h"

namespace {

struct Load {
  Address address;
  size_t connections;
  size_t message_bytes;
  size_t depth;
  bool verify;
};

struct Connection {
  int fd = -1;
  size_t unsent_bytes = 0;      // queued, not yet taken by the socket
  size_t unreceived_bytes = 0;  // queued or sent, not yet come back
  size_t partial_bytes = 0;     // of the message that is coming back
  size_t send_position = 0;     // in the pattern
  size_t receive_position = 0;
  size_t oldest = 0;  // the slot in queued_at_ of the message that is coming back
};

class EchoLoad {
 public:
  explicit EchoLoad(const Load& load)
      : load_(load),
        receive_buffer_(kTransferBytesMax),
        connections_(load.connections),
        queued_at_ns_(load.connections * load.depth) {
    for (size_t i = 0; i < connections_.size(); i++) Connect(i);
  }

  // Keeps the load up for the given time, then waits for what is outstanding.
  void RunTrial(double seconds) {
    trial_.Start(seconds);
    for (size_t i = 0; i < connections_.size(); i++) {
      if (connections_[i].fd < 0) continue;
      Enqueue(i, load_.depth, NowNs());
      Send(i);
    }
    while (outstanding_ > 0 && !trial_.IsOver()) WaitAndHandle();
    DropUnbegun();
    while (outstanding_ > 0 && !trial_.IsLost()) WaitAndHandle();
    if (outstanding_ > 0) trial_.Report("messages did not come back: nothing came for 10 s");
    trial_.End();
  }

  const Trial& trial() const { return trial_; }

 private:
  void Connect(size_t index) {
    Connection& connection = connections_[index];
    connection.fd = ConnectTo(load_.address);
    poller_.Watch(connection.fd, index, true);
    connection.send_position = connection.receive_position = Pattern::StartOf(index);
  }

  void WaitAndHandle() {
    poller_.Wait([this](size_t index, bool peer_ended) {
      if (connections_[index].fd >= 0) Receive(index, peer_ended);
      if (connections_[index].unsent_bytes > 0) Send(index);
    });
  }

  // Of messages that are queued at the end of the trial those of which no byte was sent yet: with many large ones
  // they would take longer to come back than the trial lasted.
  void DropUnbegun() {
    for (Connection& connection : connections_) {
      const size_t count = connection.unsent_bytes / load_.message_bytes;
      connection.unsent_bytes -= count * load_.message_bytes;
      connection.unreceived_bytes -= count * load_.message_bytes;
      outstanding_ -= count;
    }
  }

  void Receive(size_t index, bool to_the_end) {
    Connection& connection = connections_[index];
    for (;;) {
      const ssize_t received =
          recv(connection.fd, receive_buffer_.data(), receive_buffer_.size(), MSG_DONTWAIT);
      if (received < 0 && errno == EINTR) continue;
      if (received < 0 && errno == EAGAIN) return;
      if (received < 0) return Drop(index, strerror(errno));
      if (received == 0) return Drop(index, "the server closed it");
      const size_t length = static_cast<size_t>(received);
      if (length > connection.unreceived_bytes) return Drop(index, "more came back than was sent");
      if (!SameBytes(receive_buffer_.data(), pattern_.At(connection.receive_position), length,
                     load_.verify)) {
        return Drop(index, "other bytes came back than were sent");
      }
      Account(index, length);
      // A short read has emptied the socket: what comes later makes a new edge.
      if (length < receive_buffer_.size() && !to_the_end) return;
    }
  }

  // Records the messages that are complete and, until the deadline, queues as many new ones.
  void Account(size_t index, size_t length) {
    Connection& connection = connections_[index];
    connection.receive_position = Pattern::Advance(connection.receive_position, length);
    connection.unreceived_bytes -= length;
    connection.partial_bytes += length;
    const uint64_t now_ns = NowNs();
    trial_.NoteProgress(now_ns);
    size_t complete = 0;
    while (connection.partial_bytes >= load_.message_bytes) {
      connection.partial_bytes -= load_.message_bytes;
      complete++;
      trial_.RecordLatency(now_ns - queued_at_ns_[index * load_.depth + connection.oldest]);
      if (++connection.oldest == load_.depth) connection.oldest = 0;
    }
    outstanding_ -= complete;
    if (trial_.Count(complete, now_ns)) Enqueue(index, complete, now_ns);
  }

  void Enqueue(size_t index, size_t count, uint64_t now_ns) {
    Connection& connection = connections_[index];
    const size_t already = Outstanding(connection);
    for (size_t i = 0; i < count; i++) {
      const size_t slot = (connection.oldest + already + i) % load_.depth;
      queued_at_ns_[index * load_.depth + slot] = now_ns;
    }
    connection.unsent_bytes += count * load_.message_bytes;
    connection.unreceived_bytes += count * load_.message_bytes;
    outstanding_ += count;
  }

  size_t Outstanding(const Connection& connection) const {
    return (connection.unreceived_bytes + connection.partial_bytes) / load_.message_bytes;
  }

  void Send(size_t index) {
    Connection& connection = connections_[index];
    while (connection.unsent_bytes > 0) {
      const ssize_t sent = send(connection.fd, pattern_.At(connection.send_position),
                                std::min(connection.unsent_bytes, kTransferBytesMax),
                                MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return;  // the next EPOLLOUT edge goes on
      if (sent < 0) return Drop(index, strerror(errno));
      const size_t length = static_cast<size_t>(sent);
      connection.send_position = Pattern::Advance(connection.send_position, length);
      connection.unsent_bytes -= length;
    }
  }

  void Drop(size_t index, const char* reason) {
    Connection& connection = connections_[index];
    trial_.Report("connection " + std::to_string(index) + ": " + reason);
    outstanding_ -= Outstanding(connection);
    close(connection.fd);
    connection = Connection();
  }

  const Load load_;
  const Pattern pattern_;
  Trial trial_;
  std::vector<char> receive_buffer_;
  std::vector<Connection> connections_;
  std::vector<uint64_t> queued_at_ns_;  // `depth` slots per connection, used in a circle
  Poller poller_;
  size_t outstanding_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options(
      argc, argv, {"--host", "--port", "--connections", "--size", "--depth", "--seconds", "--warm-up"},
      {"--verify", "--interactive"});
  Load load = {};
  load.address = ParseAddress(options.Text("--host", "127.0.0.1"),
                              options.Integer("--port", 0, 1, 65535));
  load.connections = static_cast<size_t>(options.Integer("--connections", 64, 1, 100000));
  load.message_bytes = static_cast<size_t>(options.Integer("--size", 64, 1, 1 << 28));
  load.depth = static_cast<size_t>(options.Integer("--depth", 1, 1, 4096));
  load.verify = options.Flag("--verify");
  RaiseDescriptorLimit();
  EchoLoad generator(load);
  return RunTrials(generator, options);
}
