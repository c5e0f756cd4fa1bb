// A load in one direction. Upload: each MiB that it sends a sink answers with a byte. Download: each byte that it sends
// asks a source for a MiB. Either way a connection keeps `depth` MiB outstanding and begins the next when one is
// done, so that a bounded amount is outstanding at the end of a trial. One thread, edge-triggered epoll. It is compiled
// for TCP and for TLS.
#include <errno.h>
#include <string.h>

#include <algorithm>
#include <string>
#include <vector>

#include "channel.h"
#include "pattern.h"
#include "poller.h"
#include "support.h"
#include "trial.h"

namespace {

constexpr size_t kKibibytesPerUnit = kMebibyte / 1024;

struct Load {
  Address address;
  bool is_upload;
  size_t connections;
  size_t depth;
  std::vector<char> chunk;  // what a source sends again and again
  bool verify;
};

struct Connection {
  Channel channel;
  size_t unsent_bytes = 0;      // of uploads, or requests
  size_t unreceived_bytes = 0;  // of downloads, or answers
  size_t position = 0;          // of a download's next byte in the source's chunk
  size_t partial_bytes = 0;     // of a download's unfinished MiB
};

class BulkLoad {
 public:
  explicit BulkLoad(const Load& load)
      : load_(load),
        buffer_(kTransferBytesMax),
        connections_(load.connections),
        legacies_(load.connections) {
    for (size_t i = 0; i < connections_.size(); i++) Connect(i);
  }

  // Keeps the load up for the given time, then waits for what is outstanding.
  void RunTrial(double seconds) {
    trial_.Start(seconds);
    for (Connection& connection : connections_) {
      if (!connection.channel.IsOpen()) continue;
      Enqueue(connection, load_.depth);
      Send(connection);
    }
    while (outstanding_ > 0 && !trial_.IsLost()) WaitAndHandle();
    if (outstanding_ > 0) trial_.Report("a transfer did not end: nothing came for 10 s");
    trial_.End();
  }

  const Trial& trial() const { return trial_; }

 private:
  void Connect(size_t index) {
    Connection& connection = connections_[index];
    connection.channel.Open(ConnectTo(load_.address), legacies_[index]);
    poller_.Watch(connection.channel.fd(), index, true);
  }

  void Enqueue(Connection& connection, size_t mebibytes) {
    connection.unsent_bytes += load_.is_upload ? mebibytes * kMebibyte : mebibytes;
    connection.unreceived_bytes += load_.is_upload ? mebibytes : mebibytes * kMebibyte;
    outstanding_ += mebibytes;
  }

  size_t Outstanding(const Connection& connection) const {
    const size_t bytes = connection.unreceived_bytes + connection.partial_bytes;
    return load_.is_upload ? bytes : bytes / kMebibyte;
  }

  void WaitAndHandle() {
    poller_.Wait([this](size_t index, bool) {
      Connection& connection = connections_[index];
      if (connection.channel.IsOpen()) Receive(connection);
      if (connection.unsent_bytes > 0) Send(connection);
    });
  }

  // To the socket's end: an edge may stand for bytes and for the server's end at once.
  void Receive(Connection& connection) {
    for (;;) {
      const ssize_t received = connection.channel.Receive(buffer_.data(), buffer_.size());
      if (received < 0 && errno == EINTR) continue;
      if (received < 0 && errno == EAGAIN) return;
      if (received < 0) return Drop(connection, connection.channel.FailureWords());
      if (received == 0) return Drop(connection, "the server closed it");
      const size_t length = static_cast<size_t>(received);
      if (length > connection.unreceived_bytes) return Drop(connection, "more came than was due");
      if (!load_.is_upload && !IsFromSource(connection, length)) {
        return Drop(connection, "other bytes came than a source sends");
      }
      connection.unreceived_bytes -= length;
      Account(connection, load_.is_upload ? length : CompleteBy(connection, length));
    }
  }

  bool IsFromSource(Connection& connection, size_t length) {
    for (size_t at = 0; at < length;) {
      const size_t piece = std::min(length - at, load_.chunk.size() - connection.position);
      const char* expected = &load_.chunk[connection.position];
      if (!SameBytes(&buffer_[at], expected, piece, load_.verify)) return false;
      connection.position = (connection.position + piece) % load_.chunk.size();
      at += piece;
    }
    return true;
  }

  // How many MiB of a download are complete with these bytes.
  static size_t CompleteBy(Connection& connection, size_t length) {
    connection.partial_bytes += length;
    const size_t complete = connection.partial_bytes / kMebibyte;
    connection.partial_bytes %= kMebibyte;
    return complete;
  }

  // Counts what is complete, in MiB, and, until the deadline, begins as much anew.
  void Account(Connection& connection, size_t complete) {
    const uint64_t now_ns = NowNs();
    trial_.NoteProgress(now_ns);
    outstanding_ -= complete;
    const bool goes_on = trial_.Count(complete * kKibibytesPerUnit, now_ns);
    if (goes_on && complete > 0) Enqueue(connection, complete);
  }

  // What is sent to a sink is only counted there: any bytes will do.
  void Send(Connection& connection) {
    while (connection.unsent_bytes > 0) {
      const size_t length = std::min(connection.unsent_bytes, kTransferBytesMax);
      const ssize_t sent = connection.channel.Send(pattern_.At(0), length);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return;  // the next EPOLLOUT edge goes on
      if (sent < 0) return Drop(connection, connection.channel.FailureWords());
      connection.unsent_bytes -= static_cast<size_t>(sent);
    }
  }

  void Drop(Connection& connection, const char* reason) {
    trial_.Report(reason);
    outstanding_ -= Outstanding(connection);
    connection.channel.Close();
    connection = Connection();
  }

  const Load load_;
  const Pattern pattern_;
  Trial trial_;
  std::vector<char> buffer_;
  std::vector<Connection> connections_;
  std::vector<Channel::Legacy> legacies_;
  Poller poller_;
  size_t outstanding_ = 0;  // MiB
};

bool IsUpload(const Options& options) {
  const std::string direction = options.Text("--direction", "upload");
  if (direction == "upload") return true;
  if (direction == "download") return false;
  Fail(kExitUsage, "--direction must be upload or download, not '%s'", direction.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv,
                        {"--host", "--port", "--direction", "--connections", "--depth", "--chunk",
                         "--seconds", "--warm-up"},
                        {"--verify", "--interactive"});
  Load load = {};
  load.address = ParseAddress(options.Text("--host", "127.0.0.1"),
                              options.Integer("--port", 0, 1, 65535));
  load.is_upload = IsUpload(options);
  load.connections = static_cast<size_t>(options.Integer("--connections", 1, 1, 4096));
  load.depth = static_cast<size_t>(options.Integer("--depth", 2, 1, 256));
  load.chunk = SourceChunk(options);
  load.verify = options.Flag("--verify");
  RaiseDescriptorLimit();
  BulkLoad generator(load);
  return RunTrials(generator, options);
}
