#include "loop_idle_time.h"

#include <cstring>
#include <ctime>

namespace proactor {

namespace {

// How far apart samples of a sleep's CPU time are taken: two system calls each.
constexpr uint64_t kSampleIntervalNs = 10 * 1000 * 1000;
constexpr int64_t kSamplesAveraged = 8;

// Another thread's uv_metrics_idle_time may read the word meanwhile. It takes libuv's lock, which
// is not taken here: each word is whole, and between the two it sees the sleep twice at worst, for
// that once.
void Write(uint64_t* word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

uint64_t ThreadCpuNs() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000000000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

bool LoopIdleTime::Find(uv_loop_t* loop) {
  count_ = nullptr;
  auto* fields = static_cast<InternalFields*>(loop->internal_fields);
  if (fields == nullptr || uv_metrics_info == nullptr) return false;
  uv_metrics_t metrics;
  uv_metrics_info(loop, &metrics);
  if (std::memcmp(&fields->metrics, &metrics, sizeof(metrics)) != 0) return false;
  if (!Tells(loop, &fields->count)) return false;
  if ((fields->flags & UV_METRICS_IDLE_TIME) != 0) count_ = &fields->count;
  return true;
}

// Changes one word after the other for a moment, and sees whether what libuv tells changes as much.
bool LoopIdleTime::Tells(uv_loop_t* loop, Count* count) {
  const Count before = *count;
  if (before.entry_ns != 0 || uv_metrics_idle_time(loop) != before.idle_ns) return false;
  Write(&count->idle_ns, before.idle_ns + 1);
  const bool idle_tells = uv_metrics_idle_time(loop) == before.idle_ns + 1;
  Write(&count->idle_ns, before.idle_ns);

  constexpr uint64_t kSleepNs = 1000;
  const uint64_t now_ns = uv_hrtime();
  Write(&count->entry_ns, now_ns - kSleepNs);
  const uint64_t told_ns = uv_metrics_idle_time(loop) - before.idle_ns;
  Write(&count->entry_ns, 0);
  const bool entry_tells = told_ns >= kSleepNs && told_ns <= kSleepNs + (uv_hrtime() - now_ns);
  return idle_tells && entry_tells && uv_metrics_idle_time(loop) == before.idle_ns;
}

void LoopIdleTime::Begin() {
  if (count_ == nullptr) return;
  const uint64_t now_ns = uv_hrtime();
  sampling_ = now_ns - sampled_ns_ >= kSampleIntervalNs;
  if (sampling_) {
    sampled_ns_ = now_ns;
    sample_cpu_ns_ = ThreadCpuNs();
  }
  Write(&count_->entry_ns, now_ns);
}

// In the same system call the kernel receives what the sleep was for, which libuv's loops do awake,
// with a read(). Only the thread's CPU time tells how long that takes. It is taken now and then;
// other sleeps are taken to have as much of it as those on average.
void LoopIdleTime::End() {
  if (count_ == nullptr) return;
  const uint64_t took_ns = uv_hrtime() - count_->entry_ns;
  uint64_t work_ns = work_ns_;
  if (sampling_) {
    work_ns = ThreadCpuNs() - sample_cpu_ns_;
    const auto difference = static_cast<int64_t>(work_ns - work_ns_);
    work_ns_ += static_cast<uint64_t>(difference / kSamplesAveraged);
  }
  if (took_ns > work_ns) Write(&count_->idle_ns, count_->idle_ns + (took_ns - work_ns));
  Write(&count_->entry_ns, 0);
}

}  // namespace proactor
