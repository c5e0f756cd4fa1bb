// The bytes that load generators send, and how they recognize them when they come back.
#ifndef PROACTOR_BENCH_PATTERN_H_
#define PROACTOR_BENCH_PATTERN_H_

#include <stdint.h>
#include <string.h>

#include <vector>

constexpr size_t kTransferBytesMax = 1 << 20;  // of one send or recv

// `all` compares every byte; otherwise the first eight and the last eight, which shows loss and disorder.
inline bool SameBytes(const char* data, const char* expected, size_t length, bool all) {
  if (all || length <= 16) return memcmp(data, expected, length) == 0;
  const size_t last = length - 8;
  return memcmp(data, expected, 8) == 0 && memcmp(data + last, expected + last, 8) == 0;
}

// The endless byte stream that all connections send, each from its own place in it. It is stored with enough
// of its own repetition that any transfer is one piece of memory.
class Pattern {
 public:
  Pattern() : bytes_(kPeriod + kTransferBytesMax) {
    uint32_t state = 2463534242;
    for (size_t i = 0; i < bytes_.size(); i++) {
      state ^= state << 13, state ^= state >> 17, state ^= state << 5;
      bytes_[i] = i < kPeriod ? static_cast<char>(state) : bytes_[i - kPeriod];
    }
  }

  const char* At(size_t position) const { return &bytes_[position]; }

  // Where the `index`th connection begins.
  static size_t StartOf(size_t index) { return index * 7919 % kPeriod; }
  static size_t Advance(size_t position, size_t length) { return (position + length) % kPeriod; }

 private:
  static constexpr size_t kPeriod = 65521;  // a prime, so that no message size divides it

  std::vector<char> bytes_;
};

#endif  // PROACTOR_BENCH_PATTERN_H_
