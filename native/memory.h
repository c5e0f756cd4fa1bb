// Memory that the kernel may touch: anonymous mappings that live until the last of their owners
// lets go. Owners are the ArrayBuffer over it, the handle TypeScript keeps in its slots while
// operations are in flight, and a ring that registered it. So neither collecting nor detaching an
// ArrayBuffer frees what the kernel holds.
#ifndef PROACTOR_MEMORY_H_
#define PROACTOR_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace proactor {

// What the regions of one ring have in common: once abandoned, because the kernel would not let go
// of an operation in time, none of them is ever unmapped.
class MemoryOwner {
 public:
  void Abandon() { abandoned_.store(true, std::memory_order_release); }
  bool abandoned() const { return abandoned_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> abandoned_{false};
};

class MemoryRegion {
 public:
  // Zeroed pages with one reference, or null where the system has no more (errno says why).
  static MemoryRegion* Map(size_t bytes, std::shared_ptr<MemoryOwner> owner = nullptr);

  void Retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  // The last one to release unmaps.
  void Release();

  void* base() const { return base_; }
  size_t size() const { return size_; }

  // Bytes mapped by all regions of this process: what leak tests look at.
  static int64_t mapped_bytes();

 private:
  MemoryRegion(void* base, size_t size, std::shared_ptr<MemoryOwner> owner)
      : base_(base), size_(size), owner_(std::move(owner)) {}
  ~MemoryRegion() = default;

  void* const base_;
  const size_t size_;
  const std::shared_ptr<MemoryOwner> owner_;
  std::atomic<int32_t> references_{1};
};

}  // namespace proactor

#endif  // PROACTOR_MEMORY_H_
