// native/kernel_abi.h is written by hand: here it is compared with the system's header.
#include <string>

#include "check.h"
#include "kernel_abi_values.h"

TEST(kernel_abi, is_the_systems) {
  const auto own = test::OwnAbi();
  const auto systems = test::SystemAbi();
  if (systems.empty()) test::Skip("<linux/io_uring.h> is missing or older than Linux 6.1");
  CHECK_EQUAL(own.size(), systems.size());
  for (size_t i = 0; i < own.size(); ++i) {
    const std::string name = std::string(own[i].name) + " is ";
    CHECK_EQUAL(name + std::to_string(own[i].value), name + std::to_string(systems[i].value));
  }
}
