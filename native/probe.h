// Whether io_uring can be used here, and what it offers: asked of the kernel by trying, never by
// its version.
#ifndef PROACTOR_PROBE_H_
#define PROACTOR_PROBE_H_

#include <cstdint>

namespace proactor {

struct ProbeResult {
  int error = 0;                  // 0, or -errno of the first call that was refused
  const char* failed_call = "";   // its name
  uint32_t features = 0;          // IORING_FEAT_*
  uint32_t setup_flags = 0;       // the IORING_SETUP_* flags a ring got
  uint32_t operation_count = 0;   // operations the kernel knows of
  uint8_t operations[256] = {};   // 1 where supported
  bool buffer_ring = false;       // provided buffer rings (5.19)
  bool incremental = false;       // they can be consumed incrementally (6.12) and do it right
  bool multishot_receive = false;
  bool multishot_timeout = false;  // repeated timeouts (6.4)
};

ProbeResult ProbeKernel();

}  // namespace proactor

#endif  // PROACTOR_PROBE_H_
