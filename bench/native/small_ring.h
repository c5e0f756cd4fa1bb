// The least of an io_uring that the C baseline needs: one ring with its submission and completion queues, and
// one ring of provided buffers. Independent of the package's own ring, which it is there to be compared with.
#ifndef PROACTOR_BENCH_SMALL_RING_H_
#define PROACTOR_BENCH_SMALL_RING_H_

#include "../../native/kernel_abi.h"

class SmallRing {
 public:
  // Ends the process with the kernel's reason where io_uring cannot be used.
  SmallRing(uint32_t sq_entries, uint32_t cq_entries);

  // The next free entry, zeroed; submits what is queued first if there is none.
  io_uring_sqe* NextSqe() {
    while (local_tail_ - __atomic_load_n(sq_head_, __ATOMIC_ACQUIRE) == sq_entries_) Enter(0);
    io_uring_sqe* sqe = &sqes_[local_tail_++ & (sq_entries_ - 1)];
    *sqe = {};
    return sqe;
  }

  void SubmitAndWait() { Enter(1); }

  // Calls handle(const io_uring_cqe&) for each completion that is there, then gives their entries back. The
  // handler may queue submissions, but the entries stay taken until the batch is over.
  template <typename Handler>
  void ForEachCompletion(Handler handle) {
    uint32_t head = *cq_head_;
    // Acquire: the entries up to the tail were written before the kernel moved it.
    const uint32_t tail = __atomic_load_n(cq_tail_, __ATOMIC_ACQUIRE);
    for (; head != tail; head++) handle(cqes_[head & (cq_entries_ - 1)]);
    // Release: the kernel may overwrite the entries only after they were read.
    __atomic_store_n(cq_head_, head, __ATOMIC_RELEASE);
  }

  int descriptor() const { return fd_; }

 private:
  void Map(const io_uring_params& params);
  void RegisterDescriptor();
  void Enter(uint32_t minimum_completions);

  int fd_;
  int enter_fd_;
  uint32_t enter_flags_ = IORING_ENTER_GETEVENTS;
  uint32_t sq_entries_;
  uint32_t cq_entries_;
  uint32_t local_tail_ = 0;
  uint32_t* sq_head_;
  uint32_t* sq_tail_;
  uint32_t* cq_head_;
  uint32_t* cq_tail_;
  io_uring_sqe* sqes_;
  const io_uring_cqe* cqes_;
};

// A registered ring of `count` (a power of two) buffers, all of one size.
class ProvidedBuffers {
 public:
  ProvidedBuffers(const SmallRing& ring, uint16_t group, uint32_t count, uint32_t size);

  char* Data(uint16_t id) { return slab_ + static_cast<size_t>(id) * size_; }
  uint32_t available() const { return available_; }

  void Take() { available_--; }

  void Recycle(uint16_t id) {
    io_uring_buf* entry = &entries_[tail_++ & (count_ - 1)];
    entry->addr = reinterpret_cast<uint64_t>(Data(id));
    entry->len = size_;
    entry->bid = id;
    available_++;
  }

  // Shows the recycled buffers to the kernel. Release: their entries are complete first.
  void Publish() { __atomic_store_n(&entries_[0].resv, tail_, __ATOMIC_RELEASE); }

 private:
  io_uring_buf* entries_;
  char* slab_;
  uint32_t count_;
  uint32_t size_;
  uint32_t available_ = 0;
  uint16_t tail_ = 0;
};

#endif  // PROACTOR_BENCH_SMALL_RING_H_
