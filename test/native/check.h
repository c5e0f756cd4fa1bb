// The least a unit test needs: named cases, checks that end the case with what was found, and skipping.
#ifndef PROACTOR_TEST_CHECK_H_
#define PROACTOR_TEST_CHECK_H_

#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace test {

using Case = void (*)();

struct Registration {
  Registration(const char* name, Case body);
};

// Ends the process: the case is not for this machine. CTest shows it as skipped.
[[noreturn]] void Skip(const char* reason);
[[noreturn]] void Fail(const char* file, int line);

// What `refuse_io_uring` starts: io_uring_<call> is refused with EPERM.
int CheckRefused(const char* call);

template <typename A, typename B>
void CheckEqual(const A& actual, const B& expected, const char* text, const char* file, int line) {
  if (actual == expected) return;
  std::cerr << text << ": found " << actual << ", expected " << expected << '\n';
  Fail(file, line);
}

}  // namespace test

#define TEST(suite, name)                                                          \
  static void suite##_##name();                                                    \
  static const test::Registration registered_##suite##_##name(#suite "." #name,    \
                                                              suite##_##name);     \
  static void suite##_##name()

#define CHECK(condition)                                 \
  do {                                                   \
    if (!(condition)) {                                  \
      fprintf(stderr, "not true: %s\n", #condition);     \
      test::Fail(__FILE__, __LINE__);                    \
    }                                                    \
  } while (false)

#define CHECK_EQUAL(actual, expected) \
  test::CheckEqual((actual), (expected), #actual, __FILE__, __LINE__)

#endif  // PROACTOR_TEST_CHECK_H_
