// A closed-loop load of short connections: each of `connections` slots connects, sends one message, reads it back,
// ends its half, waits for the server's end, closes, and connects again. One thread, edge-triggered epoll. It is compiled
// for TCP and for TLS, where a slot's next connection has to resume the session of the one before.
//
// The client ends first, so that what TCP remembers of an ended connection (TIME_WAIT), and the port it keeps taken, is the
// client's. For ports not to run out each connection comes from another address of 127.0.0.0/8, where the server is.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <algorithm>
#include <vector>

#include "channel.h"
#include "pattern.h"
#include "poller.h"
#include "support.h"
#include "trial.h"

namespace {

constexpr uint32_t kSourceAddresses = 4096;
constexpr uint32_t kFirstSourceAddress = 0x7f010001;  // 127.1.0.1

struct Load {
  Address address;
  size_t connections;
  size_t message_bytes;
  bool verify;
};

struct Connection {
  Channel channel;
  size_t sent_bytes = 0;
  size_t received_bytes = 0;
  size_t position = 0;  // in the pattern, of the message's first byte
  uint64_t begun_at_ns = 0;
};

class ChurnLoad {
 public:
  explicit ChurnLoad(const Load& load)
      : load_(load),
        buffer_(load.message_bytes + 1),
        connections_(load.connections),
        legacies_(load.connections) {}

  // Keeps the load up for the given time, then waits for the connections that have begun.
  void RunTrial(double seconds) {
    trial_.Start(seconds);
    for (size_t i = 0; i < connections_.size(); i++) Begin(i);
    while (open_ > 0 && !trial_.IsLost()) WaitAndHandle();
    if (open_ > 0) trial_.Report("connections did not end: nothing came for 10 s");
    trial_.End();
  }

  const Trial& trial() const { return trial_; }

 private:
  void Begin(size_t index) {
    Connection& connection = connections_[index];
    if (connection.channel.IsOpen()) return;  // left over from a trial that was given up
    connection = Connection();
    connection.begun_at_ns = NowNs();
    connection.position = Pattern::StartOf(begun_);
    connection.channel.Open(ConnectTo(load_.address, SourceAddress()), legacies_[index]);
    open_++;
    begun_++;
    Send(connection);
    poller_.Watch(connection.channel.fd(), index, connection.sent_bytes < load_.message_bytes);
  }

  // 0 leaves it to the kernel.
  uint32_t SourceAddress() const {
    if (load_.address.storage.ss_family != AF_INET) return 0;
    const auto* target = reinterpret_cast<const sockaddr_in*>(&load_.address.storage);
    const bool is_loopback = ntohl(target->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return is_loopback ? kFirstSourceAddress + begun_ % kSourceAddresses : 0;
  }

  void WaitAndHandle() {
    poller_.Wait([this](size_t index, bool peer_ended) {
      Connection& connection = connections_[index];
      if (connection.sent_bytes < load_.message_bytes) Send(connection);
      Receive(index, peer_ended);
    });
  }

  void Send(Connection& connection) {
    const size_t size = load_.message_bytes;
    while (connection.sent_bytes < size) {
      const size_t at = Pattern::Advance(connection.position, connection.sent_bytes);
      const size_t left = std::min(size - connection.sent_bytes, kTransferBytesMax);
      const ssize_t sent = connection.channel.Send(pattern_.At(at), left);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) return;  // the next edge goes on; what is broken, reading shows
      connection.sent_bytes += static_cast<size_t>(sent);
    }
  }

  void Receive(size_t index, bool to_the_end) {
    Connection& connection = connections_[index];
    for (;;) {
      const ssize_t received = connection.channel.Receive(buffer_.data(), buffer_.size());
      if (received < 0 && errno == EINTR) continue;
      if (received < 0 && errno == EAGAIN) return;
      if (received < 0) return End(index, connection.channel.FailureWords());
      if (received == 0) return OnEnd(index, connection);
      const size_t length = static_cast<size_t>(received);
      const size_t at = Pattern::Advance(connection.position, connection.received_bytes);
      connection.received_bytes += length;
      if (connection.received_bytes > connection.sent_bytes) {
        return End(index, "more came back than was sent");
      }
      if (!SameBytes(buffer_.data(), pattern_.At(at), length, load_.verify)) {
        return End(index, "other bytes came back than were sent");
      }
      trial_.NoteProgress(NowNs());
      if (connection.received_bytes == load_.message_bytes) connection.channel.EndSending();
      // Where a short read has emptied the socket, what comes later makes a new edge.
      if (Channel::kShortReadEmpties && length < buffer_.size() && !to_the_end) return;
    }
  }

  void OnEnd(size_t index, const Connection& connection) {
    if (connection.received_bytes < load_.message_bytes) {
      return End(index, "the server ended it before its message was back");
    }
    if (const char* fault = connection.channel.SetupFault()) return End(index, fault);
    const uint64_t now_ns = NowNs();
    trial_.NoteProgress(now_ns);
    trial_.RecordLatency(now_ns - connection.begun_at_ns);
    End(index, nullptr);
    if (trial_.Count(1, now_ns)) Begin(index);
  }

  // `failure` is null where all went well.
  void End(size_t index, const char* failure) {
    if (failure != nullptr) trial_.Report(failure);
    connections_[index].channel.Close();
    open_--;
  }

  const Load load_;
  const Pattern pattern_;
  Trial trial_;
  std::vector<char> buffer_;  // a byte more than a message, to see what is too much
  std::vector<Connection> connections_;
  std::vector<Channel::Legacy> legacies_;
  Poller poller_;
  size_t open_ = 0;
  size_t begun_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv,
                        {"--host", "--port", "--connections", "--size", "--seconds", "--warm-up"},
                        {"--verify", "--interactive"});
  Load load = {};
  load.address = ParseAddress(options.Text("--host", "127.0.0.1"),
                              options.Integer("--port", 0, 1, 65535));
  load.connections = static_cast<size_t>(options.Integer("--connections", 64, 1, 4096));
  load.message_bytes =
      static_cast<size_t>(options.Integer("--size", 64, 1, static_cast<long>(kTransferBytesMax)));
  load.verify = options.Flag("--verify");
  RaiseDescriptorLimit();
  ChurnLoad generator(load);
  return RunTrials(generator, options);
}
