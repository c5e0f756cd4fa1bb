#include "check.h"

#include <unistd.h>

#include <cstring>
#include <map>
#include <string>

namespace test {

namespace {

constexpr int kSkipped = 77;

std::map<std::string, Case>& Cases() {
  static std::map<std::string, Case> cases;
  return cases;
}

}  // namespace

Registration::Registration(const char* name, Case body) { Cases()[name] = body; }

void Skip(const char* reason) {
  printf("skipped: %s\n", reason);
  fflush(stdout);
  _exit(kSkipped);
}

void Fail(const char* file, int line) {
  fprintf(stderr, "%s:%d: failed\n", file, line);
  fflush(stderr);
  _exit(1);
}

}  // namespace test

// native_tests [NAME | --refused CALL]: without a name all cases run, one after the other.
int main(int count, char** arguments) {
  if (count == 3 && strcmp(arguments[1], "--refused") == 0) return test::CheckRefused(arguments[2]);
  int run = 0;
  for (const auto& [name, body] : test::Cases()) {
    if (count > 1 && name != arguments[1]) continue;
    printf("%s\n", name.c_str());
    fflush(stdout);
    body();
    ++run;
  }
  if (run == 0) fprintf(stderr, "there is no such case\n");
  return run == 0 ? 2 : 0;
}
