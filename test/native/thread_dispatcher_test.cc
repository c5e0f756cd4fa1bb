// The I/O thread and what stands between it and the JavaScript thread, whose part the test's own thread plays. To be run
// with ThreadSanitizer, too.
#include "thread_dispatcher.h"

#include <dirent.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "support.h"

using namespace proactor;
using test::Entry;

namespace {

constexpr uint64_t kFirstSlot = 1;
constexpr uint64_t kQuietMark = static_cast<uint64_t>(kQuiet) << 32;
constexpr uint64_t kDescriptorMark = static_cast<uint64_t>(kResultIsDescriptor) << 32;

// What lib/ring/ring.ts does, in as few words as possible.
class JavaScriptThread {
 public:
  explicit JavaScriptThread(uint32_t entries) {
    test::SetUp(&ring_, entries * 2, 0, true);
    memory_ = MemoryRegion::Map(4096);
    control_ = ControlBlock(memory_->base());
    sem_init(&posts_, 0, 0);
    const auto post = [](void* self) { static_cast<JavaScriptThread*>(self)->Posted(); };
    CHECK_EQUAL(dispatcher_.Start(&ring_, control_, live_.data(), post, this), 0);
    CHECK_EQUAL(dispatcher_.submission_entries(), entries);
  }

  ~JavaScriptThread() {
    CHECK_EQUAL(Stop(), 0u);
    memory_->Release();
    sem_destroy(&posts_);
  }

  uint32_t Stop() { return dispatcher_.Stop(5000); }

  // Writes an entry, which is submitted by Flush(), or at once where there is no room left.
  void Submit(const io_uring_sqe& entry) {
    const auto tail = static_cast<uint32_t>(control_.Get(kSubmissionTail));
    while (tail - static_cast<uint32_t>(control_.At(kTakenHead).load(std::memory_order_acquire)) ==
           dispatcher_.submission_entries()) {
      dispatcher_.SubmitAndWaitForRoom(tail);
    }
    auto* entries = static_cast<io_uring_sqe*>(dispatcher_.submissions()->base());
    entries[tail & (dispatcher_.submission_entries() - 1)] = entry;
    control_.Set(kSubmissionTail, static_cast<int32_t>(tail + 1));
    control_.Set(kInFlight, control_.Get(kInFlight) + 1);
  }

  void Flush() {
    const int32_t tail = control_.Get(kSubmissionTail);
    const bool published = tail != control_.Get(kPublishedTail);
    if (published) control_.At(kPublishedTail).store(tail, std::memory_order_seq_cst);
    const int32_t sleeping = control_.At(kSleeping).load(std::memory_order_seq_cst);
    if (sleeping == kSleepingNo) return;
    if (published || sleeping == kSleepingForRoom) dispatcher_.Wake();
  }

  // Waits for a post, and returns what it announced. At most `limit` completions at a time.
  std::vector<io_uring_cqe> Dispatch(uint32_t limit = UINT32_MAX) {
    if (!again_) WaitForPost();
    again_ = false;
    dispatcher_.BeginDispatch();
    if (work_) work_();
    auto head = static_cast<uint32_t>(control_.Get(kConsumedHead));
    const auto tail =
        static_cast<uint32_t>(control_.At(kCompletionTail).load(std::memory_order_seq_cst));
    const auto* entries = static_cast<const io_uring_cqe*>(dispatcher_.completions()->base());
    std::vector<io_uring_cqe> completions;
    for (; head != tail && completions.size() < limit; ++head) {
      completions.push_back(entries[head & (dispatcher_.completion_entries() - 1)]);
      if ((completions.back().flags & IORING_CQE_F_MORE) == 0) {
        control_.Set(kInFlight, control_.Get(kInFlight) - 1);
      }
    }
    control_.Set(kConsumedHead, static_cast<int32_t>(head));
    control_.At(kCompletionHead).store(static_cast<int32_t>(head), std::memory_order_seq_cst);
    Flush();
    again_ = dispatcher_.EndDispatch();
    return completions;
  }

  // Dispatches until `count` completions came.
  std::vector<io_uring_cqe> Await(size_t count, uint32_t limit = UINT32_MAX) {
    std::vector<io_uring_cqe> all;
    while (all.size() < count) {
      const auto some = Dispatch(limit);
      all.insert(all.end(), some.begin(), some.end());
    }
    CHECK_EQUAL(all.size(), count);
    return all;
  }

  bool PostedWithin(int milliseconds) {
    timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += milliseconds * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    if (sem_timedwait(&posts_, &until) != 0) return false;
    sem_post(&posts_);
    return true;
  }

  void SetLoud(bool loud) {
    control_.At(kLoud).store(loud ? 1 : 0, std::memory_order_seq_cst);
    if (loud) dispatcher_.Wake();
  }

  // What handlers would do in each dispatch.
  void SetWork(std::function<void()> work) { work_ = std::move(work); }

  int32_t sleeping() { return control_.At(kSleeping).load(std::memory_order_seq_cst); }
  uint32_t entries() const { return dispatcher_.submission_entries(); }
  uint32_t completion_entries() const { return dispatcher_.completion_entries(); }

 private:
  void Posted() {
    // At most one post may be outstanding.
    CHECK_EQUAL(outstanding_.fetch_add(1), 0);
    sem_post(&posts_);
  }

  void WaitForPost() {
    while (sem_wait(&posts_) != 0) {
    }
    outstanding_.fetch_sub(1);
  }

  Ring ring_;
  MemoryRegion* memory_ = nullptr;
  ControlBlock control_;
  std::vector<int32_t> live_ = std::vector<int32_t>(kSlotLimit, -1);
  ThreadDispatcher dispatcher_;
  sem_t posts_;
  std::atomic<int> outstanding_{0};
  bool again_ = false;
  std::function<void()> work_;
};

// This thread and those that it starts run on one processor, the one that it is on.
class OneProcessor {
 public:
  OneProcessor() {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    CHECK_EQUAL(sched_setaffinity(0, sizeof(one), &one), 0);
  }
  ~OneProcessor() { sched_setaffinity(0, sizeof(before_), &before_); }

 private:
  cpu_set_t before_;
};

void SubmitSeveral(JavaScriptThread* thread, uint64_t count, uint64_t mark = 0) {
  for (uint64_t i = 0; i < count; ++i) {
    thread->Submit(Entry(IORING_OP_NOP, (kFirstSlot + i) | mark));
  }
  thread->Flush();
}

// Has the I/O thread give way to this one, which has `count` completions to dispatch then. That it is not seen in time,
// for something else had the processor, may happen, but not again and again.
void AwaitTurn(JavaScriptThread* thread, uint64_t count) {
  for (int round = 0; round < 1000; ++round) {
    SubmitSeveral(thread, count);
    while (!thread->PostedWithin(1000)) {
    }
    for (int look = 0; look < 3; ++look, sched_yield()) {
      if (thread->sleeping() == kSleepingForTurn) return;
    }
    thread->Await(count);
  }
  CHECK(false);
}

void CheckCompletes(JavaScriptThread* thread, uint64_t number) {
  thread->Submit(Entry(IORING_OP_NOP, kFirstSlot + number));
  thread->Flush();
  const auto completions = thread->Await(1);
  CHECK_EQUAL(completions[0].user_data, kFirstSlot + number);
  CHECK_EQUAL(completions[0].res, 0);
}

}  // namespace

TEST(thread_dispatcher, starts_and_stops_without_work) {
  for (int i = 0; i < 50; ++i) JavaScriptThread thread(8);
}

TEST(thread_dispatcher, wakes_up_for_each_submission) {
  JavaScriptThread thread(8);
  for (uint64_t i = 0; i < 2000; ++i) {
    // Now asleep, now just about to be.
    if (i % 20 == 0) usleep(1000);
    CheckCompletes(&thread, i);
  }
}

TEST(thread_dispatcher, completes_batches_of_any_size_in_order) {
  JavaScriptThread thread(64);
  std::minstd_rand random(1);
  uint64_t submitted = 0;
  uint64_t completed = 0;
  while (completed < 50000) {
    const uint64_t batch = 1 + random() % 100;
    for (uint64_t i = 0; i < batch; ++i) {
      thread.Submit(Entry(IORING_OP_NOP, kFirstSlot + submitted++));
    }
    thread.Flush();
    while (completed < submitted && (submitted - completed > 100 || random() % 4 != 0)) {
      for (const io_uring_cqe& completion : thread.Dispatch(1 + random() % 50)) {
        CHECK_EQUAL(completion.user_data, kFirstSlot + completed++);
      }
    }
  }
  thread.Await(submitted - completed);
}

TEST(thread_dispatcher, takes_more_than_its_submission_ring_holds) {
  JavaScriptThread thread(8);
  const uint64_t count = thread.entries() * 3;
  for (uint64_t i = 0; i < count; ++i) thread.Submit(Entry(IORING_OP_NOP, kFirstSlot + i));
  thread.Flush();
  const auto completions = thread.Await(count);
  for (uint64_t i = 0; i < count; ++i) CHECK_EQUAL(completions[i].user_data, kFirstSlot + i);
}

TEST(thread_dispatcher, goes_on_while_nobody_dispatches) {
  JavaScriptThread thread(8);
  // Far more than the ring of completions and the kernel's own hold.
  const uint64_t count = thread.completion_entries() * 20;
  for (uint64_t i = 0; i < count; ++i) thread.Submit(Entry(IORING_OP_NOP, kFirstSlot + i));
  thread.Flush();
  while (thread.sleeping() != kSleepingForRoom) usleep(100);
  const auto completions = thread.Await(count, 5);
  for (uint64_t i = 0; i < count; ++i) CHECK_EQUAL(completions[i].user_data, kFirstSlot + i);
}

TEST(thread_dispatcher, hands_over_multishot_completions) {
  JavaScriptThread thread(8);
  const __kernel_timespec period{0, 100000};
  io_uring_sqe timer = test::Timeout(&period, kFirstSlot);
  timer.op_flags = test::kTimeoutMultishot;
  thread.Submit(timer);
  thread.Flush();
  size_t seen = 0;
  while (seen < 200) {
    for (const io_uring_cqe& completion : thread.Dispatch()) {
      CHECK_EQUAL(completion.res, -ETIME);
      CHECK((completion.flags & IORING_CQE_F_MORE) != 0);
      ++seen;
    }
  }
}

TEST(thread_dispatcher, outlives_a_cancel_of_everything) {
  JavaScriptThread thread(8);
  test::Pipe pipe;
  char byte;
  for (uint64_t round = 0; round < 50; ++round) {
    thread.Submit(test::Read(pipe.reader, &byte, kFirstSlot));
    thread.Submit(test::CancelAll(kFirstSlot + 1));
    thread.Flush();
    auto completions = thread.Await(2);
    std::sort(completions.begin(), completions.end(),
              [](const auto& a, const auto& b) { return a.user_data < b.user_data; });
    CHECK_EQUAL(completions[0].res, -ECANCELED);
    // Its own wake-up was cancelled with the rest, and has to be made anew.
    usleep(round % 5 * 200);
    CheckCompletes(&thread, round);
  }
}

TEST(thread_dispatcher, holds_quiet_completions_back_until_another_one_comes) {
  JavaScriptThread thread(8);
  thread.Submit(Entry(IORING_OP_NOP, kFirstSlot | kQuietMark));
  thread.Flush();
  CHECK(!thread.PostedWithin(50));
  thread.Submit(Entry(IORING_OP_NOP, kFirstSlot + 1));
  thread.Flush();
  const auto both = thread.Await(2);
  CHECK_EQUAL(both[0].user_data, kFirstSlot | kQuietMark);
  CHECK_EQUAL(both[1].user_data, kFirstSlot + 1);
}

TEST(thread_dispatcher, hands_quiet_completions_over_when_told_to) {
  JavaScriptThread thread(8);
  for (int round = 0; round < 100; ++round) {
    thread.Submit(Entry(IORING_OP_NOP, kFirstSlot | kQuietMark));
    thread.Flush();
    if (round % 10 == 0) usleep(2000);
    thread.SetLoud(true);
    thread.Await(1);
    thread.SetLoud(false);
  }
}

TEST(thread_dispatcher, holds_no_failure_back) {
  JavaScriptThread thread(8);
  char byte;
  thread.Submit(test::Read(-1, &byte, kFirstSlot | kQuietMark));
  thread.Flush();
  CHECK_EQUAL(thread.Await(1)[0].res, -EBADF);
}

TEST(thread_dispatcher, holds_no_more_back_than_its_ring_has_room_for) {
  JavaScriptThread thread(8);
  const uint64_t count = thread.completion_entries() * 3;
  for (uint64_t i = 0; i < count; ++i) {
    thread.Submit(Entry(IORING_OP_NOP, (kFirstSlot + i) | kQuietMark));
  }
  thread.Flush();
  size_t came = 0;
  while (came < count - thread.completion_entries()) came += thread.Dispatch().size();
  thread.SetLoud(true);
  thread.Await(count - came);
}

TEST(thread_dispatcher, stops_with_work_in_flight_and_not_taken) {
  test::Pipe pipe;
  char bytes[64];
  const __kernel_timespec hour{3600, 0};
  for (int round = 0; round < 30; ++round) {
    JavaScriptThread thread(8);
    for (uint64_t i = 0; i < 20; ++i) {
      thread.Submit(test::Read(pipe.reader, &bytes[i], kFirstSlot + i));
      thread.Submit(test::Timeout(&hour, kFirstSlot + i));
      thread.Submit(Entry(IORING_OP_NOP, kFirstSlot + i));
    }
    if (round % 3 != 0) thread.Flush();
    if (round % 3 == 1) usleep(500);
    CHECK_EQUAL(thread.Stop(), 0u);
  }
}

TEST(thread_dispatcher, stops_while_it_waits_for_room) {
  for (int round = 0; round < 10; ++round) {
    JavaScriptThread thread(8);
    const uint64_t count = thread.completion_entries() * 4;
    for (uint64_t i = 0; i < count; ++i) thread.Submit(Entry(IORING_OP_NOP, kFirstSlot + i));
    thread.Flush();
    while (thread.sleeping() != kSleepingForRoom) usleep(100);
    CHECK_EQUAL(thread.Stop(), 0u);
  }
}

TEST(thread_dispatcher, gives_way_on_the_same_processor_for_no_longer_than_a_moment) {
  const OneProcessor pinned;
  JavaScriptThread thread(64);
  CheckCompletes(&thread, 0);
  AwaitTurn(&thread, 8);
  // Nobody does anything for it.
  for (int i = 0; i < 100 && thread.sleeping() != kSleepingForWork; ++i) usleep(1000);
  CHECK_EQUAL(thread.sleeping(), kSleepingForWork);
  thread.Await(8);
}

TEST(thread_dispatcher, goes_on_after_its_turn_at_the_end_of_a_dispatch) {
  const OneProcessor pinned;
  JavaScriptThread thread(64);
  CheckCompletes(&thread, 0);
  for (int round = 0; round < 100; ++round) {
    AwaitTurn(&thread, 8);
    thread.Await(8);
    CHECK(thread.sleeping() != kSleepingForTurn);
    CheckCompletes(&thread, 0);
  }
}

TEST(thread_dispatcher, goes_on_for_what_is_published_before_its_turn) {
  const OneProcessor pinned;
  JavaScriptThread thread(64);
  CheckCompletes(&thread, 0);
  for (int round = 0; round < 100; ++round) {
    AwaitTurn(&thread, 8);
    thread.Submit(Entry(IORING_OP_NOP, kFirstSlot + 8));
    thread.Flush();
    CHECK(thread.sleeping() != kSleepingForTurn);
    CHECK_EQUAL(thread.Await(9)[8].user_data, kFirstSlot + 8);
  }
}

TEST(thread_dispatcher, stops_before_its_turn) {
  const OneProcessor pinned;
  for (int round = 0; round < 30; ++round) {
    JavaScriptThread thread(64);
    CheckCompletes(&thread, 0);
    if (round % 3 == 0) {
      SubmitSeveral(&thread, 8);
    } else {
      AwaitTurn(&thread, 8);
    }
    CHECK_EQUAL(thread.Stop(), 0u);
  }
}

TEST(thread_dispatcher, loses_nothing_where_it_gives_way) {
  const OneProcessor pinned;
  JavaScriptThread thread(64);
  std::minstd_rand random(2);
  thread.SetWork([&] {
    for (volatile uint32_t i = random() % 20000; i > 0; i = i - 1) {
    }
    if (random() % 16 == 0) usleep(random() % 1500);
  });
  uint64_t submitted = 0;
  uint64_t completed = 0;
  while (completed < 20000) {
    const uint64_t batch = 1 + random() % 40;
    const uint64_t share = random() % 3;  // of them are quiet: all, some, none
    for (uint64_t i = 0; i < batch; ++i) {
      const uint64_t mark = random() % 2 >= share ? kQuietMark : 0;
      thread.Submit(Entry(IORING_OP_NOP, (kFirstSlot + submitted++) | mark));
    }
    thread.Flush();
    // From now on everything has to come, whenever it is said.
    if (random() % 4 == 0) usleep(random() % 200);
    thread.SetLoud(true);
    const uint64_t left = random() % 2 == 0 ? 0 : random() % 20;
    while (completed + left < submitted) {
      for (const io_uring_cqe& completion : thread.Dispatch(1 + random() % 50)) {
        CHECK_EQUAL(completion.user_data & ~kQuietMark, kFirstSlot + completed++);
      }
    }
    thread.SetLoud(false);
  }
  thread.SetLoud(true);
  thread.Await(submitted - completed);
}

TEST(thread_dispatcher, closes_descriptors_that_were_not_dispatched) {
  const int before = test::OpenDescriptors();
  {
    JavaScriptThread thread(8);
    const int started = test::OpenDescriptors();
    CHECK(started > before);
    for (uint64_t i = 0; i < 5; ++i) {
      io_uring_sqe socket = Entry(test::kOpSocket, (kFirstSlot + i) | kDescriptorMark, AF_INET);
      socket.off = SOCK_STREAM;
      thread.Submit(socket);
    }
    thread.Flush();
    while (test::OpenDescriptors() < started + 5) usleep(100);
  }
  CHECK_EQUAL(test::OpenDescriptors(), before);
}

TEST(thread_dispatcher, runs_on_a_thread_of_its_own_that_takes_no_signals) {
  JavaScriptThread thread(8);
  DIR* tasks = opendir("/proc/self/task");
  int found = 0;
  while (const dirent* task = readdir(tasks)) {
    const std::string folder = std::string("/proc/self/task/") + task->d_name;
    std::string name;
    std::getline(std::ifstream(folder + "/comm"), name);
    if (name != "proactor") continue;
    ++found;
    std::ifstream status(folder + "/status");
    std::string line;
    while (std::getline(status, line) && line.rfind("SigBlk:", 0) != 0) {
    }
    // SIGKILL and SIGSTOP cannot be blocked, and two are the C library's own.
    const uint64_t blocked = std::stoull(line.substr(7), nullptr, 16);
    CHECK_EQUAL(blocked | 0x40100 | 3ull << 31, UINT64_MAX);
  }
  closedir(tasks);
  CHECK_EQUAL(found, 1);
}
