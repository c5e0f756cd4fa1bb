// The count of libuv's that a sleep in the ring is added to: it is touched where libuv tells what is in it, and nowhere
// else. libuv is played by this file.
#include "loop_idle_time.h"

#include <ctime>

#include "check.h"

using proactor::LoopIdleTime;

namespace {

struct Fields {
  unsigned int flags = UV_METRICS_IDLE_TIME;
  uv_metrics_t metrics{};
  uint64_t words[4] = {0, 5'000'000, 0, 7'000'000};
};

// What the libuv that is played has, and which of its words it reads.
struct Libuv {
  Fields fields;
  uv_metrics_t metrics{};
  uint64_t* entry_ns = &fields.words[0];
  uint64_t* idle_ns = &fields.words[1];
  uv_loop_t loop{};

  Libuv();
};

Libuv* libuv;

Libuv::Libuv() {
  fields.metrics.loop_count = metrics.loop_count = 12;
  fields.metrics.events = metrics.events = 3;
  loop.internal_fields = &fields;
  libuv = this;
}

void SleepMs(int ms) {
  const timespec time{0, ms * 1'000'000L};
  nanosleep(&time, nullptr);
}

bool IsUntouched(const Fields& fields) {
  return fields.words[0] == 0 && fields.words[1] == 5'000'000 && fields.words[2] == 0 &&
         fields.words[3] == 7'000'000;
}

}  // namespace

extern "C" {

uint64_t uv_hrtime() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

int uv_metrics_info(uv_loop_t*, uv_metrics_t* metrics) {
  *metrics = libuv->metrics;
  return 0;
}

uint64_t uv_metrics_idle_time(uv_loop_t*) {
  const uint64_t entry_ns = *libuv->entry_ns;
  return *libuv->idle_ns + (entry_ns != 0 ? uv_hrtime() - entry_ns : 0);
}

}  // extern "C"

TEST(loop_idle_time, grows_by_what_was_slept) {
  Libuv played;
  LoopIdleTime idle;
  CHECK(idle.Find(&played.loop));
  CHECK(IsUntouched(played.fields));
  const uint64_t before = uv_metrics_idle_time(&played.loop);
  const uint64_t start = uv_hrtime();
  idle.Begin();
  SleepMs(20);
  // Another thread sees a sleep that lasts.
  CHECK(uv_metrics_idle_time(&played.loop) - before >= 20'000'000);
  idle.End();
  const uint64_t slept = uv_metrics_idle_time(&played.loop) - before;
  CHECK(slept >= 15'000'000);
  CHECK(slept <= uv_hrtime() - start);
  SleepMs(5);
  CHECK_EQUAL(uv_metrics_idle_time(&played.loop) - before, slept);
}

TEST(loop_idle_time, leaves_out_what_the_thread_works_within_a_sleep) {
  Libuv played;
  LoopIdleTime idle;
  CHECK(idle.Find(&played.loop));
  const uint64_t before = uv_metrics_idle_time(&played.loop);
  idle.Begin();
  const clock_t until = clock() + CLOCKS_PER_SEC / 20;
  while (clock() < until) {
  }
  SleepMs(10);
  const uint64_t took = uv_metrics_idle_time(&played.loop) - before;
  idle.End();
  const uint64_t slept = uv_metrics_idle_time(&played.loop) - before;
  CHECK(slept >= 5'000'000);
  CHECK(took - slept >= 45'000'000);
}

TEST(loop_idle_time, is_left_alone_where_nobody_asked_for_it) {
  Libuv played;
  played.fields.flags = 0;
  LoopIdleTime idle;
  CHECK(idle.Find(&played.loop));
  idle.Begin();
  SleepMs(1);
  idle.End();
  CHECK(IsUntouched(played.fields));
}

TEST(loop_idle_time, is_not_found_behind_other_metrics) {
  Libuv played;
  played.metrics.events = 4;
  LoopIdleTime idle;
  CHECK(!idle.Find(&played.loop));
  idle.Begin();
  idle.End();
  CHECK(IsUntouched(played.fields));
}

TEST(loop_idle_time, is_not_found_in_a_word_that_libuv_does_not_read) {
  for (const bool idle_elsewhere : {true, false}) {
    Libuv played;
    if (idle_elsewhere) {
      // Equal by chance until one of the two is written.
      played.idle_ns = &played.fields.words[3];
      played.fields.words[3] = played.fields.words[1];
    } else {
      played.entry_ns = &played.fields.words[2];
    }
    const Fields before = played.fields;
    LoopIdleTime idle;
    CHECK(!idle.Find(&played.loop));
    idle.Begin();
    idle.End();
    for (int i = 0; i < 4; ++i) CHECK_EQUAL(played.fields.words[i], before.words[i]);
  }
}

TEST(loop_idle_time, is_not_found_where_the_two_words_are_exchanged) {
  Libuv played;
  played.entry_ns = &played.fields.words[1];
  played.idle_ns = &played.fields.words[0];
  played.fields.words[1] = 0;
  LoopIdleTime idle;
  CHECK(!idle.Find(&played.loop));
}
