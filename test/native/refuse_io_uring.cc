// Runs a command in a sandbox that refuses one of io_uring's system calls, as container runtimes do:
//   refuse_io_uring setup|enter|register ERRNO|kill COMMAND [ARGUMENT...]
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the seccomp filter names the architecture whose system calls it knows"
#endif

constexpr uint32_t kSetup = 425;

int CallNumber(const char* name) {
  if (strcmp(name, "setup") == 0) return kSetup;
  if (strcmp(name, "enter") == 0) return kSetup + 1;
  if (strcmp(name, "register") == 0) return kSetup + 2;
  return -1;
}

bool Refuse(uint32_t call, uint32_t action) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof(filter) / sizeof(filter[0]), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

int main(int count, char** arguments) {
  const int call = count > 3 ? CallNumber(arguments[1]) : -1;
  const bool kills = count > 3 && strcmp(arguments[2], "kill") == 0;
  const int error = count > 3 ? atoi(arguments[2]) : 0;
  if (call < 0 || (error <= 0 && !kills)) {
    fprintf(stderr,
            "usage: refuse_io_uring setup|enter|register ERRNO|kill COMMAND [ARGUMENT...]\n");
    return 125;
  }
  const uint32_t refusal =
      SECCOMP_RET_ERRNO | (static_cast<uint32_t>(error) & SECCOMP_RET_DATA);
  if (!Refuse(static_cast<uint32_t>(call), kills ? SECCOMP_RET_KILL_PROCESS : refusal)) {
    perror("refuse_io_uring: seccomp");
    return 125;
  }
  execvp(arguments[3], arguments + 3);
  perror("refuse_io_uring: exec");
  return 126;
}
