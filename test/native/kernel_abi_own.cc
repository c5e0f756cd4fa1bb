#include "kernel_abi.h"
#include "kernel_abi_values.h"

std::vector<test::AbiValue> test::OwnAbi() {
  return {
#define SIZE(type) {"size of " #type, sizeof(type)},
#define MEMBER(type, own, systems) {#type "." #own, offsetof(type, own)},
#define VALUE(name) {#name, static_cast<uint64_t>(name)},
#include "kernel_abi_values.inc"
  };
}
