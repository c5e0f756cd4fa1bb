// A log-linear histogram, as HdrHistogram's: every power of two is divided into 64 equal steps, so that a
// percentile is off by less than 1.6% whatever its size, and recording is a few instructions.
#ifndef PROACTOR_BENCH_HISTOGRAM_H_
#define PROACTOR_BENCH_HISTOGRAM_H_

#include <algorithm>
#include <cstdint>
#include <vector>

class Histogram {
 public:
  void Record(uint64_t value) {
    counts_[Index(value)]++;
    total_++;
    max_ = std::max(max_, value);
  }

  void Reset() {
    std::fill(counts_.begin(), counts_.end(), 0);
    total_ = max_ = 0;
  }

  // The smallest recorded step that at least `fraction` of the values do not exceed; 0 when empty.
  uint64_t Percentile(double fraction) const {
    const double rank = fraction * static_cast<double>(total_);
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); i++) {
      seen += counts_[i];
      if (counts_[i] != 0 && static_cast<double>(seen) >= rank) {
        return std::min(HighestValue(i), max_);
      }
    }
    return max_;
  }

  uint64_t max() const { return max_; }

 private:
  static constexpr int kStepBits = 6;
  static constexpr uint64_t kSteps = 1u << kStepBits;

  // Values below 2 * kSteps stand alone; above, the shift leaves kStepBits + 1 significant bits.
  static int Shift(uint64_t value) { return std::max(0, 63 - kStepBits - __builtin_clzll(value | 1)); }

  static size_t Index(uint64_t value) {
    const int shift = Shift(value);
    return static_cast<size_t>(shift) * kSteps + (value >> shift);
  }

  static uint64_t HighestValue(size_t index) {
    if (index < 2 * kSteps) return index;
    const uint64_t shift = index / kSteps - 1;
    const uint64_t significant = index - shift * kSteps;
    return ((significant + 1) << shift) - 1;
  }

  std::vector<uint64_t> counts_ = std::vector<uint64_t>((64 - kStepBits + 1) * kSteps);
  uint64_t total_ = 0;
  uint64_t max_ = 0;
};

#endif  // PROACTOR_BENCH_HISTOGRAM_H_
