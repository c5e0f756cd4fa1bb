// The time that libuv says its loop was idle (uv_metrics_idle_time), from which Node computes
// performance.eventLoopUtilization(). libuv does not notice that its loop sleeps in a ring, so the
// sleep is added to libuv's own count. That is private: it is touched only where a test shows that
// it is what libuv tells.
#ifndef PROACTOR_LOOP_IDLE_TIME_H_
#define PROACTOR_LOOP_IDLE_TIME_H_

#include <cstdint>

#include "uv_weak.h"

namespace proactor {

class LoopIdleTime {
 public:
  // Finds libuv's count. False: it is not where it was in all versions that are known. To be called
  // while the loop does not sleep.
  bool Find(uv_loop_t* loop);

  // A sleep in the ring begins, and ends. On the loop's thread; others may ask libuv meanwhile.
  void Begin();
  void End();

 private:
  // As libuv has it: when the present sleep began (0: there is none), and how long all before took.
  struct Count {
    uint64_t entry_ns;
    uint64_t idle_ns;
  };
  // What uv_loop_t::internal_fields points to begins like this, since libuv 1.45.
  struct InternalFields {
    unsigned int flags;
    uv_metrics_t metrics;
    Count count;
  };

  static bool Tells(uv_loop_t* loop, Count* count);

  Count* count_ = nullptr;  // null where nobody asked libuv to count

  bool sampling_ = false;
  uint64_t sampled_ns_ = 0;
  uint64_t sample_cpu_ns_ = 0;
  uint64_t work_ns_ = 0;
};

}  // namespace proactor

#endif  // PROACTOR_LOOP_IDLE_TIME_H_
