// One io_uring: set-up and its fall-backs, entering, overflow, draining and closing.
#include "ring.h"

#include <sys/eventfd.h>
#include <sys/resource.h>

#include <ctime>
#include <vector>

#include "shared_layout.h"
#include "support.h"

using proactor::kResultIsDescriptor;
using proactor::MemoryRegion;
using proactor::Ring;
using proactor::RingOptions;
using test::Entry;

namespace {

constexpr uint64_t kDescriptorMark = static_cast<uint64_t>(kResultIsDescriptor) << 32;

void Publish(Ring* ring, const std::vector<io_uring_sqe>& entries) {
  uint32_t tail = ring->submission_head();
  for (const io_uring_sqe& entry : entries) *ring->submission_at(tail++) = entry;
  ring->PublishSubmissions(tail);
}

std::vector<io_uring_cqe> Reap(Ring* ring) {
  std::vector<io_uring_cqe> completions;
  uint32_t head = ring->completion_head();
  for (; head != ring->completion_tail(); ++head) {
    completions.push_back(*ring->completion_at(head));
  }
  ring->PublishConsumed(head);
  return completions;
}

void CheckCompletesNops(Ring* ring) {
  for (uint64_t round = 0; round < 10; ++round) {
    Publish(ring, {Entry(IORING_OP_NOP, round), Entry(IORING_OP_NOP, round + 100)});
    CHECK_EQUAL(ring->Enter(2, nullptr), 2);
    const auto completions = Reap(ring);
    CHECK_EQUAL(completions.size(), 2u);
    CHECK_EQUAL(completions[0].user_data, round);
    CHECK_EQUAL(completions[1].user_data, round + 100);
    CHECK_EQUAL(completions[1].res, 0);
  }
}

int64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

TEST(ring, completes_what_was_submitted) {
  Ring ring;
  test::SetUp(&ring, 8);
  CHECK_EQUAL(ring.submission_entries(), 8u);
  CHECK_EQUAL(ring.completion_entries(), 16u);
  CheckCompletesNops(&ring);
}

TEST(ring, falls_back_flag_by_flag) {
  constexpr uint32_t kFlags[] = {IORING_SETUP_NO_SQARRAY, IORING_SETUP_DEFER_TASKRUN,
                                 IORING_SETUP_COOP_TASKRUN, IORING_SETUP_SINGLE_ISSUER,
                                 IORING_SETUP_SUBMIT_ALL};
  uint32_t withheld = 0;
  for (const uint32_t flag : kFlags) {
    withheld |= flag;
    Ring ring;
    test::SetUp(&ring, 8, withheld);
    CHECK_EQUAL(ring.setup_flags() & withheld, 0u);
    CheckCompletesNops(&ring);
  }
}

TEST(ring, is_enabled_by_the_thread_that_will_own_it) {
  Ring ring;
  test::SetUp(&ring, 8, 0, true);
  Publish(&ring, {Entry(IORING_OP_NOP, 1)});
  CHECK_EQUAL(ring.Enter(0, nullptr), -EBADFD);
  CHECK_EQUAL(ring.Enable(), 0);
  Reap(&ring);
  CheckCompletesNops(&ring);
}

TEST(ring, works_by_its_registered_descriptor) {
  Ring ring;
  test::SetUp(&ring, 8);
  ring.RegisterDescriptor();
  CheckCompletesNops(&ring);
  ring.Close();
  CHECK_EQUAL(ring.descriptor(), -1);
}

TEST(ring, waits_no_longer_than_its_timeout) {
  Ring ring;
  test::SetUp(&ring, 8);
  __kernel_timespec timeout{};
  timeout.tv_nsec = 20 * 1000000;
  const int64_t start = NowMs();
  CHECK_EQUAL(ring.Enter(1, &timeout), -ETIME);
  CHECK(NowMs() - start >= 19);
}

TEST(ring, signals_its_eventfd) {
  Ring ring;
  test::SetUp(&ring, 8);
  const int signal = eventfd(0, EFD_NONBLOCK);
  CHECK_EQUAL(ring.RegisterEventfd(signal), 0);
  Publish(&ring, {Entry(IORING_OP_NOP, 1)});
  ring.Enter(0, nullptr);
  uint64_t count = 0;
  CHECK_EQUAL(read(signal, &count, sizeof(count)), static_cast<ssize_t>(sizeof(count)));
  close(signal);
}

TEST(ring, loses_nothing_when_its_completion_queue_overflows) {
  Ring ring;
  test::SetUp(&ring, 8);
  constexpr uint64_t kCount = 200;
  for (uint64_t i = 0; i < kCount; ++i) {
    Publish(&ring, {Entry(IORING_OP_NOP, i)});
    CHECK_EQUAL(ring.Enter(0, nullptr), 1);
  }
  CHECK(ring.overflown());
  CHECK(ring.needs_enter());
  uint64_t next = 0;
  while (next < kCount) {
    for (const io_uring_cqe& completion : Reap(&ring)) CHECK_EQUAL(completion.user_data, next++);
    CHECK_EQUAL(ring.Enter(0, nullptr), 0);
  }
  CHECK(!ring.overflown());
}

TEST(ring, keeps_registered_memory_until_it_is_closed) {
  const int64_t before = MemoryRegion::mapped_bytes();
  Ring ring;
  test::SetUp(&ring, 8);
  MemoryRegion* memory = MemoryRegion::Map(4096);
  const int registered = ring.RegisterBufferRing(memory, 4, 1, 0);
  memory->Release();
  CHECK_EQUAL(registered, 0);
  CHECK_EQUAL(MemoryRegion::mapped_bytes() - before, 4096);
  ring.Close();
  CHECK_EQUAL(MemoryRegion::mapped_bytes(), before);
  ring.Close();
  CHECK_EQUAL(MemoryRegion::mapped_bytes(), before);
}

TEST(ring, tells_why_it_cannot_be_set_up) {
  RingOptions options;
  Ring nothing;
  CHECK_EQUAL(nothing.SetUp(options), -EINVAL);
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit low{3, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  options.submission_entries = 8;
  options.completion_entries = 16;
  Ring ring;
  const int result = ring.SetUp(options);
  setrlimit(RLIMIT_NOFILE, &limit);
  CHECK_EQUAL(result, -EMFILE);
}

TEST(ring, drains_what_waits) {
  Ring ring;
  test::SetUp(&ring, 8);
  test::Pipe pipe;
  char bytes[5];
  const __kernel_timespec hour{3600, 0};
  Publish(&ring, {test::Read(pipe.reader, &bytes[0], 1), test::Read(pipe.reader, &bytes[1], 2),
                  test::Timeout(&hour, 3)});
  CHECK_EQUAL(ring.Enter(0, nullptr), 3);
  const int64_t start = NowMs();
  CHECK_EQUAL(ring.Drain(3, 5000), 0u);
  CHECK(NowMs() - start < 4000);
}

TEST(ring, drains_completions_that_overflowed) {
  Ring ring;
  test::SetUp(&ring, 8);
  for (uint64_t i = 0; i < 100; ++i) {
    Publish(&ring, {Entry(IORING_OP_NOP, i)});
    ring.Enter(0, nullptr);
  }
  CHECK_EQUAL(ring.Drain(100, 5000), 0u);
}

TEST(ring, withdraws_what_was_not_submitted) {
  Ring ring;
  test::SetUp(&ring, 8);
  test::Pipe pipe;
  char byte;
  CHECK_EQUAL(write(pipe.writer, "x", 1), 1);
  Publish(&ring, {test::Read(pipe.reader, &byte, 1)});
  CHECK_EQUAL(ring.Drain(0, 1000), 0u);
  Publish(&ring, {});
  CHECK_EQUAL(ring.Enter(0, nullptr), 0);
  // Nobody read it.
  CHECK_EQUAL(read(pipe.reader, &byte, 1), 1);
}

TEST(ring, gives_up_draining_at_the_deadline) {
  Ring ring;
  test::SetUp(&ring, 8);
  const int64_t start = NowMs();
  // One more than there are: it never comes.
  CHECK_EQUAL(ring.Drain(1, 100), 1u);
  const int64_t took = NowMs() - start;
  CHECK(took >= 100 && took < 5000);
}

TEST(ring, closes_descriptors_that_nobody_takes) {
  Ring ring;
  test::SetUp(&ring, 8);
  io_uring_sqe abandoned = Entry(test::kOpSocket, 1 | kDescriptorMark, AF_INET);
  abandoned.off = SOCK_STREAM;
  io_uring_sqe number = abandoned;
  number.user_data = 2;
  Publish(&ring, {abandoned, number});
  ring.Enter(2, nullptr);
  const uint32_t head = ring.completion_head();
  const int first = ring.completion_at(head)->res;
  const int second = ring.completion_at(head + 1)->res;
  if (first == -EINVAL) test::Skip("the kernel has no IORING_OP_SOCKET");
  CHECK(test::IsOpen(first) && test::IsOpen(second));
  CHECK_EQUAL(ring.Drain(2, 1000), 0u);
  CHECK(!test::IsOpen(first));
  // A result that is a descriptor's number by chance is left alone.
  CHECK(test::IsOpen(second));
  close(second);
}
