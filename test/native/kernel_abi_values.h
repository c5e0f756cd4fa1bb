// The two readings of kernel_abi_values.inc.
#ifndef PROACTOR_TEST_KERNEL_ABI_VALUES_H_
#define PROACTOR_TEST_KERNEL_ABI_VALUES_H_

#include <cstdint>
#include <vector>

namespace test {

struct AbiValue {
  const char* name;
  uint64_t value;
};

std::vector<AbiValue> OwnAbi();
// Empty where the system's header is older than Linux 6.1's.
std::vector<AbiValue> SystemAbi();

}  // namespace test

#endif  // PROACTOR_TEST_KERNEL_ABI_VALUES_H_
