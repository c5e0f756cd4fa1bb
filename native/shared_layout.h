// The memory map shared with TypeScript (lib/ring/layout.ts repeats it; test/tidy.test.ts compares
// the two). One control block belongs to one ring. Words are int32, counted from the block's start;
// each group below has a cache line of its own, because in thread dispatch its writers sit on
// different cores.
#ifndef PROACTOR_SHARED_LAYOUT_H_
#define PROACTOR_SHARED_LAYOUT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kernel_abi.h"

namespace proactor {

// Line 0: the JavaScript thread alone (its native code included).
constexpr uint32_t kSubmissionTail = 0;   // submissions written so far
constexpr uint32_t kConsumedHead = 1;     // completions dispatched so far
constexpr uint32_t kInFlight = 2;         // operations initiated whose terminal completion was not dispatched
constexpr uint32_t kUnreferenced = 3;     // those of them that do not keep the process alive
constexpr uint32_t kLoopReferenced = 4;   // 1 while the dispatcher keeps the event loop alive
constexpr uint32_t kLibuvReady = 5;       // loop dispatch: the poll of libuv's own descriptor completed
constexpr uint32_t kNowMs = 6;            // milliseconds of the monotonic clock at the batch's start, modulo 2^32
constexpr uint32_t kSlots = 7;            // slots that have been in use: see LiveSlots

// JavaScript to whoever drives the ring: nothing may be held back, see kQuiet.
constexpr uint32_t kLoud = 17;

// Thread dispatch: a line for each direction and moment of writing.
constexpr uint32_t kPublishedTail = 16;   // JavaScript -> I/O thread: submissions to take
constexpr uint32_t kTakenHead = 32;       // I/O thread -> JavaScript: submissions taken
constexpr uint32_t kSleeping = 48;        // I/O thread -> JavaScript: one of the kSleeping* values
constexpr uint32_t kCompletionTail = 64;  // I/O thread -> JavaScript: completions to dispatch
constexpr uint32_t kLoudTail = 65;        // I/O thread -> JavaScript: kCompletionTail behind the last loud one
constexpr uint32_t kCompletionHead = 80;  // JavaScript -> I/O thread: completions dispatched
constexpr uint32_t kPosted = 96;          // both: 1 while a post to the threadsafe function is outstanding
constexpr uint32_t kProcessor = 97;       // JavaScript -> I/O thread: where the last dispatch began

// Counters are 64-bit words, counted from the block's start. TypeScript's are float64, native ones
// uint64.
constexpr uint32_t kCounterSubmitted = 56;         // TypeScript: operations initiated
constexpr uint32_t kCounterCompletions = 58;       // TypeScript: completions dispatched, multishot ones included
constexpr uint32_t kCounterBatches = 59;           // TypeScript: entries into JavaScript
constexpr uint32_t kCounterStale = 60;             // TypeScript: completions dropped as stale or unknown
constexpr uint32_t kCounterBufferExhaustion = 61;  // TypeScript: receives that found no buffer
constexpr uint32_t kCounterQueueFull = 62;         // TypeScript: submissions that found the queue full
constexpr uint32_t kCounterEnters = 64;            // native: io_uring_enter calls
constexpr uint32_t kCounterOverflows = 65;         // native: enters that found the completion queue overflown
constexpr uint32_t kCounterPosts = 66;             // native: posts to the threadsafe function
constexpr uint32_t kCounterWakeups = 67;           // native: wake-ups of the I/O thread

constexpr uint32_t kControlBytes = 1024;

constexpr int32_t kSleepingNo = 0;             // will look at kPublishedTail before it waits
constexpr int32_t kSleepingForWork = 1;        // waits in the kernel: wake it for submissions
constexpr int32_t kSleepingForRoom = 2;        // the completion queue is full: wake it for room, too
constexpr int32_t kSleepingForTurn = 3;        // for a moment: wake it for submissions and at a dispatch's end

// user_data: the low word is a handler slot, the high word its generation. Slot 0 is native code's
// own.
constexpr uint32_t kInternalSlot = 0;
// The generation in slot 0 of TypeScript's own operations that have no handler; native code's have 0.
constexpr uint32_t kUnhandled = 1;
// The same, for cancels whose successes are counted.
constexpr uint32_t kCounted = 2;
// Slots that there can be, the internal one included.
constexpr uint32_t kSlotLimit = 262144;
// One bit for each descriptor that is closed together with the ring: as many as a process can have by default at most.
constexpr uint32_t kDescriptorLimit = 1048576;
// Set in the high word where a result >= 0 is a descriptor that somebody must close.
constexpr uint32_t kResultIsDescriptor = 0x40000000;
// Set in the high word where nobody waits for the completion: if it is no failure, it need not wake anybody, and is
// dispatched together with the next one that does.
constexpr uint32_t kQuiet = 0x20000000;

static_assert(kCounterSubmitted * 8 >= (kPosted + 16) * 4, "counters start behind the words");
static_assert(kCounterEnters * 8 % 64 == 0, "native counters have a cache line of their own");
static_assert((kCounterWakeups + 1) * 8 <= kControlBytes, "counters end within the block");

// A typed view of a control block. The block's memory outlives it.
class ControlBlock {
 public:
  explicit ControlBlock(void* base = nullptr) : base_(static_cast<char*>(base)) {}

  // Only for words that the calling thread alone uses, or whose order does not matter.
  int32_t Get(uint32_t word) const { return At(word).load(std::memory_order_relaxed); }
  void Set(uint32_t word, int32_t value) { At(word).store(value, std::memory_order_relaxed); }

  std::atomic<int32_t>& At(uint32_t word) const {
    return reinterpret_cast<std::atomic<int32_t>*>(base_)[word];
  }
  void Count(uint32_t counter) {
    // One writer, and readers that only display the figure.
    auto& value = reinterpret_cast<std::atomic<uint64_t>*>(base_)[counter];
    value.store(value.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

 private:
  char* base_;
};
static_assert(sizeof(std::atomic<int32_t>) == 4, "an atomic word is a plain word in memory");
static_assert(sizeof(std::atomic<uint64_t>) == 8, "an atomic counter is a plain counter in memory");

inline bool IsQuiet(const io_uring_cqe& completion) {
  return ((completion.user_data >> 32) & kQuiet) != 0 && completion.res >= 0;
}

}  // namespace proactor

#endif  // PROACTOR_SHARED_LAYOUT_H_
