#include "trial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace {

constexpr time_t kConnectSecondsMax = 10;

// The port is left to connect(), which knows both ends and so may take one that another connection has, too.
void BindTo(int fd, uint32_t source) {
  const int one = 1;
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(source);
  if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) != 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    Fail(kExitFailure, "bind: %s", strerror(errno));
  }
}

}  // namespace

uint64_t NowNs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecondNs + static_cast<uint64_t>(now.tv_nsec);
}

int ConnectTo(const Address& address, uint32_t source) {
  const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) Fail(kExitFailure, "socket: %s", strerror(errno));
  const int one = 1;
  const timeval timeout = {kConnectSecondsMax, 0};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);  // bounds connect() as well
  if (source != 0) BindTo(fd, source);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0) {
    Fail(kExitFailure, "connect: %s", strerror(errno));
  }
  return fd;
}

void Trial::Start(double seconds) {
  histogram_.Reset();
  units_ = units_in_time_ = 0;
  cpu_start_ns_ = NowNs(CLOCK_PROCESS_CPUTIME_ID);
  start_ns_ = NowNs();
  deadline_ns_ = start_ns_ + static_cast<uint64_t>(seconds * kSecondNs);
}

void Trial::End() {
  end_ns_ = NowNs();
  cpu_ns_ = NowNs(CLOCK_PROCESS_CPUTIME_ID) - cpu_start_ns_;
}

void Trial::Print() const {
  printf("{\"units\":%zu,\"unitsWithDrain\":%zu,", units_in_time_, units_);
  printf("\"seconds\":%.9f,\"secondsWithDrain\":%.9f,",
         static_cast<double>(deadline_ns_ - start_ns_) / kSecondNs,
         static_cast<double>(end_ns_ - start_ns_) / kSecondNs);
  printf("\"latencyNs\":{\"p50\":%lu,\"p90\":%lu,\"p99\":%lu,\"p999\":%lu,\"max\":%lu},",
         histogram_.Percentile(0.5), histogram_.Percentile(0.9), histogram_.Percentile(0.99),
         histogram_.Percentile(0.999), histogram_.max());
  printf("\"generatorCpuNs\":%lu,\"errors\":%zu,\"firstError\":\"%s\"}\n", cpu_ns_, errors_,
         first_error_.c_str());
  fflush(stdout);
}
