#include "ring.h"

#include <cerrno>
#include <cstring>
#include <ctime>

#include <sys/mman.h>
#include <unistd.h>

#include "shared_layout.h"

namespace proactor {

namespace {

// From the best set-up to the plainest: 6.6 has NO_SQARRAY, 6.1 DEFER_TASKRUN. What is left at the
// end works on any kernel that has the operations.
constexpr uint32_t kSetupFlags[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL | IORING_SETUP_NO_SQARRAY,
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL,
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL,
    IORING_SETUP_SUBMIT_ALL,
    0,
};

// Of the cancels that end everything.
constexpr uint64_t kCancelUserData = UINT64_MAX;
// Up to so many operations a cancel of everything is cheap.
constexpr uint32_t kFewOperations = 64;

uint64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

// The kernel gives the locked memory of a closed ring back about a millisecond later, and until then
// counts it against the limit: a new ring gets some time to find room.
template <typename Attempt>
int RetryWithoutMemory(Attempt attempt) {
  constexpr timespec kPause{0, 1000000};
  constexpr int kRetries = 10;
  int result = attempt();
  for (int i = 0; i < kRetries && result == -ENOMEM; ++i) {
    nanosleep(&kPause, nullptr);
    result = attempt();
  }
  return result;
}

}  // namespace

int Ring::SetUp(const RingOptions& options) {
  const uint32_t always = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE |
                          (options.start_disabled ? IORING_SETUP_R_DISABLED : 0);
  int error = -EINVAL;
  for (const uint32_t flags : kSetupFlags) {
    if (flags & options.withheld_flags) continue;
    io_uring_params params{};
    error = RetryWithoutMemory([&] {
      params = io_uring_params{};
      params.flags = flags | always;
      params.cq_entries = options.completion_entries;
      fd_ = io_uring_setup(options.submission_entries, &params);
      return fd_ < 0 ? -errno : 0;
    });
    if (error == 0) {
      setup_flags_ = params.flags;
      error = Map(params);
      if (error != 0) Close();
      return error;
    }
    // Only an unknown flag is worth another try; a refusal would be refused again.
    if (error != -EINVAL) break;
  }
  return error;
}

int Ring::Map(const io_uring_params& params) {
  constexpr uint32_t kNeeded = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP |
                               IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL |
                               IORING_FEAT_EXT_ARG;
  features_ = params.features;
  if ((features_ & kNeeded) != kNeeded) return -ENOSYS;

  const bool has_array = (params.flags & IORING_SETUP_NO_SQARRAY) == 0;
  const size_t sq_end =
      has_array ? params.sq_off.array + params.sq_entries * sizeof(uint32_t) : 0;
  const size_t cq_end = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
  ring_bytes_ = sq_end > cq_end ? sq_end : cq_end;
  void* ring = mmap(nullptr, ring_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_,
                    IORING_OFF_SQ_RING);
  if (ring == MAP_FAILED) return -errno;
  ring_memory_ = ring;
  sqes_bytes_ = params.sq_entries * sizeof(io_uring_sqe);
  void* sqes = mmap(nullptr, sqes_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_,
                    IORING_OFF_SQES);
  if (sqes == MAP_FAILED) return -errno;
  sqes_ = static_cast<io_uring_sqe*>(sqes);

  char* base = static_cast<char*>(ring);
  auto word = [base](uint32_t offset) {
    return reinterpret_cast<std::atomic<uint32_t>*>(base + offset);
  };
  sq_head_ = word(params.sq_off.head);
  sq_tail_ = word(params.sq_off.tail);
  sq_flags_ = word(params.sq_off.flags);
  cq_head_ = word(params.cq_off.head);
  cq_tail_ = word(params.cq_off.tail);
  cqes_ = reinterpret_cast<io_uring_cqe*>(base + params.cq_off.cqes);
  sq_mask_ = params.sq_entries - 1;
  cq_mask_ = params.cq_entries - 1;
  sq_head_offset_ = params.sq_off.head;
  cq_head_offset_ = params.cq_off.head;
  cq_tail_offset_ = params.cq_off.tail;
  cqes_offset_ = params.cq_off.cqes;
  task_run_flag_ = (params.flags & IORING_SETUP_TASKRUN_FLAG) != 0;
  if (has_array) {
    // Entry i is always at index i, so the indirection is set once.
    uint32_t* array = reinterpret_cast<uint32_t*>(base + params.sq_off.array);
    for (uint32_t i = 0; i < params.sq_entries; ++i) array[i] = i;
  }
  enter_fd_ = fd_;
  return 0;
}

int Ring::Enable() {
  const int result = io_uring_register(fd_, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  return result < 0 ? -errno : 0;
}

void Ring::RegisterDescriptor() {
  io_uring_rsrc_update update{};
  update.offset = UINT32_MAX;  // any free index
  update.data = static_cast<uint64_t>(fd_);
  if (io_uring_register(fd_, IORING_REGISTER_RING_FDS, &update, 1) == 1) {
    enter_fd_ = static_cast<int>(update.offset);
    enter_flags_ = IORING_ENTER_REGISTERED_RING;
  }
}

int Ring::RegisterEventfd(int eventfd) {
  return io_uring_register(fd_, IORING_REGISTER_EVENTFD, &eventfd, 1) < 0 ? -errno : 0;
}

int Ring::RegisterBufferRing(MemoryRegion* memory, uint32_t entries, uint16_t group,
                             uint16_t flags) {
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(memory->base());
  registration.ring_entries = entries;
  registration.bgid = group;
  registration.flags = flags;
  const int error = RetryWithoutMemory([&] {
    return io_uring_register(fd_, IORING_REGISTER_PBUF_RING, &registration, 1) < 0 ? -errno : 0;
  });
  if (error != 0) return error;
  memory->Retain();
  buffer_ring_memory_ = memory;
  return 0;
}

int Ring::Enter(uint32_t min_complete, const __kernel_timespec* timeout) {
  uint32_t flags = IORING_ENTER_GETEVENTS | enter_flags_;
  int result;
  if (timeout != nullptr) {
    io_uring_getevents_arg argument{};
    argument.ts = reinterpret_cast<uint64_t>(timeout);
    flags |= IORING_ENTER_EXT_ARG;
    result = io_uring_enter(enter_fd_, published_submissions(), min_complete, flags, &argument,
                            sizeof(argument));
  } else {
    result = io_uring_enter(enter_fd_, published_submissions(), min_complete, flags, nullptr, 0);
  }
  return result < 0 ? -errno : result;
}

void Ring::RequestCancel(uint64_t user_data, uint32_t flags) {
  if (published_submissions() == submission_entries()) Enter(0, nullptr);
  if (published_submissions() == submission_entries()) return;  // asked again in the next round
  io_uring_sqe* cancel = submission_at(published_tail_);
  *cancel = io_uring_sqe{};
  cancel->opcode = IORING_OP_ASYNC_CANCEL;
  cancel->fd = -1;
  cancel->addr = user_data;
  cancel->op_flags = flags;
  cancel->user_data = kCancelUserData;
  PublishSubmissions(published_tail_ + 1);
}

// Takes the completions that there are; returns how many operations are left of those in flight.
uint32_t Ring::Reap(uint32_t in_flight) {
  uint32_t head = completion_head();
  for (const uint32_t tail = completion_tail(); head != tail; ++head) {
    const io_uring_cqe& completion = *completion_at(head);
    if (completion.user_data == kCancelUserData) continue;
    CloseAbandonedDescriptor(completion);
    if ((completion.flags & IORING_CQE_F_MORE) == 0 && in_flight > 0) --in_flight;
  }
  PublishConsumed(head);
  return in_flight;
}

// One by one: for a cancel of everything the kernel looks through all that is in flight once for each
// operation, which takes seconds for some thousands. It is right for the few that nobody else knows of.
uint32_t Ring::RequestEnd(uint32_t in_flight, uint64_t deadline, const LiveSlots& live) {
  constexpr uint32_t kSlotsBetweenLooks = 1024;
  for (uint32_t slot = 0; slot < live.count && in_flight > 0; ++slot) {
    const bool looks = slot % kSlotsBetweenLooks == kSlotsBetweenLooks - 1;
    if (looks && NowMs() >= deadline) return in_flight;
    if (live.high_words[slot] < 0) continue;
    const auto high = static_cast<uint64_t>(static_cast<uint32_t>(live.high_words[slot]));
    RequestCancel(high << 32 | slot, 0);
    if (published_submissions() == submission_entries()) in_flight = Reap(in_flight);
  }
  if (live.count == 0 || in_flight <= kFewOperations) {
    RequestCancel(0, IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY);
  } else {
    RequestCancel(kInternalSlot, 0);
  }
  return in_flight;
}

uint32_t Ring::Drain(uint32_t in_flight, uint32_t deadline_ms, const LiveSlots& live) {
  constexpr uint32_t kRetryMs = 50;
  const uint64_t deadline = NowMs() + deadline_ms;
  // Submissions that the kernel has not taken are withdrawn.
  PublishSubmissions(submission_head());
  uint64_t next_request = 0;
  while (in_flight > 0) {
    if (NowMs() >= next_request) {
      in_flight = RequestEnd(in_flight, deadline, live);
      next_request = NowMs() + kRetryMs;
    }
    const uint32_t before = in_flight;
    const bool is_late = NowMs() >= deadline;
    __kernel_timespec timeout{};
    timeout.tv_nsec = kRetryMs * 1000000;
    const int result = is_late ? Enter(0, nullptr) : Enter(1, &timeout);
    in_flight = Reap(in_flight);
    // Late, it goes on for as long as what was cancelled comes back.
    if (is_late && in_flight == before) break;
    if (result < 0 && result != -ETIME && result != -EINTR && result != -EBUSY &&
        result != -EAGAIN) {
      break;
    }
  }
  return in_flight;
}

void Ring::Close(bool keep_memory) {
  if (enter_flags_ != 0) {
    // Best effort: on a thread that did not register it, the index goes with that thread.
    io_uring_rsrc_update update{};
    update.offset = static_cast<uint32_t>(enter_fd_);
    io_uring_register(fd_, IORING_UNREGISTER_RING_FDS, &update, 1);
    enter_flags_ = 0;
  }
  // Unmapping comes first: a closed ring whose memory is still mapped keeps its requests' files
  // open.
  if (sqes_ != nullptr) munmap(sqes_, sqes_bytes_);
  if (ring_memory_ != nullptr) munmap(ring_memory_, ring_bytes_);
  sqes_ = nullptr;
  ring_memory_ = nullptr;
  if (fd_ >= 0) close(fd_);
  fd_ = enter_fd_ = -1;
  if (buffer_ring_memory_ != nullptr && !keep_memory) buffer_ring_memory_->Release();
  buffer_ring_memory_ = nullptr;
}

void CloseAbandonedDescriptor(const io_uring_cqe& completion) {
  const uint32_t high = static_cast<uint32_t>(completion.user_data >> 32);
  if ((high & kResultIsDescriptor) != 0 && completion.res >= 0) close(completion.res);
}

void CloseWithdrawn(const io_uring_sqe& entry) {
  if (entry.opcode == IORING_OP_CLOSE) close(entry.fd);
}

}  // namespace proactor
