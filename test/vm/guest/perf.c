// Stands in for perf in a guest that counts instructions: as much of `perf stat` as it takes to
// count `instructions:u` and `instructions:k` of a process (-p), of a thread (-t) or of a command,
// with -x and --control. User instructions come from ../user_instructions.c; the total is CPU time,
// of which a nanosecond is an instruction; the difference is the kernel's.

#define _GNU_SOURCE
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  uint64_t user;
  uint64_t total;
} Instructions;

typedef struct {
  uint64_t user_stack;
  uint64_t user;
} Thread;

enum { kThreadsMax = 16384 };

static Thread threads[kThreadsMax];
static size_t thread_count;

static void Fail(const char* what) {
  fprintf(stderr, "perf (of the virtual machine): %s\n", what);
  exit(1);
}

// Makes qemu write its figures, and reads them: the file is new once the instruction has executed.
static void ReadThreads(void) {
  __asm__ volatile("nopl 0x766d636e(%%rax)" ::: "memory");
  FILE* file = fopen("/run/vm/figures/threads", "r");
  if (file == NULL) Fail("no figures from qemu");
  thread_count = 0;
  Thread* thread = threads;
  while (thread_count < kThreadsMax &&
         fscanf(file, "%" SCNx64 " %" SCNu64, &thread->user_stack, &thread->user) == 2) {
    thread = &threads[++thread_count];
  }
  fclose(file);
}

// Adds up the threads whose stacks lie in the process's memory; with `only`, in the area there.
static uint64_t UserInstructions(int pid, uint64_t only) {
  char line[4096];
  snprintf(line, sizeof line, "/proc/%d/maps", pid);
  FILE* maps = fopen(line, "r");
  if (maps == NULL) Fail("no such process");
  uint64_t sum = 0, begin, end;
  char access[5];
  while (fgets(line, sizeof line, maps) != NULL) {
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &begin, &end, access) != 3) continue;
    if (access[1] != 'w' || (only != 0 && (only < begin || only >= end))) continue;
    for (size_t i = 0; i < thread_count; i++) {
      if (threads[i].user_stack >= begin && threads[i].user_stack < end) sum += threads[i].user;
    }
  }
  fclose(maps);
  return sum;
}

static Instructions OfProcess(int pid) {
  clockid_t clock;
  struct timespec time;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    Fail("no such process");
  }
  uint64_t total = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
  return (Instructions){UserInstructions(pid, 0), total};
}

static Instructions OfThread(int tid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/syscall", tid);  // ends: stack pointer, program counter
  FILE* file = fopen(path, "r");
  char line[512];
  if (file == NULL || fgets(line, sizeof line, file) == NULL) Fail("no such thread");
  fclose(file);
  char* counter = strrchr(line, ' ');
  if (counter == NULL) Fail("the thread is running");  // but we have the only CPU
  *counter = '\0';
  uint64_t stack = strtoull(strrchr(line, ' ') + 1, NULL, 16);
  snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", tid, tid);
  file = fopen(path, "r");
  Instructions result = {UserInstructions(tid, stack), 0};
  if (file == NULL || fscanf(file, "%" SCNu64, &result.total) != 1) Fail("no schedstat");
  fclose(file);
  return result;
}

// User instructions of all but this process: in a quiet guest, those of the command.
static Instructions OfChildren(void) {
  Instructions result = {0, 0};
  for (size_t i = 0; i < thread_count; i++) result.user += threads[i].user;
  result.user -= UserInstructions(getpid(), 0);
  struct rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  uint64_t us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  result.total = us * 1000;
  return result;
}

typedef struct {
  int pid;
  int tid;
} Target;

static Instructions Now(Target target) {
  ReadThreads();
  if (target.pid != 0) return OfProcess(target.pid);
  if (target.tid != 0) return OfThread(target.tid);
  return OfChildren();
}

static void Add(Instructions* sum, Instructions from, Instructions to) {
  sum->user += to.user - from.user;
  sum->total += to.total - from.total;
}

static void OnInterrupt(int signal) { (void)signal; }

// As read(2), but an interrupt, even one that came earlier while it was blocked, is end of input.
static ssize_t ReadUnlessInterrupted(int input, char* buffer, size_t size) {
  sigset_t none;
  sigemptyset(&none);
  struct pollfd poll = {.fd = input, .events = POLLIN};
  return ppoll(&poll, 1, NULL, &none) < 0 ? 0 : read(input, buffer, size);
}

static void BlockInterrupt(void) {
  struct sigaction action = {.sa_handler = OnInterrupt};
  sigaction(SIGINT, &action, NULL);
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, NULL);
}

// Counts between `enable` and `disable` until the other side closes, or an interrupt comes.
static Instructions Controlled(Target target, int input, int output) {
  Instructions sum = {0, 0}, start = {0, 0};
  bool enabled = false;
  char command[64];
  ssize_t size;
  while ((size = ReadUnlessInterrupted(input, command, sizeof command - 1)) > 0) {
    command[size] = '\0';
    bool enable = strncmp(command, "enable", 6) == 0;
    if (enable && !enabled) start = Now(target);
    if (!enable && enabled) Add(&sum, start, Now(target));
    enabled = enable;
    if (write(output, "ack\n", 4) != 4) break;
  }
  if (enabled) Add(&sum, start, Now(target));
  return sum;
}

static Instructions OfCommand(char** command, int* status) {
  Target children = {0, 0};
  Instructions sum = {0, 0}, start = Now(children);
  pid_t pid = fork();
  if (pid == 0) {
    execvp(command[0], command);
    _exit(127);
  }
  waitpid(pid, status, 0);
  Add(&sum, start, Now(children));
  return sum;
}

static void Print(const char* events, const char* separator, Instructions sum) {
  char list[256];
  snprintf(list, sizeof list, "%s", events);
  for (char* event = strtok(list, ","); event != NULL; event = strtok(NULL, ",")) {
    uint64_t value = sum.total;
    if (strcmp(event, "instructions:u") == 0) {
      value = sum.user;
    } else if (strcmp(event, "instructions:k") == 0) {
      value = sum.total - sum.user;
    } else if (strcmp(event, "instructions") != 0) {
      fprintf(stderr, "<not supported>%s%s%s\n", separator, separator, event);
      continue;
    }
    fprintf(stderr, "%" PRIu64 "%s%s%s%s%" PRIu64 "%s100.00\n", value, separator, separator, event,
            separator, sum.total, separator);
  }
}

int main(int argc, char** argv) {
  if (argc < 2 || strcmp(argv[1], "stat") != 0) Fail("only perf stat");
  Target target = {0, 0};
  const char *events = "instructions", *separator = " ";
  int input = -1, output = -1, status = 0, i = 2;
  for (; i + 1 < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i += 2) {
    const char* value = argv[i + 1];
    if (strcmp(argv[i], "-x") == 0) separator = value;
    else if (strcmp(argv[i], "-e") == 0) events = value;
    else if (strcmp(argv[i], "-p") == 0) target.pid = atoi(value);
    else if (strcmp(argv[i], "-t") == 0) target.tid = atoi(value);
    else if (strcmp(argv[i], "--control") == 0) sscanf(value, "fd:%d,%d", &input, &output);
    else if (strcmp(argv[i], "--delay") != 0) Fail("an option it does not have");
  }
  if (i < argc && strcmp(argv[i], "--") == 0) i++;
  if (i >= argc) BlockInterrupt();
  Instructions sum;
  if (i < argc) sum = OfCommand(argv + i, &status);
  else if (input >= 0) sum = Controlled(target, input, output);
  else Fail("neither a command nor --control");
  Print(events, separator, sum);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
