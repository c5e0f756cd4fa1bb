// The io_uring baseline: the best plain TCP server. Multishot accept and receive into provided buffers; what is
// echoed is sent from where it is; one send in flight per connection, so order holds and no byte is copied.
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "small_ring.h"
#include "support.h"

namespace {

constexpr uint32_t kSqEntries = 4096;
constexpr uint32_t kCqEntries = 32768;
constexpr uint16_t kBufferGroup = 0;
constexpr int kNone = -1;

enum Operation : uint32_t { kAccept, kReceive, kSend, kStop };

// Buffers that wait to be sent form a list through the buffers' ids: queueing allocates nothing.
struct Buffer {
  uint32_t length = 0;
  int next = kNone;
};

struct Connection {
  int first = kNone;  // the buffer whose send is in flight, then those that wait
  int last = kNone;
  uint32_t sent = 0;  // of the first buffer
  bool receiving = false;
  bool starved = false;  // the receive ended with ENOBUFS and waits in starved_
  bool broken = false;  // a send failed: what still arrives is dropped
  // kSink and kSource, which send what is not in the buffers:
  uint64_t bytes = 0;    // kSink: that came and were not answered; kSource: that are wanted
  uint64_t answers = 0;  // kSink: that are due
  size_t chunk_at = 0;
  bool sending = false;
};

class Server {
 public:
  Server(Mode mode, std::vector<char> chunk, int listener, int stop_signal, uint32_t buffer_count,
         uint32_t buffer_size)
      : mode_(mode),
        chunk_(std::move(chunk)),
        listener_(listener),
        ring_(kSqEntries, kCqEntries),
        provided_(ring_, kBufferGroup, buffer_count, buffer_size),
        buffers_(buffer_count) {
    ArmAccept();
    io_uring_sqe* sqe = Queue(kStop, IORING_OP_POLL_ADD, stop_signal);
    sqe->op_flags = POLLIN;
  }

  void Run() {
    while (!stopping_) {
      ring_.SubmitAndWait();
      ring_.ForEachCompletion([this](const io_uring_cqe& cqe) { Complete(cqe); });
      provided_.Publish();
      if (!starved_.empty()) RearmStarved();
    }
  }

 private:
  io_uring_sqe* Queue(Operation operation, uint8_t opcode, int fd) {
    io_uring_sqe* sqe = ring_.NextSqe();
    sqe->opcode = opcode;
    sqe->fd = fd;
    sqe->user_data = static_cast<uint64_t>(operation) << 32 | static_cast<uint32_t>(fd);
    return sqe;
  }

  void ArmAccept() {
    io_uring_sqe* sqe = Queue(kAccept, IORING_OP_ACCEPT, listener_);
    sqe->ioprio = IORING_ACCEPT_MULTISHOT;
    sqe->op_flags = SOCK_CLOEXEC;
    accepting_ = true;
  }

  void ArmReceive(int fd) {
    io_uring_sqe* sqe = Queue(kReceive, IORING_OP_RECV, fd);
    sqe->ioprio = IORING_RECV_MULTISHOT;
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = kBufferGroup;
    At(fd).receiving = true;
  }

  void SendFirst(int fd, const Connection& connection) {
    const uint16_t id = static_cast<uint16_t>(connection.first);
    io_uring_sqe* sqe = Queue(kSend, IORING_OP_SEND, fd);
    sqe->addr = reinterpret_cast<uint64_t>(provided_.Data(id) + connection.sent);
    sqe->len = buffers_[id].length - connection.sent;
    sqe->op_flags = MSG_NOSIGNAL | MSG_WAITALL;
  }

  void Complete(const io_uring_cqe& cqe) {
    const int fd = static_cast<int>(cqe.user_data & UINT32_MAX);
    switch (static_cast<Operation>(cqe.user_data >> 32)) {
      case kReceive:
        return OnReceive(fd, cqe.res, cqe.flags);
      case kSend:
        return OnSend(fd, cqe.res);
      case kAccept:
        return OnAccept(cqe.res, cqe.flags);
      case kStop:
        stopping_ = true;
    }
  }

  void OnAccept(int result, uint32_t flags) {
    if (result >= 0) {
      const size_t index = static_cast<size_t>(result);
      if (connections_.size() <= index) connections_.resize(index + 1);
      connections_[index] = Connection();
      ArmReceive(result);
    }
    if ((flags & IORING_CQE_F_MORE) != 0) return;
    accepting_ = false;
    // Out of descriptors: CloseWhenDone tries again when one is free.
    if (result != -EMFILE && result != -ENFILE) ArmAccept();
  }

  void OnReceive(int fd, int result, uint32_t flags) {
    Connection& connection = At(fd);
    connection.receiving = (flags & IORING_CQE_F_MORE) != 0;
    if ((flags & IORING_CQE_F_BUFFER) != 0) {
      provided_.Take();
      const uint16_t id = static_cast<uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
      if (result > 0 && !connection.broken && mode_ == Mode::kEcho) {
        Append(fd, connection, id, static_cast<uint32_t>(result));
      } else {
        provided_.Recycle(id);
        if (result > 0 && !connection.broken) Note(fd, connection, static_cast<uint32_t>(result));
      }
    }
    if (connection.receiving) return;
    if (result == -ENOBUFS) {
      connection.starved = true;
      starved_.push_back(fd);
    } else if (result > 0) {
      ArmReceive(fd);
    } else {
      CloseWhenDone(fd, connection);
    }
  }

  void Append(int fd, Connection& connection, uint16_t id, uint32_t length) {
    buffers_[id] = {length, kNone};
    if (connection.first == kNone) {
      connection.first = connection.last = id;
      SendFirst(fd, connection);
    } else {
      buffers_[static_cast<size_t>(connection.last)].next = id;
      connection.last = id;
    }
  }

  // kSink and kSource: what came is only counted.
  void Note(int fd, Connection& connection, uint32_t length) {
    if (mode_ == Mode::kSource) {
      connection.bytes += length * uint64_t{kMebibyte};
    } else {
      connection.bytes += length;
      connection.answers += connection.bytes / kMebibyte;
      connection.bytes %= kMebibyte;
    }
    if (!connection.sending) SendOwn(fd, connection);
  }

  // The next piece of what a sink or source has to send, if there is any.
  void SendOwn(int fd, Connection& connection) {
    const bool is_source = mode_ == Mode::kSource;
    connection.sending = (is_source ? connection.bytes : connection.answers) > 0;
    if (!connection.sending) return;
    const char* data = is_source ? &chunk_[connection.chunk_at] : kAnswers;
    io_uring_sqe* sqe = Queue(kSend, IORING_OP_SEND, fd);
    sqe->addr = reinterpret_cast<uint64_t>(data);
    sqe->len = static_cast<uint32_t>(is_source
                                         ? chunk_.size() - connection.chunk_at
                                         : std::min<uint64_t>(connection.answers, sizeof kAnswers));
    sqe->op_flags = MSG_NOSIGNAL | MSG_WAITALL;
  }

  void OnOwnSent(int fd, Connection& connection, int result) {
    if (result < 0) {
      connection.broken = true;
      connection.bytes = connection.answers = 0;
      shutdown(fd, SHUT_RDWR);  // ends the receive, whose last completion closes
    } else if (mode_ == Mode::kSource) {
      connection.bytes -= static_cast<uint32_t>(result);
      connection.chunk_at = (connection.chunk_at + static_cast<uint32_t>(result)) % chunk_.size();
    } else {
      connection.answers -= static_cast<uint32_t>(result);
    }
    SendOwn(fd, connection);
    if (!connection.sending && !connection.receiving) CloseWhenDone(fd, connection);
  }

  void OnSend(int fd, int result) {
    Connection& connection = At(fd);
    if (mode_ != Mode::kEcho) return OnOwnSent(fd, connection, result);
    if (result < 0) {
      connection.broken = true;
      while (connection.first != kNone) RecycleFirst(connection);
      shutdown(fd, SHUT_RDWR);  // ends the receive, whose last completion closes
    } else {
      connection.sent += static_cast<uint32_t>(result);
      if (connection.sent == buffers_[static_cast<size_t>(connection.first)].length) {
        RecycleFirst(connection);
      }
    }
    if (connection.first != kNone) return SendFirst(fd, connection);
    if (!connection.receiving) CloseWhenDone(fd, connection);
  }

  void RecycleFirst(Connection& connection) {
    const uint16_t id = static_cast<uint16_t>(connection.first);
    connection.first = buffers_[id].next;
    connection.sent = 0;
    provided_.Recycle(id);
  }

  // No operation may be in flight on a descriptor that is closed: the kernel would reuse the number.
  void CloseWhenDone(int fd, const Connection& connection) {
    if (connection.first != kNone || connection.sending || connection.starved) return;
    close(fd);
    if (!accepting_) ArmAccept();
  }

  // As many as there are buffers again: more would only fail once more. The others' turn comes with the
  // next buffer, for whichever is taken comes back with the completion of its send.
  void RearmStarved() {
    uint32_t available = provided_.available();
    for (; !starved_.empty() && available > 0; available--) {
      At(starved_.front()).starved = false;
      ArmReceive(starved_.front());
      starved_.pop_front();
    }
  }

  Connection& At(int fd) { return connections_[static_cast<size_t>(fd)]; }

  static constexpr char kAnswers[4096] = {};

  const Mode mode_;
  const std::vector<char> chunk_;
  const int listener_;
  SmallRing ring_;
  ProvidedBuffers provided_;
  std::vector<Buffer> buffers_;
  std::vector<Connection> connections_;  // by descriptor
  std::deque<int> starved_;              // descriptors, in the order in which they starved
  bool accepting_ = false;
  bool stopping_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"--host", "--port", "--mode", "--chunk", "--buffers", "--buffer-size"});
  const Address address = ParseAddress(options.Text("--host", "127.0.0.1"),
                                       options.Integer("--port", 0, 0, 65535));
  const long buffer_count = options.Integer("--buffers", 256, 1, 32768);
  const long buffer_size = options.Integer("--buffer-size", 16384, 64, 1 << 24);
  if ((buffer_count & (buffer_count - 1)) != 0) Fail(kExitUsage, "--buffers: not a power of two");
  RaiseDescriptorLimit();
  const int stop_signal = OpenStopSignal();
  const int listener = Listen(address);
  Server server(ModeOf(options), SourceChunk(options), listener, stop_signal,
                static_cast<uint32_t>(buffer_count), static_cast<uint32_t>(buffer_size));
  AnnounceListening(listener);
  server.Run();
  return 0;
}
