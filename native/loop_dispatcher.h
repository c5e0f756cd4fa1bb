// The completion dispatcher that drives a ring from libuv's loop, on the JavaScript thread. Instead
// of sleeping in epoll the loop sleeps in the ring: a uv_prepare callback waits there, with a
// one-shot poll of libuv's own epoll descriptor among the operations, and serves completions until
// libuv has something to do. Only where another ring already does that in this loop is an eventfd
// used to wake the loop up.
#ifndef PROACTOR_LOOP_DISPATCHER_H_
#define PROACTOR_LOOP_DISPATCHER_H_

#include <cstdint>

#include "loop_idle_time.h"
#include "ring.h"
#include "shared_layout.h"
#include "uv_weak.h"

namespace proactor {

class LoopDispatcher {
 public:
  // Enters JavaScript, which dispatches what is in the completion queue. False: JavaScript cannot
  // run any more.
  using Dispatch = bool (*)(void* context);
  using Closed = void (*)(void* context);

  enum class Wake { kRing, kEventfd };

  static bool Supported() { return HasLibuv(); }
  // libuv keeps descriptors it was asked to watch in a queue until it next polls. Sleeping in the
  // ring while that queue has entries would lose their events, so it is looked at; this tells
  // whether it is where the headers say it is.
  bool CanSeeWatcherQueue();

  LoopDispatcher() = default;
  LoopDispatcher(const LoopDispatcher&) = delete;
  LoopDispatcher& operator=(const LoopDispatcher&) = delete;

  // The ring, the control block and the `live` words of the slots (LiveSlots) are borrowed until
  // `closed` was called. Returns 0 or -errno.
  int Start(uv_loop_t* loop, Ring* ring, ControlBlock control, const int32_t* live, Wake wake,
            Dispatch dispatch, void* context);
  // Hands the submissions before `tail` over at once: for a full queue. Returns 0 or -errno.
  int Submit(uint32_t tail);
  void Reference();
  void UpdateReference();
  // Stops, drains the ring and closes the handles; `closed` is called when libuv let go of them.
  // From within a dispatch it takes effect when that returns.
  void Close(uint32_t drain_ms, Closed closed);

  Wake wake() const { return wake_; }
  // What Close could not get back from the kernel. Valid once `closed` was called.
  uint32_t leaked_operations() const { return leaked_operations_; }

 private:
  void Visit(bool may_block);
  bool Turn(bool may_block);
  void WakeByEventfd();
  void WaitInRing(int timeout_ms);
  bool WorksFirst(bool submits);
  bool CanSleep(int result, uint32_t* quiet, int* timeout_ms) const;
  uint32_t CountQuiet(uint32_t known) const;
  void EnterNow();
  bool ArmLibuvPoll();
  void ConsumeInternal();
  bool CallJavaScript();
  void NoteLibuvPoll(int32_t result, bool more);
  int TimeoutMs() const;
  bool WatcherQueueEmpty() const;
  void FinishClose();
  uint32_t pending() const {
    return static_cast<uint32_t>(control_.Get(kSubmissionTail)) - ring_->submission_head();
  }
  uint32_t completions() const { return ring_->completion_tail() - ring_->completion_head(); }
  bool completions_ready() const { return completions() != 0; }
  bool HasWork() const { return control_.Get(kInFlight) != 0 || pending() != 0; }

  uv_loop_t* loop_ = nullptr;
  Ring* ring_ = nullptr;
  ControlBlock control_;
  const int32_t* live_ = nullptr;
  Wake wake_ = Wake::kRing;
  Dispatch dispatch_ = nullptr;
  void* context_ = nullptr;
  Closed closed_ = nullptr;
  uint32_t drain_ms_ = 0;
  uint32_t leaked_operations_ = 0;

  uv_prepare_t prepare_;
  uv_idle_t idle_;
  uv_poll_t eventfd_poll_;
  int eventfd_ = -1;
  int open_handles_ = 0;

  LoopIdleTime idle_time_;
  int waits_until_split_ = 0;
  bool libuv_poll_armed_ = false;
  bool libuv_ready_ = false;
  bool visiting_ = false;
  bool close_requested_ = false;
};

}  // namespace proactor

#endif  // PROACTOR_LOOP_DISPATCHER_H_
