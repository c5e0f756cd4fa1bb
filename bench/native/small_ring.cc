#include "small_ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>

#include "support.h"

namespace {

char* MapMemory(size_t size, int flags, int fd, uint64_t offset) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags | MAP_POPULATE, fd,
                      static_cast<off_t>(offset));
  if (memory == MAP_FAILED) Fail(kExitFailure, "mmap: %s", strerror(errno));
  return static_cast<char*>(memory);
}

}  // namespace

SmallRing::SmallRing(uint32_t sq_entries, uint32_t cq_entries) {
  io_uring_params params = {};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_NO_SQARRAY;
  params.cq_entries = cq_entries;
  fd_ = io_uring_setup(sq_entries, &params);
  if (fd_ < 0 && errno == EINVAL) {  // before Linux 6.6 there is always an index array
    params.flags &= ~IORING_SETUP_NO_SQARRAY;
    fd_ = io_uring_setup(sq_entries, &params);
  }
  if (fd_ < 0) Fail(kExitFailure, "io_uring_setup: %s", strerror(errno));
  sq_entries_ = params.sq_entries;
  cq_entries_ = params.cq_entries;
  Map(params);
  RegisterDescriptor();
}

void SmallRing::Map(const io_uring_params& params) {
  const size_t sq_end = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
  const size_t cq_end = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
  char* rings = MapMemory(std::max(sq_end, cq_end), MAP_SHARED, fd_, IORING_OFF_SQ_RING);
  sq_head_ = reinterpret_cast<uint32_t*>(rings + params.sq_off.head);
  sq_tail_ = reinterpret_cast<uint32_t*>(rings + params.sq_off.tail);
  cq_head_ = reinterpret_cast<uint32_t*>(rings + params.cq_off.head);
  cq_tail_ = reinterpret_cast<uint32_t*>(rings + params.cq_off.tail);
  cqes_ = reinterpret_cast<io_uring_cqe*>(rings + params.cq_off.cqes);
  sqes_ = reinterpret_cast<io_uring_sqe*>(MapMemory(params.sq_entries * sizeof(io_uring_sqe),
                                                    MAP_SHARED, fd_, IORING_OFF_SQES));
  if ((params.flags & IORING_SETUP_NO_SQARRAY) == 0) {
    auto* array = reinterpret_cast<uint32_t*>(rings + params.sq_off.array);
    for (uint32_t i = 0; i < params.sq_entries; i++) array[i] = i;
  }
}

// A registered descriptor spares each io_uring_enter the look-up of the file.
void SmallRing::RegisterDescriptor() {
  io_uring_rsrc_update update = {};
  update.offset = UINT32_MAX;
  update.data = static_cast<uint64_t>(fd_);
  enter_fd_ = fd_;
  if (io_uring_register(fd_, IORING_REGISTER_RING_FDS, &update, 1) == 1) {
    enter_fd_ = static_cast<int>(update.offset);
    enter_flags_ |= IORING_ENTER_REGISTERED_RING;
  }
}

void SmallRing::Enter(uint32_t minimum_completions) {
  // Release: the entries are complete before the kernel sees the tail.
  __atomic_store_n(sq_tail_, local_tail_, __ATOMIC_RELEASE);
  const uint32_t to_submit = local_tail_ - __atomic_load_n(sq_head_, __ATOMIC_ACQUIRE);
  const int entered =
      io_uring_enter(enter_fd_, to_submit, minimum_completions, enter_flags_, nullptr, 0);
  if (entered < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY) {
    Fail(kExitFailure, "io_uring_enter: %s", strerror(errno));
  }
}

ProvidedBuffers::ProvidedBuffers(const SmallRing& ring, uint16_t group, uint32_t count,
                                 uint32_t size)
    : count_(count), size_(size) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  entries_ = reinterpret_cast<io_uring_buf*>(MapMemory(count * sizeof(io_uring_buf), flags, -1, 0));
  slab_ = MapMemory(static_cast<size_t>(count) * size, flags, -1, 0);
  io_uring_buf_reg registration = {};
  registration.ring_addr = reinterpret_cast<uint64_t>(entries_);
  registration.ring_entries = count;
  registration.bgid = group;
  if (io_uring_register(ring.descriptor(), IORING_REGISTER_PBUF_RING, &registration, 1) != 0) {
    Fail(kExitFailure, "IORING_REGISTER_PBUF_RING: %s", strerror(errno));
  }
  for (uint32_t id = 0; id < count; id++) Recycle(static_cast<uint16_t>(id));
  Publish();
}
