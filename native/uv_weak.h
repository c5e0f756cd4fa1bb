// libuv as weak symbols: the addon loads where there is no libuv (other runtimes), and the loop
// dispatcher says that it cannot be used there. Nothing outside loop_dispatcher.cc may need a uv_*
// symbol.
#ifndef PROACTOR_UV_WEAK_H_
#define PROACTOR_UV_WEAK_H_

#include <uv.h>

#pragma weak uv_backend_fd
#pragma weak uv_backend_timeout
#pragma weak uv_close
#pragma weak uv_idle_init
#pragma weak uv_idle_start
#pragma weak uv_idle_stop
#pragma weak uv_now
#pragma weak uv_poll_init
#pragma weak uv_poll_start
#pragma weak uv_poll_stop
#pragma weak uv_prepare_init
#pragma weak uv_prepare_start
#pragma weak uv_ref
#pragma weak uv_unref
#pragma weak uv_update_time

#endif  // PROACTOR_UV_WEAK_H_
