#include "thread_dispatcher.h"

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "socket_calls.h"

namespace proactor {

namespace {

// What a thread is given to end, beyond the time for what is in flight.
constexpr uint32_t kEndMs = 1000;

// So many completions at once are enough to do for the JavaScript thread, and how long it is left alone with them.
constexpr uint32_t kManyCompletions = 4;
constexpr long kTurnNs = 1000000;

}  // namespace

ThreadDispatcher::~ThreadDispatcher() {
  if (eventfd_ >= 0) close(eventfd_);
  if (submissions_ != nullptr) submissions_->Release();
  if (completions_ != nullptr) completions_->Release();
}

int ThreadDispatcher::Start(Ring* ring, ControlBlock control, const int32_t* live, Post post,
                            void* context) {
  ring_ = ring;
  control_ = control;
  live_ = live;
  post_ = post;
  context_ = context;
  // Half the kernel's, so that everything published fits into one submission and no linked chain is
  // torn.
  submission_mask_ = ring->submission_entries() / 2 - 1;
  completion_mask_ = ring->completion_entries() - 1;
  submissions_ = MemoryRegion::Map(submission_entries() * sizeof(io_uring_sqe));
  completions_ = MemoryRegion::Map(completion_entries() * sizeof(io_uring_cqe));
  if (submissions_ == nullptr || completions_ == nullptr) return -ENOMEM;
  eventfd_ = eventfd(0, EFD_CLOEXEC);
  if (eventfd_ < 0) return -errno;

  sem_init(&enabled_, 0, 0);
  sem_init(&finished_, 0, 0);
  // Signals are the process's affair: the new thread inherits a mask that blocks all of them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  control_.Set(kProcessor, -1);  // none yet
  const auto run = [](void* self) -> void* {
    static_cast<ThreadDispatcher*>(self)->Run();
    return nullptr;
  };
  const int error = pthread_create(&thread_, nullptr, run, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return -error;
  pthread_setname_np(thread_, "proactor");
  while (sem_wait(&enabled_) != 0 && errno == EINTR) {
  }
  running_ = enable_error_ == 0;
  if (!running_) pthread_join(thread_, nullptr);
  return enable_error_;
}

void ThreadDispatcher::Wake() {
  int32_t state = kSleepingForTurn;
  if (control_.At(kSleeping).compare_exchange_strong(state, kSleepingNo)) {
    syscall(SYS_futex, &control_.At(kSleeping), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    return;
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(eventfd_, &one, sizeof(one));
}

void ThreadDispatcher::SubmitAndWaitForRoom(uint32_t up_to) {
  const int32_t taken = control_.At(kTakenHead).load(std::memory_order_acquire);
  const int32_t tail = static_cast<int32_t>(up_to);
  // seq_cst against the thread's store to kSleeping: either it sees the tail, or we see that it
  // sleeps.
  control_.At(kPublishedTail).store(tail, std::memory_order_seq_cst);
  if (taken == tail) return;
  while (control_.At(kTakenHead).load(std::memory_order_acquire) == taken) {
    if (control_.At(kSleeping).load(std::memory_order_seq_cst) != kSleepingNo) {
      // A full completion ring is room that only this thread could make, and it is busy here: the
      // I/O thread takes submissions then as well, see WaitForRoom().
      Wake();
    }
    sched_yield();
  }
}

int ThreadDispatcher::Perform(uint32_t tail) {
  const int32_t taken = control_.At(kTakenHead).load(std::memory_order_acquire);
  if (taken != control_.Get(kPublishedTail) || !ring_->has_submitted_all()) return -EAGAIN;
  const auto* entries = static_cast<const io_uring_sqe*>(submissions_->base());
  const io_uring_sqe& entry = entries[(tail - 1) & submission_mask_];
  if (entry.opcode == IORING_OP_CLOSE) {
    return ClosesAtOnce(entry.fd) ? CloseDescriptor(entry.fd) : -EAGAIN;
  }
  const auto* data = reinterpret_cast<const void*>(entry.addr);
  return TrySend(entry.fd, data, entry.len, static_cast<int>(entry.op_flags));
}

void ThreadDispatcher::BeginDispatch() { control_.Set(kProcessor, sched_getcpu()); }

bool ThreadDispatcher::EndDispatch() {
  // seq_cst against HandOverCompletions(): either the thread sees 0 and posts, or we see its
  // completions.
  control_.At(kPosted).store(0, std::memory_order_seq_cst);
  if (control_.At(kSleeping).load(std::memory_order_seq_cst) == kSleepingForTurn) Wake();
  if (control_.At(kCompletionTail).load(std::memory_order_seq_cst) ==
      control_.At(kCompletionHead).load(std::memory_order_relaxed)) {
    return false;
  }
  return control_.At(kPosted).exchange(1, std::memory_order_seq_cst) == 0;
}

uint32_t ThreadDispatcher::Stop(uint32_t drain_ms) {
  if (!running_) return leaked_;
  running_ = false;
  drain_ms_ = drain_ms;
  stop_.store(true, std::memory_order_release);
  Wake();
  if (!WaitUntilFinished(drain_ms + kEndMs)) {
    pthread_detach(thread_);
    abandoned_ = true;
    const int32_t in_flight = control_.Get(kInFlight);
    return in_flight > 0 ? static_cast<uint32_t>(in_flight) : 1;
  }
  pthread_join(thread_, nullptr);
  const auto* entries = static_cast<const io_uring_cqe*>(completions_->base());
  const uint32_t tail = static_cast<uint32_t>(control_.Get(kCompletionTail));
  for (uint32_t head = static_cast<uint32_t>(control_.Get(kConsumedHead)); head != tail; ++head) {
    CloseAbandonedDescriptor(entries[head & completion_mask_]);
  }
  const auto* withdrawn = static_cast<const io_uring_sqe*>(submissions_->base());
  const uint32_t written = static_cast<uint32_t>(control_.Get(kSubmissionTail));
  uint32_t taken = static_cast<uint32_t>(control_.Get(kTakenHead));
  for (; taken != written; ++taken) {
    CloseWithdrawn(withdrawn[taken & submission_mask_]);
  }
  return leaked_;
}

bool ThreadDispatcher::WaitUntilFinished(uint32_t ms) {
  timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += ms / 1000;
  until.tv_nsec += static_cast<long>(ms % 1000) * 1000000;
  if (until.tv_nsec >= 1000000000) {
    ++until.tv_sec;
    until.tv_nsec -= 1000000000;
  }
  int result;
  do {
    result = sem_timedwait(&finished_, &until);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

void ThreadDispatcher::Run() {
  enable_error_ = ring_->Enable();
  const bool enabled = enable_error_ == 0;
  sem_post(&enabled_);
  if (!enabled) return;
  ring_->RegisterDescriptor();
  tail_ = ring_->submission_head();
  while (!stop_.load(std::memory_order_acquire)) {
    if (!wake_poll_armed_) wake_poll_armed_ = ArmWakePoll();
    // Announced before looking a last time: whoever publishes afterwards sees it and wakes us up.
    control_.At(kSleeping).store(kSleepingForWork, std::memory_order_seq_cst);
    TakeSubmissions();
    // What did not fit is submitted first, without waiting; then there is room for the rest.
    const bool took_all = control_.At(kPublishedTail).load(std::memory_order_seq_cst) ==
                          control_.Get(kTakenHead);
    if (ring_->overflown()) control_.Count(kCounterOverflows);
    control_.Count(kCounterEnters);
    ring_->Enter(took_all && wake_poll_armed_ ? 1 : 0, nullptr);
    control_.At(kSleeping).store(kSleepingNo, std::memory_order_relaxed);
    handed_over_ = 0;
    while (!HandOverCompletions() && !stop_.load(std::memory_order_acquire)) WaitForRoom();
    if (handed_over_ >= kManyCompletions && SharesProcessor()) {
      WaitForTurn();
      // Whoever ended it may have asked for what was held back, which only this looks at: see kLoud.
      HandOverCompletions();
    }
  }
  const LiveSlots live{live_, static_cast<uint32_t>(control_.Get(kSlots))};
  leaked_ = ring_->Drain(in_flight_ + (wake_poll_armed_ ? 1 : 0), drain_ms_, live);
  sem_post(&finished_);
}

io_uring_sqe* ThreadDispatcher::NextEntry() {
  if (tail_ - ring_->submission_head() == ring_->submission_entries()) return nullptr;
  return ring_->submission_at(tail_++);
}

// Multishot on an eventfd that is never read: every write to it completes the poll once more.
bool ThreadDispatcher::ArmWakePoll() {
  io_uring_sqe* entry = NextEntry();
  if (entry == nullptr) return false;
  *entry = io_uring_sqe{};
  entry->opcode = IORING_OP_POLL_ADD;
  entry->fd = eventfd_;
  entry->len = IORING_POLL_ADD_MULTI;
  entry->op_flags = POLLIN;
  entry->user_data = kInternalSlot;
  return true;
}

uint32_t ThreadDispatcher::TakeSubmissions() {
  const auto* entries = static_cast<const io_uring_sqe*>(submissions_->base());
  // Pairs with the publishing store: the entries before the tail are written.
  const uint32_t published =
      static_cast<uint32_t>(control_.At(kPublishedTail).load(std::memory_order_seq_cst));
  uint32_t head = static_cast<uint32_t>(control_.Get(kTakenHead));
  const uint32_t before = head;
  uint32_t chain = 0;  // members of the chain that is being taken
  while (head != published) {
    io_uring_sqe* entry = NextEntry();
    if (entry == nullptr) {
      // To the kernel a chain ends with a submission: the next one takes it whole.
      head -= chain;
      tail_ -= chain;
      break;
    }
    *entry = entries[head++ & submission_mask_];
    chain = (entry->flags & IOSQE_IO_LINK) != 0 ? chain + 1 : 0;
  }
  in_flight_ += head - before;
  // Before the head moves: whoever sees that they were taken sees that the kernel is to get them.
  ring_->PublishSubmissions(tail_);
  // The release gives the entries back to their writer.
  control_.At(kTakenHead).store(static_cast<int32_t>(head), std::memory_order_release);
  return head - before;
}

// Returns false where the JavaScript thread's ring is full and completions are left in the
// kernel's.
bool ThreadDispatcher::HandOverCompletions() {
  auto* entries = static_cast<io_uring_cqe*>(completions_->base());
  const uint32_t consumed =
      static_cast<uint32_t>(control_.At(kCompletionHead).load(std::memory_order_acquire));
  const uint32_t before = static_cast<uint32_t>(control_.Get(kCompletionTail));
  const uint32_t available = ring_->completion_tail();
  uint32_t tail = before;
  uint32_t head = ring_->completion_head();
  uint32_t loud_tail = static_cast<uint32_t>(control_.Get(kLoudTail));
  for (; head != available; ++head) {
    const io_uring_cqe& completion = *ring_->completion_at(head);
    if (completion.user_data == kInternalSlot) {
      control_.Count(kCounterWakeups);
      wake_poll_armed_ = (completion.flags & IORING_CQE_F_MORE) != 0;
      continue;
    }
    if (tail - consumed == completion_entries()) break;
    if ((completion.flags & IORING_CQE_F_MORE) == 0) --in_flight_;
    entries[tail++ & completion_mask_] = completion;
    if (!IsQuiet(completion)) loud_tail = tail;
  }
  ring_->PublishConsumed(head);
  handed_over_ += tail - before;
  // A full ring has to be emptied, whoever waits for what is in it.
  if (tail - consumed == completion_entries()) loud_tail = tail;
  if (control_.At(kLoud).load(std::memory_order_seq_cst) != 0) loud_tail = tail;
  control_.At(kCompletionTail).store(static_cast<int32_t>(tail), std::memory_order_release);
  if (loud_tail != static_cast<uint32_t>(control_.Get(kLoudTail))) {
    control_.At(kLoudTail).store(static_cast<int32_t>(loud_tail), std::memory_order_seq_cst);
    // At the end nobody is there to be told: what posts lead to goes once the thread has had its time.
    if (!stop_.load(std::memory_order_acquire) &&
        control_.At(kPosted).exchange(1, std::memory_order_seq_cst) == 0) {
      control_.Count(kCounterPosts);
      post_(context_);
    }
  }
  return head == available;
}

// The JavaScript thread is behind by a whole ring. Nothing more is taken from the kernel until it
// dispatched some; submissions are still taken, so that it cannot wait for us while we wait for it.
void ThreadDispatcher::WaitForRoom() {
  control_.At(kSleeping).store(kSleepingForRoom, std::memory_order_seq_cst);
  TakeSubmissions();
  const uint32_t waiting = static_cast<uint32_t>(control_.Get(kCompletionTail)) -
                           static_cast<uint32_t>(
                               control_.At(kCompletionHead).load(std::memory_order_seq_cst));
  if (waiting == completion_entries() && !stop_.load(std::memory_order_acquire)) {
    // Counts are taken out, so that an old one does not end the next wait at once.
    pollfd event{eventfd_, POLLIN, 0};
    uint64_t count;
    if (poll(&event, 1, -1) == 1) {
      [[maybe_unused]] const ssize_t got = read(eventfd_, &count, sizeof(count));
    }
  }
  control_.At(kSleeping).store(kSleepingNo, std::memory_order_relaxed);
  // Submissions must not pile up either: the kernel takes them although nobody reaps.
  if (ring_->published_submissions() != 0) {
    control_.Count(kCounterEnters);
    ring_->Enter(0, nullptr);
  }
}

// Whether this thread can only run instead of the JavaScript thread, and not beside it.
bool ThreadDispatcher::SharesProcessor() const {
  return sched_getcpu() == control_.Get(kProcessor);
}

// The JavaScript thread has enough to do. Each completion would wake this thread up, and the kernel would take the
// processor from the other for it: they are taken together, when that has dispatched what it has.
void ThreadDispatcher::WaitForTurn() {
  // Announced before looking: see Run() and EndDispatch().
  control_.At(kSleeping).store(kSleepingForTurn, std::memory_order_seq_cst);
  const bool is_busy = control_.At(kPosted).load(std::memory_order_seq_cst) == 1 &&
                       control_.At(kPublishedTail).load(std::memory_order_seq_cst) ==
                           control_.Get(kTakenHead);
  if (is_busy && !stop_.load(std::memory_order_acquire)) {
    const timespec timeout{0, kTurnNs};
    syscall(SYS_futex, &control_.At(kSleeping), FUTEX_WAIT_PRIVATE, kSleepingForTurn, &timeout,
            nullptr, 0);
  }
  // No mere store: whoever ended the wait wrote nothing into the eventfd, so what it asked for, an end of this thread
  // included, has to be seen from here on.
  control_.At(kSleeping).exchange(kSleepingNo, std::memory_order_seq_cst);
}

}  // namespace proactor
