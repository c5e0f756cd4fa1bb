// Whether io_uring can be used, found out by trying.
#include "probe.h"

#include <cerrno>
#include <string>

#include "check.h"
#include "memory.h"
#include "support.h"

int test::CheckRefused(const char* call) {
  const int before = test::OpenDescriptors();
  const proactor::ProbeResult probe = proactor::ProbeKernel();
  CHECK_EQUAL(probe.error, -EPERM);
  CHECK_EQUAL(std::string(probe.failed_call), std::string("io_uring_") + call);
  CHECK(!probe.buffer_ring && !probe.incremental && !probe.multishot_receive);
  CHECK(!probe.multishot_timeout);
  CHECK_EQUAL(test::OpenDescriptors(), before);
  return 0;
}

TEST(probe, says_what_is_there_and_keeps_nothing) {
  const int descriptors = test::OpenDescriptors();
  const int64_t mapped = proactor::MemoryRegion::mapped_bytes();
  const proactor::ProbeResult probe = proactor::ProbeKernel();
  if (probe.error != 0) test::Skip("io_uring cannot be used here");
  CHECK_EQUAL(std::string(probe.failed_call), "");
  CHECK((probe.features & IORING_FEAT_NODROP) != 0);
  CHECK(probe.operation_count > IORING_OP_RECV);
  CHECK_EQUAL(probe.operations[IORING_OP_NOP], 1);
  CHECK_EQUAL(probe.operations[255], 0);
  CHECK(probe.buffer_ring);
  CHECK(probe.multishot_receive);
  CHECK_EQUAL(test::OpenDescriptors(), descriptors);
  CHECK_EQUAL(proactor::MemoryRegion::mapped_bytes(), mapped);
}

TEST(probe, gives_the_same_answer_again) {
  const proactor::ProbeResult first = proactor::ProbeKernel();
  for (int i = 0; i < 20; ++i) {
    const proactor::ProbeResult again = proactor::ProbeKernel();
    CHECK_EQUAL(again.error, first.error);
    CHECK_EQUAL(again.setup_flags, first.setup_flags);
    CHECK_EQUAL(again.incremental, first.incremental);
    CHECK_EQUAL(again.multishot_receive, first.multishot_receive);
    CHECK_EQUAL(again.multishot_timeout, first.multishot_timeout);
  }
}
