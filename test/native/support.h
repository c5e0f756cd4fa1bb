// What the tests of rings share: opening one, filling in entries, waiting for what comes of them.
#ifndef PROACTOR_TEST_SUPPORT_H_
#define PROACTOR_TEST_SUPPORT_H_

#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "check.h"
#include "kernel_abi.h"
#include "ring.h"

namespace test {

constexpr uint8_t kOpTimeout = 11;
constexpr uint8_t kOpRead = 22;
constexpr uint8_t kOpSocket = 45;
constexpr uint32_t kTimeoutMultishot = 1u << 6;

inline bool IsOpen(int fd) {
  struct stat unused;
  return fstat(fd, &unused) == 0;
}

inline int OpenDescriptors() {
  DIR* folder = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

inline io_uring_sqe Entry(uint8_t opcode, uint64_t user_data, int fd = -1) {
  io_uring_sqe entry{};
  entry.opcode = opcode;
  entry.fd = fd;
  entry.user_data = user_data;
  return entry;
}

// Waits for one byte of a pipe or socket, which nobody may send.
inline io_uring_sqe Read(int fd, char* byte, uint64_t user_data) {
  io_uring_sqe entry = Entry(kOpRead, user_data, fd);
  entry.addr = reinterpret_cast<uint64_t>(byte);
  entry.len = 1;
  return entry;
}

inline io_uring_sqe Timeout(const __kernel_timespec* time, uint64_t user_data) {
  io_uring_sqe entry = Entry(kOpTimeout, user_data);
  entry.addr = reinterpret_cast<uint64_t>(time);
  entry.len = 1;
  return entry;
}

inline io_uring_sqe CancelAll(uint64_t user_data) {
  io_uring_sqe entry = Entry(IORING_OP_ASYNC_CANCEL, user_data);
  entry.op_flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY;
  return entry;
}

inline void SetUp(proactor::Ring* ring, uint32_t entries, uint32_t withheld = 0,
                  bool start_disabled = false) {
  proactor::RingOptions options;
  options.submission_entries = entries;
  options.completion_entries = entries * 2;
  options.withheld_flags = withheld;
  options.start_disabled = start_disabled;
  const int result = ring->SetUp(options);
  if (result == -EPERM || result == -ENOSYS) Skip("io_uring cannot be used here");
  CHECK_EQUAL(result, 0);
}

struct Pipe {
  int reader = -1;
  int writer = -1;
  Pipe() {
    int ends[2];
    CHECK_EQUAL(pipe(ends), 0);
    reader = ends[0];
    writer = ends[1];
  }
  ~Pipe() {
    close(reader);
    close(writer);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

}  // namespace test

#endif  // PROACTOR_TEST_SUPPORT_H_
