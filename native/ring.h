// One io_uring instance: its set-up with fall-backs, its mappings, entering it, and draining it at
// the end. Knows nothing of JavaScript, threads or libuv; whoever owns a Ring calls it from one
// thread at a time.
#ifndef PROACTOR_RING_H_
#define PROACTOR_RING_H_

#include <atomic>
#include <cstdint>

#include "kernel_abi.h"
#include "memory.h"

namespace proactor {

struct RingOptions {
  uint32_t submission_entries = 0;  // a power of two
  uint32_t completion_entries = 0;  // a power of two
  uint32_t withheld_flags = 0;      // IORING_SETUP_* not to be tried: tests of the fall-backs
  bool start_disabled = false;      // the thread that enables the ring becomes its only issuer
};

// The operations in flight as JavaScript knows them: the high word of each one's user data by its
// slot, which is the low word. Negative where the slot is free.
struct LiveSlots {
  const int32_t* high_words = nullptr;
  uint32_t count = 0;
};

class Ring {
 public:
  Ring() = default;
  ~Ring() { Close(); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Returns 0 or -errno. Asks for the best set-up first and gives up one group of flags after the
  // other.
  int SetUp(const RingOptions& options);
  // For a ring that started disabled: called by the thread that will own it.
  int Enable();
  // Spares io_uring_enter the look-up of the descriptor. Per thread; failing is harmless.
  void RegisterDescriptor();
  int RegisterEventfd(int eventfd);
  // Registers a provided buffer ring of `entries` (a power of two) in `memory`, which stays
  // referenced until the ring is closed. Returns 0 or -errno.
  int RegisterBufferRing(MemoryRegion* memory, uint32_t entries, uint16_t group, uint16_t flags);

  // Submits what was published, and waits for `min_complete` completions where that is not 0; a
  // null timeout waits without end. Returns the number submitted or -errno.
  int Enter(uint32_t min_complete, const __kernel_timespec* timeout);

  uint32_t submission_head() const { return sq_head_->load(std::memory_order_acquire); }
  // The release pairs with the kernel's acquire of the tail: entries are written before they are
  // seen.
  void PublishSubmissions(uint32_t tail) {
    published_tail_ = tail;
    sq_tail_->store(tail, std::memory_order_release);
  }
  // The kernel has gone through all that was published. For another thread than the one that enters, too.
  bool has_submitted_all() const {
    return sq_tail_->load(std::memory_order_acquire) == submission_head();
  }
  uint32_t published_submissions() const { return published_tail_ - submission_head(); }
  io_uring_sqe* submission_at(uint32_t index) const { return &sqes_[index & sq_mask_]; }

  uint32_t completion_head() const { return cq_head_->load(std::memory_order_relaxed); }
  uint32_t completion_tail() const { return cq_tail_->load(std::memory_order_acquire); }
  // The release tells the kernel that the entries before `head` were read and may be overwritten.
  void PublishConsumed(uint32_t head) { cq_head_->store(head, std::memory_order_release); }
  const io_uring_cqe* completion_at(uint32_t index) const { return &cqes_[index & cq_mask_]; }

  // There are completions that only an enter brings into the queue.
  bool needs_enter() const {
    return (sq_flags_->load(std::memory_order_relaxed) &
            (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0 ||
           !task_run_flag_;
  }
  bool overflown() const {
    return (sq_flags_->load(std::memory_order_relaxed) & IORING_SQ_CQ_OVERFLOW) != 0;
  }
  // Ends everything in flight: cancels all and reaps until `in_flight` terminal completions were
  // seen, or until `deadline_ms` passed. Results that are descriptors are closed. Returns how many
  // operations the kernel still holds: if that is not 0, no memory it was given may ever be freed.
  uint32_t Drain(uint32_t in_flight, uint32_t deadline_ms, const LiveSlots& live = {});
  // Unmaps and closes. `keep_memory` leaves registered memory alone: for a ring that could not be
  // drained.
  void Close(bool keep_memory = false);

  int descriptor() const { return fd_; }
  uint32_t setup_flags() const { return setup_flags_; }
  uint32_t features() const { return features_; }
  uint32_t submission_entries() const { return sq_mask_ + 1; }
  uint32_t completion_entries() const { return cq_mask_ + 1; }

  // The mappings as TypeScript sees them: byte offsets of their parts.
  void* ring_memory() const { return ring_memory_; }
  size_t ring_bytes() const { return ring_bytes_; }
  void* submission_memory() const { return sqes_; }
  size_t submission_bytes() const { return sqes_bytes_; }
  uint32_t submission_head_offset() const { return sq_head_offset_; }
  uint32_t completion_head_offset() const { return cq_head_offset_; }
  uint32_t completion_tail_offset() const { return cq_tail_offset_; }
  uint32_t completion_entries_offset() const { return cqes_offset_; }

 private:
  int Map(const io_uring_params& params);
  void RequestCancel(uint64_t user_data, uint32_t flags);
  uint32_t RequestEnd(uint32_t in_flight, uint64_t deadline, const LiveSlots& live);
  uint32_t Reap(uint32_t in_flight);

  int fd_ = -1;
  int enter_fd_ = -1;             // the descriptor, or its registered index
  uint32_t enter_flags_ = 0;      // IORING_ENTER_REGISTERED_RING where it is an index
  uint32_t setup_flags_ = 0;
  uint32_t features_ = 0;
  bool task_run_flag_ = false;
  uint32_t published_tail_ = 0;

  void* ring_memory_ = nullptr;
  size_t ring_bytes_ = 0;
  io_uring_sqe* sqes_ = nullptr;
  size_t sqes_bytes_ = 0;
  uint32_t sq_mask_ = 0;
  uint32_t cq_mask_ = 0;
  uint32_t sq_head_offset_ = 0, cq_head_offset_ = 0, cq_tail_offset_ = 0, cqes_offset_ = 0;

  std::atomic<uint32_t>* sq_head_ = nullptr;
  std::atomic<uint32_t>* sq_tail_ = nullptr;
  std::atomic<uint32_t>* sq_flags_ = nullptr;
  std::atomic<uint32_t>* cq_head_ = nullptr;
  std::atomic<uint32_t>* cq_tail_ = nullptr;
  io_uring_cqe* cqes_ = nullptr;

  MemoryRegion* buffer_ring_memory_ = nullptr;  // one reference is ours
};

// Closes the descriptor that a completion nobody will handle hands over.
void CloseAbandonedDescriptor(const io_uring_cqe& completion);
// Closes the descriptor that an entry would have closed which the kernel never got.
void CloseWithdrawn(const io_uring_sqe& entry);

}  // namespace proactor

#endif  // PROACTOR_RING_H_
