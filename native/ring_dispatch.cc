// The half of RingHandle that starts a dispatcher and enters JavaScript for what it brings.
#include "ring_handle.h"

#include "sleepers.h"

#include <cerrno>
#include <ctime>

// As weak as what it leads to (uv_weak.h): a runtime without libuv need not have it.
#pragma weak napi_get_uv_event_loop

namespace proactor {

namespace {

uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

Napi::Value RingHandle::Start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  dispatch_ = Napi::Persistent(info[0].As<Napi::Function>());
  continue_later_ = Napi::Persistent(info[2].As<Napi::Function>());
  const int error = threaded_ ? StartThread() : StartLoop(info[1].As<Napi::Boolean>());
  if (error != 0) {
    // Now and not when this object is collected: what is short may be what they hold.
    thread_.reset();
    loop_.reset();
    if (async_context_ != nullptr) napi_async_destroy(env, async_context_);
    async_context_ = nullptr;
    dispatch_.Reset();
    continue_later_.Reset();
    ring_->Close();
    return Napi::Number::New(env, error);
  }
  // Registered last, so that it runs first: before the threadsafe function's own end. An I/O thread
  // ends within the hook, so that needs none of the asynchronous ones, which Deno frees twice.
  if (threaded_) {
    napi_add_env_cleanup_hook(env, OnEnvironmentEnd, this);
  } else {
    napi_add_async_cleanup_hook(
        env, [](napi_async_cleanup_hook_handle, void* self) { OnEnvironmentEnd(self); }, this,
        &async_cleanup_hook_);
  }
  open_ = true;
  Ref();  // collected only after it was closed
  Napi::Object result = Napi::Object::New(env);
  Expose(&result);
  return result;
}

int RingHandle::StartLoop(bool prefer_eventfd) {
  if (!LoopDispatcher::Supported() || napi_get_uv_event_loop == nullptr) return -ENOTSUP;
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(Env(), &loop) != napi_ok) return -ENOTSUP;
  const Napi::String name = Napi::String::New(Env(), "proactor");
  napi_async_init(Env(), Value(), name, &async_context_);
  loop_ = std::make_unique<LoopDispatcher>();
  const bool sleeps = !prefer_eventfd && ClaimSleeper(loop);
  const int error = loop_->Start(
      loop, ring_.get(), control_, static_cast<const int32_t*>(live_->base()),
      sleeps ? LoopDispatcher::Wake::kRing : LoopDispatcher::Wake::kEventfd,
      [](void* context) { return static_cast<RingHandle*>(context)->CallDispatch(); }, this);
  if (sleeps && (error != 0 || loop_->wake() != LoopDispatcher::Wake::kRing)) ReleaseSleeper(loop);
  if (error == 0 && loop_->wake() == LoopDispatcher::Wake::kRing) sleeping_in_ = loop;
  return error;
}

int RingHandle::StartThread() {
  const Napi::String name = Napi::String::New(Env(), "proactor");
  const auto call = [](napi_env env, napi_value, void* context, void*) {
    if (env != nullptr) static_cast<RingHandle*>(context)->DispatchPosted(false);
  };
  if (napi_create_threadsafe_function(Env(), nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                      call, &threadsafe_function_) != napi_ok) {
    return -EAGAIN;
  }
  napi_unref_threadsafe_function(Env(), threadsafe_function_);
  thread_ = std::make_unique<ThreadDispatcher>();
  const int error = thread_->Start(
      ring_.get(), control_, static_cast<const int32_t*>(live_->base()),
      [](void* function) {
        napi_call_threadsafe_function(static_cast<napi_threadsafe_function>(function), nullptr,
                                      napi_tsfn_nonblocking);
      },
      threadsafe_function_);
  if (error != 0) napi_release_threadsafe_function(threadsafe_function_, napi_tsfn_abort);
  return error;
}

// The runtime serves up to a thousand posts in one turn of its loop. So what comes is dispatched for a
// time, and the rest of it by continueLater(), when the loop has turned.
void RingHandle::DispatchPosted(bool is_turn) {
  constexpr uint64_t kTurnNs = 5000000;
  if (!open_) return;
  const uint64_t now_ns = NowNs();
  if (is_turn || !goes_on_) turn_ends_ns_ = now_ns + kTurnNs;
  goes_on_ = false;
  control_.Set(kNowMs, static_cast<int32_t>(static_cast<uint32_t>(now_ns / 1000000)));
  thread_->BeginDispatch();
  // Another one that this one leads to is announced by nobody: see EndDispatch().
  if (!CallDispatch() || !open_ || !thread_->EndDispatch()) return;
  goes_on_ = NowNs() < turn_ends_ns_;
  if (goes_on_) {
    napi_call_threadsafe_function(threadsafe_function_, nullptr, napi_tsfn_nonblocking);
  } else {
    napi_value result;
    napi_call_function(Env(), Value(), continue_later_.Value(), 0, nullptr, &result);
  }
}

Napi::Value RingHandle::ContinueDispatch(const Napi::CallbackInfo& info) {
  DispatchPosted(true);
  return info.Env().Undefined();
}

bool RingHandle::CallDispatch() {
  const napi_env env = Env();
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value result;
  napi_status status;
  dispatching_ = true;
  if (threaded_) {
    // The threadsafe function opened the callback scope already.
    status = napi_call_function(env, Value(), dispatch_.Value(), 0, nullptr, &result);
  } else {
    status = napi_make_callback(env, async_context_, Value(), dispatch_.Value(), 0, nullptr,
                                &result);
  }
  const bool alive = Survives(status);
  dispatching_ = false;
  if (close_pending_) BeginClose(drain_ms_);
  napi_close_handle_scope(env, scope);
  return alive;
}

// What a call came to: false where JavaScript cannot run any more. If a handler threw, the rest of its
// batch is still in the queue and is dispatched next, unless the process or worker ends over it.
// Without an exception JavaScript was stopped from outside.
bool RingHandle::Survives(napi_status status) {
  napi_value error;
  if (status == napi_ok) return true;
  return status == napi_pending_exception &&
         napi_get_and_clear_last_exception(Env(), &error) == napi_ok && error != nullptr &&
         napi_fatal_exception(Env(), error) == napi_ok;
}

}  // namespace proactor
