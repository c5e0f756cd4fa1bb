#include "probe.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ring.h"
#include "shared_layout.h"

namespace proactor {

namespace {

constexpr uint32_t kBufferBytes = 4096;
constexpr uint16_t kGroup = 7;

struct SocketPair {
  int near = -1;
  int far = -1;
  int error = 0;
  SocketPair() {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
      error = -errno;
      return;
    }
    near = fds[0];
    far = fds[1];
  }
  ~SocketPair() {
    if (near >= 0) close(near);
    if (far >= 0) close(far);
  }
};

// A kernel says EINVAL to what it does not know. Any other refusal, of memory for instance, says
// nothing about the kernel: the probe itself was refused.
void NoteRefusal(int error, const char* call, ProbeResult* result) {
  if (error == 0 || error == -EINVAL) return;
  result->error = error;
  result->failed_call = call;
}

// One buffer in a ring, a multishot receive, and two messages: each must arrive whole in its own
// completion, incrementally the second right behind the first.
bool TestReceive(Ring* ring, bool incremental, ProbeResult* result) {
  MemoryRegion* entries = MemoryRegion::Map(4096);
  MemoryRegion* data = MemoryRegion::Map(2 * kBufferBytes);
  bool good = false;
  SocketPair pair;
  NoteRefusal(pair.error, "socketpair", result);
  const uint16_t flags = incremental ? IOU_PBUF_RING_INC : 0;
  const int registered =
      entries != nullptr ? ring->RegisterBufferRing(entries, 2, kGroup, flags) : -ENOMEM;
  NoteRefusal(registered, "io_uring_register", result);
  if (registered == 0 && data != nullptr && pair.error == 0) {
    auto* buffers = static_cast<io_uring_buf*>(entries->base());
    char* bytes = static_cast<char*>(data->base());
    for (uint16_t i = 0; i < 2; ++i) {
      buffers[i].addr = reinterpret_cast<uint64_t>(bytes + i * kBufferBytes);
      buffers[i].len = kBufferBytes;
      buffers[i].bid = i;
    }
    reinterpret_cast<std::atomic<uint16_t>*>(&buffers[0].resv)->store(2, std::memory_order_release);

    const uint32_t tail = ring->submission_head();
    io_uring_sqe* receive = ring->submission_at(tail);
    *receive = io_uring_sqe{};
    receive->opcode = IORING_OP_RECV;
    receive->flags = IOSQE_BUFFER_SELECT;
    receive->ioprio = IORING_RECV_MULTISHOT;
    receive->fd = pair.near;
    receive->buf_group = kGroup;
    receive->user_data = 1;
    ring->PublishSubmissions(tail + 1);

    const char* messages[] = {"first", "second"};
    size_t at = 0;
    good = true;
    uint32_t in_flight = 1;
    for (const char* message : messages) {
      const size_t length = strlen(message);
      __kernel_timespec timeout{};
      timeout.tv_sec = 1;
      good = good && write(pair.far, message, length) == static_cast<ssize_t>(length);
      ring->Enter(1, &timeout);
      const uint32_t head = ring->completion_head();
      if (!good || head == ring->completion_tail()) {
        good = false;
        break;
      }
      const io_uring_cqe completion = *ring->completion_at(head);
      ring->PublishConsumed(head + 1);
      if ((completion.flags & IORING_CQE_F_MORE) == 0) in_flight = 0;
      good = completion.res == static_cast<int32_t>(length) && in_flight == 1 &&
             memcmp(bytes + at, message, length) == 0;
      at += incremental ? length : kBufferBytes;
      if (!good) break;
    }
    // What could not be drained keeps its memory: Close() is told so, and the regions are not
    // released.
    if (ring->Drain(in_flight, 1000) != 0) {
      ring->Close(true);
      return false;
    }
  }
  ring->Close();
  if (entries != nullptr) entries->Release();
  if (data != nullptr) data->Release();
  return good;
}

RingOptions SmallRing() {
  RingOptions options;
  options.submission_entries = 4;
  options.completion_entries = 16;
  return options;
}

// A repeated timeout that is to come once: kernels without them refuse its flag. It may be in flight
// still: the ring is of no other use afterwards.
bool TestMultishotTimeout(Ring* ring) {
  const uint32_t tail = ring->submission_head();
  io_uring_sqe* entry = ring->submission_at(tail);
  __kernel_timespec soon{};
  soon.tv_nsec = 1000;
  *entry = io_uring_sqe{};
  entry->opcode = IORING_OP_TIMEOUT;
  entry->fd = -1;
  entry->addr = reinterpret_cast<uint64_t>(&soon);
  entry->len = 1;
  entry->off = 1;  // how often
  entry->op_flags = IORING_TIMEOUT_MULTISHOT;
  ring->PublishSubmissions(tail + 1);
  __kernel_timespec limit{};
  limit.tv_sec = 1;
  ring->Enter(1, &limit);
  const uint32_t head = ring->completion_head();
  // The kernel has read `soon` by now: what is still in flight ends with the ring.
  return head != ring->completion_tail() && ring->completion_at(head)->res == -ETIME;
}

bool TestReceiveOnNewRing(bool incremental, ProbeResult* result) {
  Ring ring;
  const int error = ring.SetUp(SmallRing());
  NoteRefusal(error, "io_uring_setup", result);
  return error == 0 && TestReceive(&ring, incremental, result);
}

}  // namespace

ProbeResult ProbeKernel() {
  ProbeResult result;
  Ring ring;
  result.error = ring.SetUp(SmallRing());
  if (result.error != 0) {
    result.failed_call = "io_uring_setup";
    return result;
  }
  result.features = ring.features();
  result.setup_flags = ring.setup_flags();

  io_uring_probe probe{};
  if (io_uring_register(ring.descriptor(), IORING_REGISTER_PROBE, &probe, 256) < 0) {
    result.error = -errno;
    result.failed_call = "io_uring_register";
    return result;
  }
  result.operation_count = static_cast<uint32_t>(probe.last_op) + 1;
  for (uint32_t i = 0; i < probe.ops_len; ++i) {
    result.operations[probe.ops[i].op] =
        (probe.ops[i].flags & IO_URING_OP_SUPPORTED) != 0 ? 1 : 0;
  }
  // A sandbox may allow setting up and refuse entering.
  const int entered = ring.Enter(0, nullptr);
  if (entered < 0) {
    result.error = entered;
    result.failed_call = "io_uring_enter";
    return result;
  }
  result.multishot_timeout = TestMultishotTimeout(&ring);
  ring.Close();
  // As few rings as can be: the kernel takes its time to give locked memory back.
  result.incremental = TestReceiveOnNewRing(true, &result);
  result.multishot_receive = result.incremental || TestReceiveOnNewRing(false, &result);
  result.buffer_ring = result.multishot_receive;
  return result;
}

}  // namespace proactor
