// The addon's export list: what TypeScript's lib/ring/binding.ts declares. Arguments come checked
// from there; results are numbers >= 0 or -errno.
#include <napi.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "memory.h"
#include "probe.h"
#include "ring_handle.h"
#include "shared_layout.h"
#include "socket_calls.h"

namespace proactor {

namespace {

int32_t Integer(const Napi::Value& value) { return value.As<Napi::Number>().Int32Value(); }

Napi::Value Result(const Napi::CallbackInfo& info, int result) {
  return Napi::Number::New(info.Env(), result);
}

Napi::Value Probe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const ProbeResult probe = ProbeKernel();
  Napi::Object result = Napi::Object::New(env);
  result.Set("error", probe.error);
  result.Set("failedCall", probe.failed_call);
  result.Set("features", static_cast<double>(probe.features));
  result.Set("setupFlags", static_cast<double>(probe.setup_flags));
  result.Set("operations",
             Napi::Buffer<uint8_t>::Copy(env, probe.operations, probe.operation_count));
  result.Set("bufferRing", probe.buffer_ring);
  result.Set("incremental", probe.incremental);
  result.Set("multishotReceive", probe.multishot_receive);
  result.Set("multishotTimeout", probe.multishot_timeout);
  result.Set("loopDispatch", LoopDispatcher::Supported());
  return result;
}

// Enters a new descriptor into the ring's set, if there is one: a worker may be terminated before
// its JavaScript runs again.
Napi::Value Entered(const Napi::CallbackInfo& info, int fd, const Napi::Value& set) {
  if (fd >= 0 && static_cast<uint32_t>(fd) < kDescriptorLimit && set.IsTypedArray()) {
    uint8_t* bits = set.As<Napi::Uint8Array>().Data();
    bits[fd >> 3] = static_cast<uint8_t>(bits[fd >> 3] | 1 << (fd & 7));
  }
  return Result(info, fd);
}

Napi::Value Open(const Napi::CallbackInfo& info) {
  const int fd = OpenSocket(Integer(info[0]), Integer(info[1]), Integer(info[2]));
  return Entered(info, fd, info[3]);
}

Napi::Value Duplicate(const Napi::CallbackInfo& info) {
  return Entered(info, DuplicateSocket(Integer(info[0])), info[1]);
}

Napi::Value Readable(const Napi::CallbackInfo& info) {
  return Result(info, IsReadable(Integer(info[0])));
}

Napi::Value Bind(const Napi::CallbackInfo& info) {
  const auto address = info[1].As<Napi::Uint8Array>();
  return Result(info, BindSocket(Integer(info[0]), address.Data(),
                                 static_cast<size_t>(Integer(info[2]))));
}

Napi::Value Listen(const Napi::CallbackInfo& info) {
  return Result(info, ListenSocket(Integer(info[0]), Integer(info[1])));
}

Napi::Value Shutdown(const Napi::CallbackInfo& info) {
  return Result(info, ShutdownSocket(Integer(info[0]), Integer(info[1])));
}

Napi::Value Send(const Napi::CallbackInfo& info) {
  const auto data = info[1].As<Napi::Uint8Array>();
  return Result(info, TrySend(Integer(info[0]), data.Data(), data.ByteLength()));
}

Napi::Value SendSeveral(const Napi::CallbackInfo& info) {
  constexpr uint32_t kPiecesMax = 64;
  iovec pieces[kPiecesMax];
  const auto list = info[1].As<Napi::Array>();
  const uint32_t count = std::min(list.Length(), kPiecesMax);
  for (uint32_t i = 0; i < count; ++i) {
    auto piece = list.Get(i).As<Napi::Uint8Array>();
    pieces[i].iov_base = piece.Data();
    pieces[i].iov_len = piece.ByteLength();
  }
  return Result(info, TrySendSeveral(Integer(info[0]), pieces, count));
}

Napi::Value Reset(const Napi::CallbackInfo& info) {
  return Result(info, IsReset(Integer(info[0])));
}

Napi::Value Receive(const Napi::CallbackInfo& info) {
  auto data = info[1].As<Napi::Uint8Array>();
  return Result(info, TryReceive(Integer(info[0]), data.Data(), data.ByteLength()));
}

Napi::Value SetOption(const Napi::CallbackInfo& info) {
  return Result(info, SetIntegerOption(Integer(info[0]), Integer(info[1]), Integer(info[2]),
                                       Integer(info[3])));
}

// An option's value may be negative, so an error comes as undefined.
Napi::Value GetOption(const Napi::CallbackInfo& info) {
  int value = 0;
  const int error = GetIntegerOption(Integer(info[0]), Integer(info[1]), Integer(info[2]), &value);
  return error < 0 ? info.Env().Undefined() : Result(info, value);
}

Napi::Value Linger(const Napi::CallbackInfo& info) {
  return Result(info, SetLinger(Integer(info[0]), info[1].As<Napi::Boolean>(), Integer(info[2])));
}

Napi::Value LocalAddress(const Napi::CallbackInfo& info) {
  auto address = info[1].As<Napi::Uint8Array>();
  return Result(info, GetLocalAddress(Integer(info[0]), address.Data(), address.ByteLength()));
}

Napi::Value PeerAddress(const Napi::CallbackInfo& info) {
  auto address = info[1].As<Napi::Uint8Array>();
  return Result(info, GetPeerAddress(Integer(info[0]), address.Data(), address.ByteLength()));
}

Napi::Value CloseNow(const Napi::CallbackInfo& info) {
  return Result(info, CloseDescriptor(Integer(info[0])));
}

Napi::Value Encode(const Napi::CallbackInfo& info) {
  const std::string text = info[0].As<Napi::String>();
  auto address = info[2].As<Napi::Uint8Array>();
  return Result(info, EncodeAddress(text.c_str(), static_cast<uint16_t>(Integer(info[1])),
                                    address.Data(), address.ByteLength()));
}

// decodeAddress(bytes, length) -> { family: 4 | 6, address, port } or undefined
Napi::Value Decode(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto bytes = info[0].As<Napi::Uint8Array>();
  std::string text;
  uint16_t port = 0;
  const int family =
      DecodeAddress(bytes.Data(), static_cast<size_t>(Integer(info[1])), &text, &port);
  if (family == 0) return env.Undefined();
  Napi::Object result = Napi::Object::New(env);
  result.Set("family", family == AF_INET ? 4 : 6);
  result.Set("address", text);
  result.Set("port", static_cast<double>(port));
  return result;
}

Napi::Value MappedBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(MemoryRegion::mapped_bytes()));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("NativeRing", RingHandle::Define(env));
  exports.Set("probe", Napi::Function::New<Probe>(env, "probe"));
  exports.Set("openSocket", Napi::Function::New<Open>(env, "openSocket"));
  exports.Set("duplicate", Napi::Function::New<Duplicate>(env, "duplicate"));
  exports.Set("isReadable", Napi::Function::New<Readable>(env, "isReadable"));
  exports.Set("bind", Napi::Function::New<Bind>(env, "bind"));
  exports.Set("listen", Napi::Function::New<Listen>(env, "listen"));
  exports.Set("shutdown", Napi::Function::New<Shutdown>(env, "shutdown"));
  exports.Set("trySend", Napi::Function::New<Send>(env, "trySend"));
  exports.Set("trySendSeveral", Napi::Function::New<SendSeveral>(env, "trySendSeveral"));
  exports.Set("isReset", Napi::Function::New<Reset>(env, "isReset"));
  exports.Set("tryReceive", Napi::Function::New<Receive>(env, "tryReceive"));
  exports.Set("setOption", Napi::Function::New<SetOption>(env, "setOption"));
  exports.Set("getOption", Napi::Function::New<GetOption>(env, "getOption"));
  exports.Set("setLinger", Napi::Function::New<Linger>(env, "setLinger"));
  exports.Set("localAddress", Napi::Function::New<LocalAddress>(env, "localAddress"));
  exports.Set("peerAddress", Napi::Function::New<PeerAddress>(env, "peerAddress"));
  exports.Set("closeDescriptor", Napi::Function::New<CloseNow>(env, "closeDescriptor"));
  exports.Set("encodeAddress", Napi::Function::New<Encode>(env, "encodeAddress"));
  exports.Set("decodeAddress", Napi::Function::New<Decode>(env, "decodeAddress"));
  exports.Set("mappedBytes", Napi::Function::New<MappedBytes>(env, "mappedBytes"));
  return exports;
}

}  // namespace

}  // namespace proactor

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) {
  return proactor::Init(env, exports);
}

NODE_API_MODULE(proactor, InitAddon)
