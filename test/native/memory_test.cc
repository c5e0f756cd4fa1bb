// Mappings that live until the last of their owners lets go.
#include "memory.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "check.h"

using proactor::MemoryOwner;
using proactor::MemoryRegion;

namespace {

bool IsMapped(void* address) {
  unsigned char resident;
  return mincore(address, 1, &resident) == 0;
}

}  // namespace

TEST(memory, is_zeroed_and_counted) {
  const int64_t before = MemoryRegion::mapped_bytes();
  MemoryRegion* region = MemoryRegion::Map(10000);
  CHECK(region != nullptr);
  CHECK_EQUAL(region->size(), 10000u);
  CHECK_EQUAL(MemoryRegion::mapped_bytes() - before, 10000);
  const auto* bytes = static_cast<const char*>(region->base());
  for (size_t i = 0; i < region->size(); ++i) CHECK_EQUAL(bytes[i], 0);
  region->Release();
  CHECK_EQUAL(MemoryRegion::mapped_bytes(), before);
}

TEST(memory, lives_until_the_last_release) {
  MemoryRegion* region = MemoryRegion::Map(4096);
  void* base = region->base();
  region->Retain();
  region->Retain();
  region->Release();
  region->Release();
  CHECK(IsMapped(base));
  region->Release();
  CHECK(!IsMapped(base));
}

TEST(memory, is_released_from_any_thread) {
  const int64_t before = MemoryRegion::mapped_bytes();
  MemoryRegion* region = MemoryRegion::Map(4096);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) region->Retain();
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([region, i] {
      static_cast<char*>(region->base())[i] = 'x';
      region->Release();
    });
  }
  region->Release();
  for (auto& thread : threads) thread.join();
  CHECK_EQUAL(MemoryRegion::mapped_bytes(), before);
}

TEST(memory, stays_for_ever_once_its_owner_was_abandoned) {
  auto owner = std::make_shared<MemoryOwner>();
  MemoryRegion* kept = MemoryRegion::Map(4096, owner);
  MemoryRegion* other = MemoryRegion::Map(4096, std::make_shared<MemoryOwner>());
  void* kept_base = kept->base();
  void* other_base = other->base();
  owner->Abandon();
  kept->Release();
  other->Release();
  CHECK(IsMapped(kept_base));
  CHECK(!IsMapped(other_base));
}

TEST(memory, is_not_shared_with_a_child_process) {
  MemoryRegion* region = MemoryRegion::Map(4096);
  static_cast<char*>(region->base())[0] = 'x';
  const pid_t child = fork();
  if (child == 0) _exit(IsMapped(region->base()) ? 1 : 0);
  int status = -1;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
  region->Release();
}

TEST(memory, is_null_where_there_is_not_so_much) {
  CHECK(MemoryRegion::Map(size_t{1} << 60) == nullptr);
}
