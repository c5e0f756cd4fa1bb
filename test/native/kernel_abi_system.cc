// Sees the system's header instead of native/kernel_abi.h.
#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#endif

#include <cstddef>

#include "kernel_abi_values.h"

std::vector<test::AbiValue> test::SystemAbi() {
#ifdef IORING_SETUP_DEFER_TASKRUN
  return {
#define SIZE(type) {"size of " #type, sizeof(type)},
#define MEMBER(type, own, systems) {#type "." #own, offsetof(type, systems)},
#define VALUE(name) {#name, static_cast<uint64_t>(name)},
#include "kernel_abi_values.inc"
  };
#else
  return {};
#endif
}
