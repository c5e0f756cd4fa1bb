#include "ring_handle.h"

#include "sleepers.h"
#include "socket_calls.h"

#include <cerrno>
#include <utility>

namespace proactor {

namespace {

// How long the end of an environment waits for the kernel to give operations back.
constexpr uint32_t kEnvironmentEndDrainMs = 2000;

uint32_t Number(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Uint32Value();
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
                         InstanceMethod<&RingHandle::ContinueDispatch>("continueDispatch"),
                         InstanceMethod<&RingHandle::Wake>("wake"),
                         InstanceMethod<&RingHandle::Perform>("perform"),
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
  if (live_ != nullptr) live_->Release();
}

Napi::Value RingHandle::SetUp(const Napi::CallbackInfo& info) {
  // Values and no object: reading properties fails, fatally, in a worker that is being terminated.
  threaded_ = info[0].As<Napi::Boolean>().Value();
  RingOptions ring_options;
  // An I/O thread takes from a ring of its own, which has half as many entries.
  ring_options.submission_entries = Number(info, 1) * (threaded_ ? 2 : 1);
  ring_options.completion_entries = Number(info, 2);
  ring_options.withheld_flags = Number(info, 3);
  ring_options.start_disabled = threaded_;
  int result = ring_->SetUp(ring_options);
  if (result == 0) {
    control_memory_ = MemoryRegion::Map(4096);
    descriptors_ = MemoryRegion::Map(kDescriptorLimit / 8);
    live_ = MemoryRegion::Map(kSlotLimit * sizeof(int32_t));
    if (control_memory_ == nullptr || descriptors_ == nullptr || live_ == nullptr) {
      ring_->Close();
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
    if (!open_) ring_->Close();
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
  const int result = ring_->RegisterBufferRing(region, Number(info, 1),
                                               static_cast<uint16_t>(Number(info, 2)),
                                               static_cast<uint16_t>(Number(info, 3)));
  // Of no use without its buffers: what it locks goes back now, not when it is collected.
  if (result < 0) ring_->Close();
  return Napi::Number::New(info.Env(), result);
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
  result->Set("live", ExposeBuffer(live_->base(), live_->size()));
  if (threaded_) {
    result->Set("submissions",
                ExposeBuffer(thread_->submissions()->base(), thread_->submissions()->size()));
    result->Set("completions",
                ExposeBuffer(thread_->completions()->base(), thread_->completions()->size()));
    result->Set("submissionEntries", number(thread_->submission_entries()));
    result->Set("completionEntries", number(thread_->completion_entries()));
  } else {
    result->Set("submissions", ExposeBuffer(ring_->submission_memory(), ring_->submission_bytes()));
    result->Set("completions", ExposeBuffer(ring_->ring_memory(), ring_->ring_bytes()));
    result->Set("submissionEntries", number(ring_->submission_entries()));
    result->Set("completionEntries", number(ring_->completion_entries()));
    result->Set("submissionHeadOffset", number(ring_->submission_head_offset()));
    result->Set("completionHeadOffset", number(ring_->completion_head_offset()));
    result->Set("completionTailOffset", number(ring_->completion_tail_offset()));
    result->Set("completionsOffset", number(ring_->completion_entries_offset()));
    result->Set("sleepsInRing", loop_->wake() == LoopDispatcher::Wake::kRing);
  }
  result->Set("setupFlags", number(ring_->setup_flags()));
  result->Set("features", number(ring_->features()));
}

Napi::Value RingHandle::Submit(const Napi::CallbackInfo& info) {
  if (!open_) return Napi::Number::New(info.Env(), -EBADF);
  if (threaded_) {
    thread_->SubmitAndWaitForRoom(Number(info, 0));
    return Napi::Number::New(info.Env(), 0);
  }
  return Napi::Number::New(info.Env(), loop_->Submit(Number(info, 0)));
}

Napi::Value RingHandle::Wake(const Napi::CallbackInfo& info) {
  if (open_ && threaded_) thread_->Wake();
  return info.Env().Undefined();
}

Napi::Value RingHandle::Perform(const Napi::CallbackInfo& info) {
  const bool can = open_ && threaded_;
  return Napi::Number::New(info.Env(), can ? thread_->Perform(Number(info, 0)) : -EAGAIN);
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
    drain_ms_ = Number(info, 0);
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
  // Streams and acceptors that JavaScript did not get to close: their peers see the end now, not when
  // the process ends.
  CloseDescriptors(descriptors_->base(), kDescriptorLimit);
  // Now and not with this object, whose end is the garbage collector's to choose.
  if (thread_ != nullptr && thread_->abandoned()) {
    LeaveToThread();
  } else {
    thread_.reset();
    ring_->Close(leaked != 0);
  }
  if (threaded_) {
    napi_remove_env_cleanup_hook(env, OnEnvironmentEnd, this);
  } else {
    napi_async_destroy(env, async_context_);
    napi_remove_async_cleanup_hook(async_cleanup_hook_);
  }
  dispatch_.Reset();
  continue_later_.Reset();
  if (!environment_ending_) {
    Unref();
    closed_.Value().Call({Napi::Number::New(env, leaked)});
    closed_.Reset();
  }
}

// A thread that is stuck in the kernel goes on with these whenever it gets out: they are nobody else's
// any more, and nobody's to free.
void RingHandle::LeaveToThread() {
  thread_.release();
  ring_.release();
  ring_ = std::make_unique<Ring>();
  control_memory_ = descriptors_ = live_ = nullptr;
}

}  // namespace proactor
