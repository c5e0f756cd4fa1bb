// What the load generators share: a trial's clock, counts and errors, its result as one line of JSON, and the
// dialogue with the benchmark. Knows nothing of what a load is.
#ifndef PROACTOR_BENCH_TRIAL_H_
#define PROACTOR_BENCH_TRIAL_H_

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <string>

#include "histogram.h"
#include "support.h"

constexpr uint64_t kSecondNs = 1000000000;

uint64_t NowNs(clockid_t clock = CLOCK_MONOTONIC);

// A connected blocking TCP socket with TCP_NODELAY, from the IPv4 address `source` (in host order) unless that is 0.
// Where it cannot be had the process ends with the reason.
int ConnectTo(const Address& address, uint32_t source = 0);

class Trial {
 public:
  void Start(double seconds);
  void End();

  // Counts units that are complete. True while the trial's time lasts: then more may be begun.
  bool Count(size_t units, uint64_t now_ns) {
    units_ += units;
    if (now_ns >= deadline_ns_) return false;
    units_in_time_ += units;
    return true;
  }

  void RecordLatency(uint64_t latency_ns) { histogram_.Record(latency_ns); }

  bool IsOver() const { return NowNs() >= deadline_ns_; }

  // Something came, be it a part of a unit: what is outstanding is not lost.
  void NoteProgress(uint64_t now_ns) { progress_ns_ = now_ns; }

  // Nothing came for so long, the trial being over, that nothing more will.
  bool IsLost() const { return NowNs() >= std::max(deadline_ns_, progress_ns_) + kSilenceNsMax; }

  // Errors stay: a server that did something wrong once has failed.
  void Report(const std::string& error) {
    if (errors_++ == 0) first_error_ = error;
  }

  // `units` counts those of the trial's time, `unitsWithDrain` all that the trial caused.
  void Print() const;

  size_t errors() const { return errors_; }

 private:
  static constexpr uint64_t kSilenceNsMax = 10 * kSecondNs;

  Histogram histogram_;
  size_t units_ = 0;
  size_t units_in_time_ = 0;
  uint64_t start_ns_ = 0;
  uint64_t deadline_ns_ = 0;
  uint64_t end_ns_ = 0;
  uint64_t progress_ns_ = 0;
  uint64_t cpu_start_ns_ = 0;
  uint64_t cpu_ns_ = 0;
  size_t errors_ = 0;
  std::string first_error_;
};

// Runs `--warm-up` and then one trial of `--seconds`, and prints its result. With --interactive: prints `ready` and
// then runs a trial for each line of stdin, which holds the trial's seconds. Returns the exit code.
template <typename Generator>
int RunTrials(Generator& generator, const Options& options) {
  const double warm_up_seconds = options.Seconds("--warm-up", 0.5);
  const double seconds = options.Seconds("--seconds", 1);
  if (options.Flag("--interactive")) {
    puts("ready");
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin) != nullptr) {
      generator.RunTrial(strtod(line, nullptr));
      generator.trial().Print();
    }
  } else {
    if (warm_up_seconds > 0) generator.RunTrial(warm_up_seconds);
    generator.RunTrial(seconds);
    generator.trial().Print();
  }
  return generator.trial().errors() == 0 ? 0 : kExitFailure;
}

#endif  // PROACTOR_BENCH_TRIAL_H_
