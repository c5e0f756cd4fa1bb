// The completion dispatcher with an I/O thread, which alone owns the ring: it takes submissions,
// sleeps in the kernel, and hands completions over in batches. Between it and the JavaScript thread
// stand two single-producer, single-consumer rings in plain memory (submissions one way,
// completions the other) and the words of the control block. Knows nothing of Node: `post` is what
// makes the JavaScript thread look.
#ifndef PROACTOR_THREAD_DISPATCHER_H_
#define PROACTOR_THREAD_DISPATCHER_H_

#include <pthread.h>
#include <semaphore.h>

#include <atomic>
#include <cstdint>

#include "memory.h"
#include "ring.h"
#include "shared_layout.h"

namespace proactor {

class ThreadDispatcher {
 public:
  // Called on the I/O thread, at most once until EndDispatch() allowed the next.
  using Post = void (*)(void* context);

  ThreadDispatcher() = default;
  ~ThreadDispatcher();
  ThreadDispatcher(const ThreadDispatcher&) = delete;
  ThreadDispatcher& operator=(const ThreadDispatcher&) = delete;

  // `ring` was set up disabled; it, the control block and the `live` words of the slots (LiveSlots)
  // are borrowed until Stop() returned. Returns 0 or -errno. Everything below is for the JavaScript
  // thread.
  int Start(Ring* ring, ControlBlock control, const int32_t* live, Post post, void* context);
  // Wakes the I/O thread up: to be called after publishing if kSleeping asks for it.
  void Wake();
  // Publishes the entries before `tail`, and waits until the I/O thread took at least one, if there is
  // one to take.
  void SubmitAndWaitForRoom(uint32_t tail);
  // Performs the send or close that the entry before `tail` describes, on this thread and without
  // waiting, where the kernel has got everything that was published before: what it would do first it
  // has done. The entry is the caller's then to take back. -EAGAIN where it was not performed.
  int Perform(uint32_t tail);
  // Before a dispatch.
  void BeginDispatch();
  // After it: true if completions came meanwhile and no post announces them, so that the
  // caller has to see to another dispatch.
  bool EndDispatch();
  // Ends the thread: what is in flight is cancelled and reaped, descriptors in undispatched
  // completions are closed. Returns how many operations the kernel still holds. A thread that is stuck
  // in the kernel is not waited for without end: then it is left to itself, and with it all that it was
  // given, this object included; see abandoned().
  uint32_t Stop(uint32_t drain_ms);
  bool abandoned() const { return abandoned_; }

  MemoryRegion* submissions() const { return submissions_; }
  MemoryRegion* completions() const { return completions_; }
  uint32_t submission_entries() const { return submission_mask_ + 1; }
  uint32_t completion_entries() const { return completion_mask_ + 1; }

 private:
  void Run();
  bool WaitUntilFinished(uint32_t ms);
  uint32_t TakeSubmissions();
  bool ArmWakePoll();
  bool HandOverCompletions();
  void WaitForRoom();
  bool SharesProcessor() const;
  void WaitForTurn();
  io_uring_sqe* NextEntry();

  Ring* ring_ = nullptr;
  ControlBlock control_;
  const int32_t* live_ = nullptr;
  Post post_ = nullptr;
  void* context_ = nullptr;
  MemoryRegion* submissions_ = nullptr;
  MemoryRegion* completions_ = nullptr;
  uint32_t submission_mask_ = 0;
  uint32_t completion_mask_ = 0;
  int eventfd_ = -1;
  pthread_t thread_{};
  bool running_ = false;
  sem_t enabled_;              // posted by the I/O thread once enable_error_ is known
  sem_t finished_;             // posted by it at its end
  bool abandoned_ = false;
  int enable_error_ = 0;
  std::atomic<bool> stop_{false};
  uint32_t drain_ms_ = 0;      // written before stop_ is stored
  uint32_t leaked_ = 0;        // read after the thread was joined

  // The I/O thread's own.
  uint32_t tail_ = 0;          // entries written into the ring
  uint32_t in_flight_ = 0;     // taken, and their terminal completion not yet seen
  uint32_t handed_over_ = 0;   // completions, after the last wait
  bool wake_poll_armed_ = false;
};

}  // namespace proactor

#endif  // PROACTOR_THREAD_DISPATCHER_H_
