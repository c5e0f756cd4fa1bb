#include "support.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <algorithm>

namespace {

constexpr int kBacklog = 4096;

bool Contains(std::initializer_list<const char*> names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void Fail(int exit_code, const char* format, ...) {
  fprintf(stderr, "%s: ", program_invocation_short_name);
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(exit_code);
}

Options::Options(int argc, char** argv, std::initializer_list<const char*> names,
                 std::initializer_list<const char*> flags) {
  for (int i = 1; i < argc; i++) {
    const std::string name = argv[i];
    if (Contains(flags, name)) {
      values_[name] = "";
    } else if (!Contains(names, name)) {
      Fail(kExitUsage, "unknown option %s", argv[i]);
    } else if (++i == argc) {
      Fail(kExitUsage, "%s needs a value", name.c_str());
    } else {
      values_[name] = argv[i];
    }
  }
}

std::string Options::Text(const std::string& name, const std::string& fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : found->second;
}

long Options::Integer(const std::string& name, long fallback, long minimum, long maximum) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return fallback;
  char* end = nullptr;
  errno = 0;
  const long value = strtol(found->second.c_str(), &end, 10);
  if (errno != 0 || found->second.empty() || *end != '\0' || value < minimum || value > maximum) {
    Fail(kExitUsage, "%s must be an integer from %ld to %ld, not '%s'", name.c_str(), minimum,
         maximum, found->second.c_str());
  }
  return value;
}

double Options::Seconds(const std::string& name, double fallback) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return fallback;
  char* end = nullptr;
  const double value = strtod(found->second.c_str(), &end);
  if (found->second.empty() || *end != '\0' || !(value >= 0 && value <= 86400)) {
    Fail(kExitUsage, "%s must be seconds from 0 to 86400, not '%s'", name.c_str(),
         found->second.c_str());
  }
  return value;
}

Address ParseAddress(const std::string& host, long port) {
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    Fail(kExitUsage, "'%s' is not a numeric address", host.c_str());
  }
  Address address = {};
  memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  freeaddrinfo(found);
  return address;
}

Mode ModeOf(const Options& options) {
  const std::string mode = options.Text("--mode", "echo");
  if (mode == "echo") return Mode::kEcho;
  if (mode == "sink") return Mode::kSink;
  if (mode == "source") return Mode::kSource;
  Fail(kExitUsage, "--mode must be echo, sink or source, not '%s'", mode.c_str());
}

std::vector<char> SourceChunk(const Options& options) {
  const long bytes = options.Integer("--chunk", 65536, 8, static_cast<long>(kMebibyte));
  if ((bytes & (bytes - 1)) != 0) Fail(kExitUsage, "--chunk: not a power of two");
  std::vector<char> chunk(static_cast<size_t>(bytes));
  for (uint32_t i = 0; i < chunk.size() / sizeof i; i++) {
    const uint32_t word = (i + 1) * 0x9e3779b1;
    memcpy(&chunk[i * sizeof word], &word, sizeof word);
  }
  return chunk;
}

int Listen(const Address& address) {
  const int one = 1;
  const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) Fail(kExitFailure, "socket: %s", strerror(errno));
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0) {
    Fail(kExitFailure, "bind: %s", strerror(errno));
  }
  if (listen(fd, kBacklog) != 0) Fail(kExitFailure, "listen: %s", strerror(errno));
  return fd;
}

void AnnounceListening(int listener) {
  Address address = {};
  address.length = sizeof address.storage;
  auto* name = reinterpret_cast<sockaddr*>(&address.storage);
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (getsockname(listener, name, &address.length) != 0 ||
      getnameinfo(name, address.length, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    Fail(kExitFailure, "cannot tell the listening address: %s", strerror(errno));
  }
  const bool is_ipv6 = address.storage.ss_family == AF_INET6;
  printf(is_ipv6 ? "listening on [%s]:%s\n" : "listening on %s:%s\n", host, port);
  fflush(stdout);
}

int OpenStopSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) Fail(kExitFailure, "signalfd: %s", strerror(errno));
  return fd;
}

void RaiseDescriptorLimit() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}
