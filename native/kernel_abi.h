// The kernel's io_uring ABI: every structure, constant and system call this package uses, declared
// here so that building needs no particular version of the kernel's or liburing's headers. Kernel
// names are kept verbatim. Source: io_uring_setup(2), io_uring_enter(2), io_uring_register(2).
// Never include <linux/io_uring.h> beside it.
#ifndef PROACTOR_KERNEL_ABI_H_
#define PROACTOR_KERNEL_ABI_H_

#include <linux/time_types.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#define __NR_io_uring_enter 426
#define __NR_io_uring_register 427
#endif

struct io_uring_sqe {
  uint8_t opcode;
  uint8_t flags;
  uint16_t ioprio;
  int32_t fd;
  uint64_t off;
  uint64_t addr;
  uint32_t len;
  uint32_t op_flags;  // the kernel's union of rw_flags, poll32_events, msg_flags, timeout_flags, ...
  uint64_t user_data;
  uint16_t buf_group;
  uint16_t personality;
  int32_t file_index;
  uint64_t addr3;
  uint64_t pad2;
};
static_assert(sizeof(io_uring_sqe) == 64, "the kernel's submission queue entry has 64 bytes");
static_assert(offsetof(io_uring_sqe, user_data) == 32, "user_data stands at byte 32");

struct io_uring_cqe {
  uint64_t user_data;
  int32_t res;
  uint32_t flags;
};
static_assert(sizeof(io_uring_cqe) == 16, "the kernel's completion queue entry has 16 bytes");

struct io_sqring_offsets {
  uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, resv1;
  uint64_t user_addr;
};

struct io_cqring_offsets {
  uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv1;
  uint64_t user_addr;
};

struct io_uring_params {
  uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd, resv[3];
  io_sqring_offsets sq_off;
  io_cqring_offsets cq_off;
};
static_assert(sizeof(io_uring_params) == 120, "io_uring_params has 120 bytes");

struct io_uring_buf {
  uint64_t addr;
  uint32_t len;
  uint16_t bid;
  uint16_t resv;  // in the first entry this is the ring's tail
};
static_assert(sizeof(io_uring_buf) == 16, "a provided buffer's entry has 16 bytes");

struct io_uring_buf_reg {
  uint64_t ring_addr;
  uint32_t ring_entries;
  uint16_t bgid;
  uint16_t flags;
  uint64_t resv[3];
};
static_assert(sizeof(io_uring_buf_reg) == 40, "io_uring_buf_reg has 40 bytes");

struct io_uring_probe_op {
  uint8_t op;
  uint8_t resv;
  uint16_t flags;
  uint32_t resv2;
};

struct io_uring_probe {
  uint8_t last_op;
  uint8_t ops_len;
  uint16_t resv;
  uint32_t resv2[3];
  io_uring_probe_op ops[256];
};
static_assert(offsetof(io_uring_probe, ops) == 16, "the probe's entries start at byte 16");

struct io_uring_rsrc_update {
  uint32_t offset;
  uint32_t resv;
  uint64_t data;
};
static_assert(sizeof(io_uring_rsrc_update) == 16, "io_uring_rsrc_update has 16 bytes");

struct io_uring_getevents_arg {
  uint64_t sigmask;
  uint32_t sigmask_sz;
  uint32_t min_wait_usec;
  uint64_t ts;
};
static_assert(sizeof(io_uring_getevents_arg) == 24, "io_uring_getevents_arg has 24 bytes");

// mmap(2) offsets of a ring's descriptor.
constexpr uint64_t IORING_OFF_SQ_RING = 0;
constexpr uint64_t IORING_OFF_SQES = 0x10000000;

// io_uring_setup(2) flags.
constexpr uint32_t IORING_SETUP_CQSIZE = 1u << 3;
constexpr uint32_t IORING_SETUP_CLAMP = 1u << 4;
constexpr uint32_t IORING_SETUP_R_DISABLED = 1u << 6;
constexpr uint32_t IORING_SETUP_SUBMIT_ALL = 1u << 7;
constexpr uint32_t IORING_SETUP_COOP_TASKRUN = 1u << 8;
constexpr uint32_t IORING_SETUP_TASKRUN_FLAG = 1u << 9;
constexpr uint32_t IORING_SETUP_SINGLE_ISSUER = 1u << 12;
constexpr uint32_t IORING_SETUP_DEFER_TASKRUN = 1u << 13;
constexpr uint32_t IORING_SETUP_NO_SQARRAY = 1u << 16;

// io_uring_params.features.
constexpr uint32_t IORING_FEAT_SINGLE_MMAP = 1u << 0;
constexpr uint32_t IORING_FEAT_NODROP = 1u << 1;
constexpr uint32_t IORING_FEAT_SUBMIT_STABLE = 1u << 2;
constexpr uint32_t IORING_FEAT_FAST_POLL = 1u << 5;
constexpr uint32_t IORING_FEAT_EXT_ARG = 1u << 8;

// io_uring_enter(2) flags.
constexpr uint32_t IORING_ENTER_GETEVENTS = 1u << 0;
constexpr uint32_t IORING_ENTER_EXT_ARG = 1u << 3;
constexpr uint32_t IORING_ENTER_REGISTERED_RING = 1u << 4;

// Flags the kernel publishes in the rings.
constexpr uint32_t IORING_SQ_CQ_OVERFLOW = 1u << 1;
constexpr uint32_t IORING_SQ_TASKRUN = 1u << 2;
constexpr uint32_t IORING_CQE_F_MORE = 1u << 1;

// io_uring_register(2) operations.
constexpr uint32_t IORING_REGISTER_EVENTFD = 4;
constexpr uint32_t IORING_REGISTER_PROBE = 8;
constexpr uint32_t IORING_REGISTER_ENABLE_RINGS = 12;
constexpr uint32_t IORING_REGISTER_RING_FDS = 20;
constexpr uint32_t IORING_UNREGISTER_RING_FDS = 21;
constexpr uint32_t IORING_REGISTER_PBUF_RING = 22;
constexpr uint32_t IORING_UNREGISTER_PBUF_RING = 23;
constexpr uint16_t IOU_PBUF_RING_INC = 2;
constexpr uint16_t IO_URING_OP_SUPPORTED = 1;

// The operations that native code itself submits; the full list is in lib/ring/kernel.ts.
constexpr uint8_t IORING_OP_NOP = 0;
constexpr uint8_t IORING_OP_POLL_ADD = 6;
constexpr uint8_t IORING_OP_TIMEOUT = 11;
constexpr uint8_t IORING_OP_ACCEPT = 13;
constexpr uint8_t IORING_OP_ASYNC_CANCEL = 14;
constexpr uint8_t IORING_OP_CLOSE = 19;
constexpr uint8_t IORING_OP_SEND = 26;
constexpr uint8_t IORING_OP_RECV = 27;
constexpr uint8_t IOSQE_IO_LINK = 1u << 2;
constexpr uint8_t IOSQE_BUFFER_SELECT = 1u << 5;
constexpr uint32_t IORING_POLL_ADD_MULTI = 1u << 0;
constexpr uint32_t IORING_TIMEOUT_MULTISHOT = 1u << 6;
constexpr uint32_t IORING_ASYNC_CANCEL_ALL = 1u << 0;
constexpr uint32_t IORING_ASYNC_CANCEL_ANY = 1u << 2;
constexpr uint16_t IORING_RECV_MULTISHOT = 1u << 1;
constexpr uint16_t IORING_ACCEPT_MULTISHOT = 1u << 0;
constexpr uint32_t IORING_CQE_F_BUFFER = 1u << 0;
constexpr uint32_t IORING_CQE_BUFFER_SHIFT = 16;

inline int io_uring_setup(uint32_t entries, io_uring_params* params) {
  return static_cast<int>(syscall(__NR_io_uring_setup, entries, params));
}

inline int io_uring_enter(int fd, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                          const void* argument, size_t argument_size) {
  return static_cast<int>(syscall(__NR_io_uring_enter, fd, to_submit, min_complete, flags, argument,
                                  argument_size));
}

inline int io_uring_register(int fd, uint32_t opcode, void* argument, uint32_t count) {
  return static_cast<int>(syscall(__NR_io_uring_register, fd, opcode, argument, count));
}

#endif  // PROACTOR_KERNEL_ABI_H_
