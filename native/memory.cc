#include "memory.h"

#include <new>

#include <sys/mman.h>

namespace proactor {

namespace {
// A figure for display: it is no state that anything depends on, so it may span environments.
std::atomic<int64_t> mapped{0};
}  // namespace

MemoryRegion* MemoryRegion::Map(size_t bytes, std::shared_ptr<MemoryOwner> owner) {
  void* base =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  // A child process gets its own look at these pages, not a share in what the kernel writes.
  madvise(base, bytes, MADV_DONTFORK);
  mapped.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  return new (std::nothrow) MemoryRegion(base, bytes, std::move(owner));
}

void MemoryRegion::Release() {
  // acq_rel: whatever any owner did with the memory happens before it is unmapped.
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  // Abandoned, the mapping stays: the kernel may still write there.
  if (owner_ == nullptr || !owner_->abandoned()) {
    munmap(base_, size_);
    mapped.fetch_sub(static_cast<int64_t>(size_), std::memory_order_relaxed);
  }
  delete this;
}

int64_t MemoryRegion::mapped_bytes() { return mapped.load(std::memory_order_relaxed); }

}  // namespace proactor
