// libuv as weak symbols: the addon loads where there is no libuv (other runtimes), and the loop
// dispatcher says that it cannot be used there. Nothing outside loop_dispatcher.cc and
// loop_idle_time.cc may need a uv_* symbol; scripts/check-binary.mjs finds one that is missing in the
// list.
#ifndef PROACTOR_UV_WEAK_H_
#define PROACTOR_UV_WEAK_H_

#include <uv.h>

#define PROACTOR_UV_FUNCTIONS(_) \
  _(uv_backend_fd)               \
  _(uv_backend_timeout)          \
  _(uv_close)                    \
  _(uv_hrtime)                   \
  _(uv_idle_init)                \
  _(uv_idle_start)               \
  _(uv_idle_stop)                \
  _(uv_metrics_idle_time)        \
  _(uv_now)                      \
  _(uv_poll_init)                \
  _(uv_poll_start)               \
  _(uv_poll_stop)                \
  _(uv_prepare_init)             \
  _(uv_prepare_start)            \
  _(uv_ref)                      \
  _(uv_unref)                    \
  _(uv_update_time)

#define PROACTOR_DECLARE_WEAK(name) extern "C" __attribute__((weak)) decltype(name) name;
PROACTOR_UV_FUNCTIONS(PROACTOR_DECLARE_WEAK)
PROACTOR_DECLARE_WEAK(uv_metrics_info)  // since libuv 1.45: null on Node 20.0 to 20.2
#undef PROACTOR_DECLARE_WEAK

namespace proactor {

// All of it, for other runtimes have parts: Deno defines some of these functions over a loop of its
// own. (Bun defines every one, and aborts in most; it is told by its name, in lib/probe.ts.)
inline bool HasLibuv() {
#define PROACTOR_IS_DEFINED(name) && name != nullptr
  return true PROACTOR_UV_FUNCTIONS(PROACTOR_IS_DEFINED);
#undef PROACTOR_IS_DEFINED
}

}  // namespace proactor

#endif  // PROACTOR_UV_WEAK_H_
