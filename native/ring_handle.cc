#include "ring_handle.h"

#include "socket_calls.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <mutex>
#include <utility>
#include <vector>

// As weak as what it leads to (uv_weak.h): a runtime without libuv need not have it.
#pragma weak napi_get_uv_event_loop

namespace proactor {

namespace {

// How long the end of an environment waits for the kernel to give operations back.
constexpr uint32_t kEnvironmentEndDrainMs = 2000;

// The loops in which a ring sleeps: one in each, since two would keep each other awake. Of the
// whole process, and not of an environment, because one loop may have loaded the addon several
// times.
std::mutex sleepers_mutex;
std::vector<const uv_loop_t*> sleepers;

bool ClaimSleeper(const uv_loop_t* loop) {
  const std::lock_guard<std::mutex> lock(sleepers_mutex);
  if (std::find(sleepers.begin(), sleepers.end(), loop) != sleepers.end()) return false;
  sleepers.push_back(loop);
  return true;
}

void ReleaseSleeper(const uv_loop_t* loop) {
  const std::lock_guard<std::mutex> lock(sleepers_mutex);
  sleepers.erase(std::remove(sleepers.begin(), sleepers.end(), loop), sleepers.end());
}

}  // namespace

Napi::Function RingHandle::Define(Napi::Env env) {
  return DefineClass(env, "NativeRing",
                     {
                         InstanceMethod<&RingHandle::SetUp>("setUp"),
                         InstanceMethod<&RingHandle::Allocate>("allocate"),
                         InstanceMethod<&RingHandle::RegisterBufferRing>("registerBufferRing"),
                         InstanceMethod<&RingHandle::Start>("start"),
                         InstanceMethod<&RingHandle::Submit>("submit"),
                         InstanceMethod<&RingHandle::Wake>("wake"),
                         InstanceMethod<&RingHandle::Reference>("reference"),
                         InstanceMethod<&RingHandle::Unreference>("unreference"),
                         InstanceMethod<&RingHandle::Close>("close"),
                     });
}

RingHandle::RingHandle(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<RingHandle>(info) {}

RingHandle::~RingHandle() {
  // Deno finalizes objects before it calls clean-up hooks.
  if (open_) OnEnvironmentEnd(this);
  if (control_memory_ != nullptr) control_memory_->Release();
  if (descriptors_ != nullptr) descriptors_->Release();
}

Napi::Value RingHandle::SetUp(const Napi::CallbackInfo& info) {
  // Values and no object: reading properties fails, fatally, in a worker that is being terminated.
  const auto number = [&info](size_t index) {
    return info[index].As<Napi::Number>().Uint32Value();
  };
  threaded_ = info[0].As<Napi::Boolean>().Value();
  RingOptions ring_options;
  // An I/O thread takes from a ring of its own, which has half as many entries.
  ring_options.submission_entries = number(1) * (threaded_ ? 2 : 1);
  ring_options.completion_entries = number(2);
  ring_options.withheld_flags = number(3);
  ring_options.start_disabled = threaded_;
  int result = ring_.SetUp(ring_options);
  if (result == 0) {
    control_memory_ = MemoryRegion::Map(4096);
    descriptors_ = MemoryRegion::Map(kDescriptorLimit / 8);
    if (control_memory_ == nullptr || descriptors_ == nullptr) {
      ring_.Close();
      result = -ENOMEM;
    } else {
      control_ = ControlBlock(control_memory_->base());
    }
  }
  return Napi::Number::New(info.Env(), result);
}

Napi::Value RingHandle::Allocate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto bytes = static_cast<size_t>(info[0].As<Napi::Number>().Int64Value());
  MemoryRegion* region = MemoryRegion::Map(bytes, owner_);
  if (region == nullptr) {
    // A ring that has not started is of no use without its buffers: it goes now, not when it is collected.
    if (!open_) ring_.Close();
    return Napi::Number::New(env, -ENOMEM);
  }
  // Two owners: the handle, and the ArrayBuffer's memory, wherever the ArrayBuffer is transferred
  // to. Neither can be made while the environment is being terminated.
  const auto release = [](napi_env, void* data, void*) {
    static_cast<MemoryRegion*>(data)->Release();
  };
  napi_value handle;
  if (napi_create_external(env, region, release, nullptr, &handle) != napi_ok) {
    region->Release();
    return env.Undefined();
  }
  region->Retain();
  napi_value buffer;
  if (napi_create_external_arraybuffer(
          env, region->base(), bytes,
          [](napi_env, void*, void* hint) { static_cast<MemoryRegion*>(hint)->Release(); }, region,
          &buffer) != napi_ok) {
    region->Release();
    return Napi::Number::New(env, -ENOTSUP);
  }
  const auto address = reinterpret_cast<uint64_t>(region->base());
  Napi::Object result = Napi::Object::New(env);
  result.Set("buffer", Napi::Value(env, buffer));
  result.Set("addressLow", static_cast<uint32_t>(address));
  result.Set("addressHigh", static_cast<uint32_t>(address >> 32));
  result.Set("handle", Napi::Value(env, handle));
  return result;
}

Napi::Value RingHandle::RegisterBufferRing(const Napi::CallbackInfo& info) {
  MemoryRegion* region = info[0].As<Napi::External<MemoryRegion>>().Data();
  const int result = ring_.RegisterBufferRing(
      region, info[1].As<Napi::Number>().Uint32Value(),
      static_cast<uint16_t>(info[2].As<Napi::Number>().Uint32Value()),
      static_cast<uint16_t>(info[3].As<Napi::Number>().Uint32Value()));
  // Of no use without its buffers: what it locks goes back now, not when it is collected.
  if (result < 0) ring_.Close();
  return Napi::Number::New(info.Env(), result);
}

Napi::Value RingHandle::Start(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  dispatch_ = Napi::Persistent(info[0].As<Napi::Function>());
  const int error = threaded_ ? StartThread() : StartLoop(info[1].As<Napi::Boolean>());
  if (error != 0) {
    // Now and not when this object is collected: what is short may be what they hold.
    thread_.reset();
    loop_.reset();
    if (async_context_ != nullptr) napi_async_destroy(env, async_context_);
    async_context_ = nullptr;
    dispatch_.Reset();
    ring_.Close();
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
      loop, &ring_, control_,
      sleeps ? LoopDispatcher::Wake::kRing : LoopDispatcher::Wake::kEventfd,
      [](void* context) { return static_cast<RingHandle*>(context)->CallDispatch(); }, this);
  if (sleeps && (error != 0 || loop_->wake() != LoopDispatcher::Wake::kRing)) ReleaseSleeper(loop);
  if (error == 0 && loop_->wake() == LoopDispatcher::Wake::kRing) sleeping_in_ = loop;
  return error;
}

int RingHandle::StartThread() {
  const Napi::String name = Napi::String::New(Env(), "proactor");
  const auto call = [](napi_env env, napi_value, void* context, void*) {
    auto* self = static_cast<RingHandle*>(context);
    if (env == nullptr || !self->open_) return;
    timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    self->control_.Set(kNowMs, static_cast<int32_t>(static_cast<uint32_t>(
                                   now.tv_sec * 1000 + now.tv_nsec / 1000000)));
    const bool alive = self->CallDispatch();
    // The batch's budget was spent: let the event loop turn, then go on.
    if (alive && self->open_ && self->thread_->EndDispatch()) {
      napi_call_threadsafe_function(self->threadsafe_function_, nullptr, napi_tsfn_nonblocking);
    }
  };
  if (napi_create_threadsafe_function(Env(), nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                      call, &threadsafe_function_) != napi_ok) {
    return -EAGAIN;
  }
  napi_unref_threadsafe_function(Env(), threadsafe_function_);
  thread_ = std::make_unique<ThreadDispatcher>();
  const int error = thread_->Start(
      &ring_, control_,
      [](void* function) {
        napi_call_threadsafe_function(static_cast<napi_threadsafe_function>(function), nullptr,
                                      napi_tsfn_nonblocking);
      },
      threadsafe_function_);
  if (error != 0) napi_release_threadsafe_function(threadsafe_function_, napi_tsfn_abort);
  return error;
}

Napi::Value RingHandle::ExposeBuffer(void* base, size_t bytes) {
  napi_value buffer = nullptr;
  napi_create_external_arraybuffer(Env(), base, bytes, nullptr, nullptr, &buffer);
  const Napi::ArrayBuffer result(Env(), buffer);
  exposed_.push_back(Napi::Persistent(result));
  return result;
}

void RingHandle::Expose(Napi::Object* result) {
  const auto number = [](uint32_t value) { return static_cast<double>(value); };
  result->Set("control", ExposeBuffer(control_memory_->base(), kControlBytes));
  result->Set("descriptors", ExposeBuffer(descriptors_->base(), descriptors_->size()));
  if (threaded_) {
    result->Set("submissions",
                ExposeBuffer(thread_->submissions()->base(), thread_->submissions()->size()));
    result->Set("completions",
                ExposeBuffer(thread_->completions()->base(), thread_->completions()->size()));
    result->Set("submissionEntries", number(thread_->submission_entries()));
    result->Set("completionEntries", number(thread_->completion_entries()));
  } else {
    result->Set("submissions", ExposeBuffer(ring_.submission_memory(), ring_.submission_bytes()));
    result->Set("completions", ExposeBuffer(ring_.ring_memory(), ring_.ring_bytes()));
    result->Set("submissionEntries", number(ring_.submission_entries()));
    result->Set("completionEntries", number(ring_.completion_entries()));
    result->Set("submissionHeadOffset", number(ring_.submission_head_offset()));
    result->Set("completionHeadOffset", number(ring_.completion_head_offset()));
    result->Set("completionTailOffset", number(ring_.completion_tail_offset()));
    result->Set("completionsOffset", number(ring_.completion_entries_offset()));
    result->Set("sleepsInRing", loop_->wake() == LoopDispatcher::Wake::kRing);
  }
  result->Set("setupFlags", number(ring_.setup_flags()));
  result->Set("features", number(ring_.features()));
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
  bool alive = true;
  if (status != napi_ok) {
    napi_value error;
    // A handler threw. The rest of its batch is still in the queue and is dispatched next, unless
    // the process or worker ends over it. Without an exception JavaScript was stopped from outside.
    if (status == napi_pending_exception &&
        napi_get_and_clear_last_exception(env, &error) == napi_ok && error != nullptr) {
      alive = napi_fatal_exception(env, error) == napi_ok;
    } else {
      alive = false;
    }
  }
  dispatching_ = false;
  if (close_pending_) BeginClose(drain_ms_);
  napi_close_handle_scope(env, scope);
  return alive;
}

Napi::Value RingHandle::Submit(const Napi::CallbackInfo& info) {
  if (!open_) return Napi::Number::New(info.Env(), -EBADF);
  if (threaded_) {
    thread_->SubmitAndWaitForRoom();
    return Napi::Number::New(info.Env(), 0);
  }
  return Napi::Number::New(info.Env(), loop_->Submit());
}

Napi::Value RingHandle::Wake(const Napi::CallbackInfo& info) {
  if (open_ && threaded_) thread_->Wake();
  return info.Env().Undefined();
}

Napi::Value RingHandle::Reference(const Napi::CallbackInfo& info) {
  if (open_ && threaded_) {
    napi_ref_threadsafe_function(Env(), threadsafe_function_);
    control_.Set(kLoopReferenced, 1);
  } else if (open_) {
    loop_->Reference();
  }
  return info.Env().Undefined();
}

Napi::Value RingHandle::Unreference(const Napi::CallbackInfo& info) {
  if (open_ && threaded_) {
    napi_unref_threadsafe_function(Env(), threadsafe_function_);
    control_.Set(kLoopReferenced, 0);
  } else if (open_) {
    loop_->UpdateReference();
  }
  return info.Env().Undefined();
}

Napi::Value RingHandle::Close(const Napi::CallbackInfo& info) {
  if (open_ && !close_pending_) {
    closed_ = Napi::Persistent(info[1].As<Napi::Function>());
    drain_ms_ = info[0].As<Napi::Number>().Uint32Value();
    // The batch that is being dispatched lies in the memory that goes with the ring.
    close_pending_ = dispatching_;
    if (!close_pending_) BeginClose(drain_ms_);
  }
  return info.Env().Undefined();
}

void RingHandle::OnEnvironmentEnd(void* argument) {
  auto* self = static_cast<RingHandle*>(argument);
  self->environment_ending_ = true;
  if (self->open_) self->BeginClose(kEnvironmentEndDrainMs);
}

void RingHandle::BeginClose(uint32_t drain_ms) {
  open_ = false;
  close_pending_ = false;
  if (sleeping_in_ != nullptr) ReleaseSleeper(sleeping_in_);
  sleeping_in_ = nullptr;
  if (threaded_) {
    const uint32_t leaked = thread_->Stop(drain_ms);
    napi_release_threadsafe_function(threadsafe_function_, napi_tsfn_abort);
    FinishClose(leaked);
    return;
  }
  loop_->Close(drain_ms, [](void* context) {
    auto* self = static_cast<RingHandle*>(context);
    self->FinishClose(self->loop_->leaked_operations());
  });
}

void RingHandle::FinishClose(uint32_t leaked) {
  const Napi::Env env = Env();
  const Napi::HandleScope scope(env);
  if (leaked != 0) owner_->Abandon();
  if (!environment_ending_) {
    // Unmapped memory must not stay within JavaScript's reach.
    for (auto& buffer : exposed_) buffer.Value().Detach();
  }
  exposed_.clear();
  CloseOwnedDescriptors();
  // Now and not with this object, whose end is the garbage collector's to choose.
  thread_.reset();
  ring_.Close(leaked != 0);
  if (async_context_ != nullptr) napi_async_destroy(env, async_context_);
  async_context_ = nullptr;
  if (threaded_) {
    napi_remove_env_cleanup_hook(env, OnEnvironmentEnd, this);
  } else {
    napi_remove_async_cleanup_hook(async_cleanup_hook_);
  }
  async_cleanup_hook_ = nullptr;
  dispatch_.Reset();
  if (!environment_ending_) {
    const Napi::Function closed = closed_.Value();
    closed_.Reset();
    Unref();
    closed.Call({Napi::Number::New(env, leaked)});
  }
}

// Streams and acceptors that JavaScript did not get to close: their peers see the end now, not when
// the process ends.
void RingHandle::CloseOwnedDescriptors() {
  const auto* words = static_cast<const uint64_t*>(descriptors_->base());
  for (uint32_t word = 0; word < kDescriptorLimit / 64; ++word) {
    for (uint64_t bits = words[word]; bits != 0; bits &= bits - 1) {
      CloseDescriptor(static_cast<int>(word * 64 + static_cast<uint32_t>(__builtin_ctzll(bits))));
    }
  }
}

}  // namespace proactor
