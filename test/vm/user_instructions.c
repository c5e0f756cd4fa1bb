// A plugin for qemu's TCG: counts the user-mode instructions of each thread of the guest, with no
// help of the guest's kernel. Knows nothing of processes; guest/perf.c finds out whose the threads
// are. One virtual CPU only.
//
// How it tells threads apart: entered from user mode, the kernel goes to the kernel stack of the
// thread that it interrupted, and no two threads share one. So the first push in kernel mode names
// the thread whose user code ran just before; only the processor's entry stacks, where an interrupt
// begins, have to be passed over. So that the process can be found, each thread's latest push in
// user mode is kept too.
//
// The guest asks for the figures by executing kMark: they are in a file before the guest goes on.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// What this uses of qemu's plugin interface, version 1. Debian packages no header for it.
typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*Translated)(qemu_plugin_id_t id, struct qemu_plugin_tb* block);
typedef void (*Executed)(unsigned vcpu, void* data);
typedef void (*Accessed)(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void* data);
enum { kNoRegisters = 0, kWrites = 2 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, Translated callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb* block, Executed callback,
                                          int flags, void* data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn* insn, Executed callback,
                                            int flags, void* data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn* insn, Accessed callback, int flags,
                                      int accesses, void* data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb* block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb* block);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb* block, size_t index);
const void* qemu_plugin_insn_data(const struct qemu_plugin_insn* insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn* insn);

int qemu_plugin_version = 1;

// nopl 0x766d636e(%rax): does nothing, and no compiler makes it.
static const uint8_t kMark[] = {0x0f, 0x1f, 0x80, 0x6e, 0x63, 0x6d, 0x76};

enum { kKernelStackShift = 14, kThreadsMax = 16384 };

// The kernel's cpu_entry_area (Documentation/arch/x86/x86_64/mm.rst), where the entry stacks are.
static const uint64_t kEntryAreaBegin = 0xfffffe0000000000, kEntryAreaEnd = 0xfffffe8000000000;

typedef struct {
  uint64_t kernel_stack;
  uint64_t user_stack;
  uint64_t instructions;
} Thread;

static Thread threads[kThreadsMax];
static size_t thread_count;
static const char* output_path;

// What user code has done since the kernel was last in control.
static uint64_t recent_instructions;
static uint64_t recent_stack;

static bool InKernel(uint64_t address) { return (int64_t)address < 0; }

static Thread* FindThread(uint64_t kernel_stack) {
  static Thread* latest = threads;
  if (latest->kernel_stack == kernel_stack) return latest;
  for (size_t i = 0; i < thread_count; i++) {
    if (threads[i].kernel_stack == kernel_stack) return latest = &threads[i];
  }
  if (thread_count < kThreadsMax) thread_count++;  // past the limit, the last one takes it all
  latest = &threads[thread_count - 1];
  latest->kernel_stack = kernel_stack;
  return latest;
}

static void OnUserBlock(unsigned vcpu, void* data) {
  (void)vcpu;
  recent_instructions += (uintptr_t)data;
}

static void OnUserPush(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void* data) {
  (void)vcpu, (void)info, (void)data;
  recent_stack = address;
}

static void OnKernelPush(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void* data) {
  (void)vcpu, (void)info, (void)data;
  if (recent_instructions == 0) return;
  if (address >= kEntryAreaBegin && address < kEntryAreaEnd) return;
  Thread* thread = FindThread(address >> kKernelStackShift);
  thread->instructions += recent_instructions;
  if (recent_stack != 0) thread->user_stack = recent_stack;
  recent_instructions = 0;
  recent_stack = 0;
}

static void OnMark(unsigned vcpu, void* data) {
  (void)vcpu, (void)data;
  FILE* file = fopen(output_path, "w");
  if (file == NULL) return;
  for (size_t i = 0; i < thread_count; i++) {
    fprintf(file, "%llx %llu\n", (unsigned long long)threads[i].user_stack,
            (unsigned long long)threads[i].instructions);
  }
  fclose(file);
}

// push register, push immediate, call: what compilers and the kernel's entry code use.
static bool IsPush(const uint8_t* code, size_t size) {
  if (size > 1 && (code[0] & 0xf0) == 0x40) code++;  // REX
  return (code[0] & 0xf8) == 0x50 || code[0] == 0x68 || code[0] == 0x6a || code[0] == 0xe8;
}

static void OnTranslate(qemu_plugin_id_t id, struct qemu_plugin_tb* block) {
  (void)id;
  bool kernel = InKernel(qemu_plugin_tb_vaddr(block));
  size_t count = qemu_plugin_tb_n_insns(block);
  if (!kernel) {
    void* data = (void*)(uintptr_t)count;
    qemu_plugin_register_vcpu_tb_exec_cb(block, OnUserBlock, kNoRegisters, data);
  }
  for (size_t i = 0; i < count; i++) {
    struct qemu_plugin_insn* insn = qemu_plugin_tb_get_insn(block, i);
    const uint8_t* code = qemu_plugin_insn_data(insn);
    size_t size = qemu_plugin_insn_size(insn);
    if (IsPush(code, size)) {
      Accessed on_push = kernel ? OnKernelPush : OnUserPush;
      qemu_plugin_register_vcpu_mem_cb(insn, on_push, kNoRegisters, kWrites, NULL);
    }
    if (size == sizeof kMark && memcmp(code, kMark, size) == 0) {
      qemu_plugin_register_vcpu_insn_exec_cb(insn, OnMark, kNoRegisters, NULL);
    }
  }
}

int qemu_plugin_install(qemu_plugin_id_t id, const void* info, int argc, char** argv) {
  (void)info;
  static const char kOutput[] = "output=";
  for (int i = 0; i < argc; i++) {
    if (strncmp(argv[i], kOutput, sizeof kOutput - 1) == 0) {
      output_path = strdup(argv[i] + sizeof kOutput - 1);
    }
  }
  if (output_path == NULL) return -1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, OnTranslate);
  return 0;
}
