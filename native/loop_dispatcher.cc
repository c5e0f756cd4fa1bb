#include "loop_dispatcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

namespace proactor {

namespace {

// Batches served before libuv gets a turn of its loop although nothing asks for one: handles of
// others that hang on the loop's phases (uv_prepare, uv_check) are not kept waiting for longer.
constexpr int kTurnsPerVisit = 32;
// And how long they may take: signals and other descriptors of libuv's are not kept waiting for longer.
constexpr uint64_t kVisitMs = 5;

// Waits after which it is tried again whether submissions complete at once.
constexpr int kWaitsUntilSplit = 64;

}  // namespace

int LoopDispatcher::Start(uv_loop_t* loop, Ring* ring, ControlBlock control, const int32_t* live,
                          Wake wake, Dispatch dispatch, void* context) {
  loop_ = loop;
  ring_ = ring;
  control_ = control;
  live_ = live;
  wake_ = wake;
  dispatch_ = dispatch;
  context_ = context;
  eventfd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (eventfd_ < 0) return -errno;
  const int error = uv_poll_init(loop, &eventfd_poll_, eventfd_);
  if (error != 0) {
    close(eventfd_);
    return error;
  }
  uv_prepare_init(loop, &prepare_);
  uv_idle_init(loop, &idle_);
  prepare_.data = idle_.data = eventfd_poll_.data = this;
  open_handles_ = 3;
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
    auto* self = static_cast<LoopDispatcher*>(handle->data);
    self->Visit(self->wake_ == Wake::kRing);
  });
  // None of them keeps the process alive by itself: operations in flight do, through Reference().
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&idle_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&eventfd_poll_));
  if (wake_ == Wake::kRing && !(CanSeeWatcherQueue() && idle_time_.Find(loop))) {
    wake_ = Wake::kEventfd;
  }
  if (wake_ == Wake::kEventfd) WakeByEventfd();
  ring_->RegisterDescriptor();
  return 0;
}

void LoopDispatcher::WakeByEventfd() {
  wake_ = Wake::kEventfd;
  ring_->RegisterEventfd(eventfd_);
  uv_poll_start(&eventfd_poll_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    auto* self = static_cast<LoopDispatcher*>(handle->data);
    uint64_t count;
    [[maybe_unused]] const ssize_t got = read(self->eventfd_, &count, sizeof(count));
    self->Visit(false);
  });
}

bool LoopDispatcher::WatcherQueueEmpty() const {
  // uv__queue is a pair of pointers, {next, prev}; an empty queue points at itself.
  const void* queue = &loop_->watcher_queue;
  return *static_cast<void* const*>(queue) == queue;
}

bool LoopDispatcher::CanSeeWatcherQueue() {
  void* const* queue = reinterpret_cast<void* const*>(&loop_->watcher_queue);
  const void* last_before = queue[1];
  if (uv_poll_start(&eventfd_poll_, UV_READABLE, [](uv_poll_t*, int, int) {}) != 0) return false;
  const bool seen = queue[1] != last_before && !WatcherQueueEmpty();
  uv_poll_stop(&eventfd_poll_);
  return seen && queue[1] == last_before;
}

int LoopDispatcher::TimeoutMs() const {
  if (libuv_ready_ || !WatcherQueueEmpty()) return 0;
  return uv_backend_timeout(loop_);
}

void LoopDispatcher::Visit(bool may_block) {
  if (visiting_) return;
  uv_idle_stop(&idle_);
  if (!HasWork() && !completions_ready()) {
    // libuv sleeps by itself; whatever it wakes up for may initiate operations, and then prepare
    // comes first.
    UpdateReference();
    return;
  }
  visiting_ = true;
  libuv_ready_ = false;
  int turns = 0;
  const uint64_t ends_ms = uv_now(loop_) + kVisitMs;
  while (Turn(may_block && turns < kTurnsPerVisit - 1) && ++turns < kTurnsPerVisit &&
         uv_now(loop_) < ends_ms) {
  }
  if (!close_requested_ && pending() != 0) EnterNow();
  visiting_ = false;
  if (close_requested_) {
    FinishClose();
    return;
  }
  UpdateReference();
  // Sleeping is done: libuv only looks what is there. With an eventfd it sleeps, unless something
  // is left over.
  if (wake_ == Wake::kRing ? HasWork() : completions_ready()) {
    uv_idle_start(&idle_, [](uv_idle_t*) {});
  }
}

// One wait (if allowed) and one batch. Returns whether another turn makes sense before libuv's own.
bool LoopDispatcher::Turn(bool may_block) {
  const int timeout_ms = may_block ? TimeoutMs() : 0;
  if (!completions_ready()) {
    if (timeout_ms != 0) {
      WaitInRing(timeout_ms);
    } else if (pending() != 0 || ring_->needs_enter()) {
      EnterNow();
    }
  } else if (ring_->overflown()) {
    EnterNow();
  }
  ConsumeInternal();
  if (!completions_ready()) return may_block && timeout_ms != 0 && TimeoutMs() != 0;
  if (!CallJavaScript() || close_requested_) return false;
  // libuv's timeout is without end as long as we keep the loop alive: the next turn must not sleep
  // over nothing.
  UpdateReference();
  if (wake_ == Wake::kEventfd) return pending() != 0 || completions_ready();
  return TimeoutMs() != 0;
}

// Waits for a completion that somebody waits for. Quiet ones that come before it stay in the queue.
void LoopDispatcher::WaitInRing(int timeout_ms) {
  const bool submits = pending() != 0;
  if (!libuv_poll_armed_ && !ArmLibuvPoll()) {
    EnterNow();
    return;
  }
  ring_->PublishSubmissions(static_cast<uint32_t>(control_.Get(kSubmissionTail)));
  uint32_t quiet = 0;
  if (WorksFirst(submits)) {
    control_.Count(kCounterEnters);
    const int result = ring_->Enter(0, nullptr);
    if (!completions_ready()) waits_until_split_ = kWaitsUntilSplit;
    if (!CanSleep(result, &quiet, &timeout_ms)) {
      uv_update_time(loop_);
      return;
    }
  }
  if (timeout_ms > 0) {
    // libuv counts from when it last looked at its clock, which was before what ran since.
    uv_update_time(loop_);
    timeout_ms = TimeoutMs();
    if (timeout_ms == 0) return;
  }
  idle_time_.Begin();
  int result;
  do {
    control_.Count(kCounterEnters);
    __kernel_timespec timeout{};
    timeout.tv_sec = timeout_ms / 1000;
    timeout.tv_nsec = static_cast<long long>(timeout_ms % 1000) * 1000000;
    result = ring_->Enter(quiet + 1, timeout_ms > 0 ? &timeout : nullptr);
    uv_update_time(loop_);
  } while (CanSleep(result, &quiet, &timeout_ms));
  idle_time_.End();
}

// Whether an enter will not sleep: completions want to be fetched, or something is submitted that
// the kernel completes at once, as it does with most sends. Only the time of a sleep is idle time,
// so such an enter is made apart, without waiting, as the wait would have returned anyway. What is
// submitted may as well be for later (a poll, a timeout); then that was a system call too many, and
// is not tried again for a while.
bool LoopDispatcher::WorksFirst(bool submits) {
  if (ring_->needs_enter()) return true;
  if (!submits) return false;
  if (waits_until_split_ == 0) return true;
  --waits_until_split_;
  return false;
}

// Whether to sleep after an enter: nothing came but `quiet` completions, and libuv can wait.
bool LoopDispatcher::CanSleep(int result, uint32_t* quiet, int* timeout_ms) const {
  // Errors need no case of their own: on EINTR and ETIME libuv's timers and signals get their turn,
  // on EBUSY the batch makes room, and what was not submitted is submitted by the next enter.
  *quiet = CountQuiet(*quiet);
  *timeout_ms = TimeoutMs();
  return result >= 0 && *quiet == completions() && *quiet < ring_->completion_entries() / 2 &&
         *timeout_ms != 0 && control_.Get(kLoud) == 0;
}

// How many completions at the queue's front are quiet; `known` of them were looked at before.
uint32_t LoopDispatcher::CountQuiet(uint32_t known) const {
  const uint32_t ready = completions();
  uint32_t quiet = known;
  while (quiet < ready && IsQuiet(*ring_->completion_at(ring_->completion_head() + quiet))) ++quiet;
  return quiet;
}

void LoopDispatcher::EnterNow() {
  if (ring_->overflown()) control_.Count(kCounterOverflows);
  ring_->PublishSubmissions(static_cast<uint32_t>(control_.Get(kSubmissionTail)));
  control_.Count(kCounterEnters);
  ring_->Enter(0, nullptr);
}

int LoopDispatcher::Submit(uint32_t tail) {
  ring_->PublishSubmissions(tail);
  control_.Count(kCounterEnters);
  const int result = ring_->Enter(0, nullptr);
  return result < 0 ? result : 0;
}

// One-shot and armed anew after each turn of libuv that it caused: arming looks at the state, so
// that what libuv left unread is noticed, which an edge-triggered multishot poll would miss.
bool LoopDispatcher::ArmLibuvPoll() {
  if (pending() == ring_->submission_entries()) return false;
  const uint32_t tail = static_cast<uint32_t>(control_.Get(kSubmissionTail));
  io_uring_sqe* entry = ring_->submission_at(tail);
  *entry = io_uring_sqe{};
  entry->opcode = IORING_OP_POLL_ADD;
  entry->fd = uv_backend_fd(loop_);
  entry->op_flags = POLLIN;
  entry->user_data = kInternalSlot;
  control_.Set(kSubmissionTail, static_cast<int32_t>(tail + 1));
  libuv_poll_armed_ = true;
  return true;
}

void LoopDispatcher::NoteLibuvPoll(int32_t result, bool more) {
  libuv_poll_armed_ = more;
  libuv_ready_ = true;
  // ECANCELED comes from a cancel of everything. Any other failure would come again and again.
  if (result < 0 && result != -ECANCELED && wake_ == Wake::kRing) WakeByEventfd();
}

// The poll of libuv's descriptor usually completes alone; then JavaScript need not be entered for
// it.
void LoopDispatcher::ConsumeInternal() {
  uint32_t head = ring_->completion_head();
  while (head != ring_->completion_tail()) {
    const io_uring_cqe& completion = *ring_->completion_at(head);
    if (completion.user_data != kInternalSlot) break;
    NoteLibuvPoll(completion.res, (completion.flags & IORING_CQE_F_MORE) != 0);
    ++head;
    control_.Set(kConsumedHead, static_cast<int32_t>(head));
    ring_->PublishConsumed(head);
  }
}

bool LoopDispatcher::CallJavaScript() {
  control_.Set(kNowMs, static_cast<int32_t>(static_cast<uint32_t>(uv_now(loop_))));
  const bool alive = dispatch_(context_);
  // What handlers did took time: libuv's timers may be due.
  uv_update_time(loop_);
  if (control_.Get(kLibuvReady) != 0) {
    control_.Set(kLibuvReady, 0);
    NoteLibuvPoll(0, false);
  }
  return alive;
}

void LoopDispatcher::Reference() {
  uv_ref(reinterpret_cast<uv_handle_t*>(&prepare_));
  control_.Set(kLoopReferenced, 1);
}

void LoopDispatcher::UpdateReference() {
  if (control_.Get(kLoopReferenced) == 0) return;
  if (control_.Get(kInFlight) - control_.Get(kUnreferenced) > 0) return;
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
  control_.Set(kLoopReferenced, 0);
}

void LoopDispatcher::Close(uint32_t drain_ms, Closed closed) {
  drain_ms_ = drain_ms;
  closed_ = closed;
  close_requested_ = true;
  if (!visiting_) FinishClose();
}

void LoopDispatcher::FinishClose() {
  // The queue of completions may still hold some that JavaScript did not get to: Drain counts them,
  // too.
  const uint32_t unsubmitted = pending();
  for (uint32_t i = 0; i < unsubmitted; ++i) {
    CloseWithdrawn(*ring_->submission_at(ring_->submission_head() + i));
  }
  uint32_t in_flight = static_cast<uint32_t>(control_.Get(kInFlight));
  if (libuv_poll_armed_) ++in_flight;
  in_flight -= unsubmitted < in_flight ? unsubmitted : in_flight;
  ring_->PublishConsumed(static_cast<uint32_t>(control_.Get(kConsumedHead)));
  leaked_operations_ = ring_->Drain(
      in_flight, drain_ms_, LiveSlots{live_, static_cast<uint32_t>(control_.Get(kSlots))});
  const auto on_closed = [](uv_handle_t* handle) {
    auto* self = static_cast<LoopDispatcher*>(handle->data);
    if (--self->open_handles_ != 0) return;
    close(self->eventfd_);
    self->closed_(self->context_);
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), on_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), on_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&eventfd_poll_), on_closed);
}

}  // namespace proactor
