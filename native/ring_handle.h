// A ring as TypeScript holds it: joins a Ring with one of the dispatchers, gives both their memory
// as ArrayBuffers, and ends them with close() or with the environment, whichever comes first.
// Everything here runs on the JavaScript thread except the post of a ThreadDispatcher.
#ifndef PROACTOR_RING_HANDLE_H_
#define PROACTOR_RING_HANDLE_H_

#include <napi.h>

#include <memory>
#include <vector>

#include "loop_dispatcher.h"
#include "memory.h"
#include "ring.h"
#include "thread_dispatcher.h"

namespace proactor {

class RingHandle : public Napi::ObjectWrap<RingHandle> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit RingHandle(const Napi::CallbackInfo& info);
  ~RingHandle() override;

 private:
  // setUp(threaded, submissionEntries, completionEntries, withheldFlags) -> 0 or -errno
  Napi::Value SetUp(const Napi::CallbackInfo& info);
  // allocate(bytes) -> { buffer, addressLow, addressHigh, handle } or -errno
  Napi::Value Allocate(const Napi::CallbackInfo& info);
  // registerBufferRing(handle, entries, group, flags) -> 0 or -errno; before start()
  Napi::Value RegisterBufferRing(const Napi::CallbackInfo& info);
  // start(dispatch, preferEventfd, continueLater) -> { control, submissions, completions, ... } or
  // -errno
  Napi::Value Start(const Napi::CallbackInfo& info);
  // submit(tail)
  Napi::Value Submit(const Napi::CallbackInfo& info);
  // continueDispatch(): in thread dispatch, what continueLater was called for
  Napi::Value ContinueDispatch(const Napi::CallbackInfo& info);
  Napi::Value Wake(const Napi::CallbackInfo& info);
  // perform(tail) -> a result, or -EAGAIN; in thread dispatch
  Napi::Value Perform(const Napi::CallbackInfo& info);
  Napi::Value Reference(const Napi::CallbackInfo& info);
  Napi::Value Unreference(const Napi::CallbackInfo& info);
  // close(drainMs, closed): every ArrayBuffer handed out over the rings is detached
  Napi::Value Close(const Napi::CallbackInfo& info);

  int StartLoop(bool prefer_eventfd);
  int StartThread();
  void DispatchPosted(bool is_turn);
  Napi::Value ExposeBuffer(void* base, size_t bytes);
  void Expose(Napi::Object* result);
  bool CallDispatch();
  bool Survives(napi_status status);
  void BeginClose(uint32_t drain_ms);
  void FinishClose(uint32_t leaked);
  void LeaveToThread();
  static void OnEnvironmentEnd(void* self);

  const uv_loop_t* sleeping_in_ = nullptr;  // the loop that sleeps in this ring
  // Not make_shared: it needs a function of libstdc++ that cxx_runtime.cc cannot stand in for.
  std::shared_ptr<MemoryOwner> owner_ = std::shared_ptr<MemoryOwner>(new MemoryOwner);
  std::unique_ptr<Ring> ring_ = std::make_unique<Ring>();
  MemoryRegion* control_memory_ = nullptr;
  ControlBlock control_;
  MemoryRegion* descriptors_ = nullptr;  // a bit for each descriptor to close with the ring
  MemoryRegion* live_ = nullptr;         // see LiveSlots
  std::unique_ptr<LoopDispatcher> loop_;
  std::unique_ptr<ThreadDispatcher> thread_;
  napi_threadsafe_function threadsafe_function_ = nullptr;
  napi_async_context async_context_ = nullptr;
  napi_async_cleanup_hook_handle async_cleanup_hook_ = nullptr;  // loop dispatch
  Napi::FunctionReference dispatch_;
  Napi::FunctionReference continue_later_;  // thread dispatch
  Napi::FunctionReference closed_;
  std::vector<Napi::Reference<Napi::ArrayBuffer>> exposed_;
  bool threaded_ = false;
  bool goes_on_ = false;          // thread dispatch: within the turn of the loop that began
  uint64_t turn_ends_ns_ = 0;     // when that has had its time
  bool dispatching_ = false;      // within JavaScript
  bool close_pending_ = false;    // close() was called there
  uint32_t drain_ms_ = 0;
  bool open_ = false;             // from start() until closing began
  bool environment_ending_ = false;
};

}  // namespace proactor

#endif  // PROACTOR_RING_HANDLE_H_
