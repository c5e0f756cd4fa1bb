#include "socket_calls.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace proactor {

namespace {
int ResultOf(int result) { return result < 0 ? -errno : result; }
}  // namespace

int OpenSocket(int family, int type, int protocol) {
  return ResultOf(socket(family, type | SOCK_CLOEXEC, protocol));
}

int BindSocket(int fd, const void* address, size_t length) {
  return ResultOf(
      bind(fd, static_cast<const sockaddr*>(address), static_cast<socklen_t>(length)));
}

int DuplicateSocket(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) return -errno;
  return ResultOf(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

int IsReadable(int fd) {
  char byte;
  const ssize_t result = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return result < 0 && errno == EAGAIN ? 0 : 1;
}

bool ClosesAtOnce(int fd) {
  linger value{};
  socklen_t length = sizeof(value);
  if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &value, &length) != 0) return false;
  return value.l_onoff == 0 || value.l_linger == 0;
}

int ListenSocket(int fd, int backlog) { return ResultOf(listen(fd, backlog)); }

int ShutdownSocket(int fd, int how) { return ResultOf(shutdown(fd, how)); }

int TrySend(int fd, const void* data, size_t length, int flags) {
  return ResultOf(static_cast<int>(send(fd, data, length, flags | MSG_DONTWAIT | MSG_NOSIGNAL)));
}

int TrySendSeveral(int fd, const iovec* pieces, size_t count) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces);
  message.msg_iovlen = count;
  return ResultOf(static_cast<int>(sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)));
}

int IsReset(int fd) {
  tcp_info info{};
  socklen_t length = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
  return info.tcpi_state == TCP_CLOSE ? 1 : 0;
}

int TryReceive(int fd, void* data, size_t capacity) {
  return ResultOf(static_cast<int>(recv(fd, data, capacity, MSG_DONTWAIT)));
}

int SetIntegerOption(int fd, int level, int name, int value) {
  return ResultOf(setsockopt(fd, level, name, &value, sizeof(value)));
}

int GetIntegerOption(int fd, int level, int name, int* value) {
  socklen_t length = sizeof(*value);
  return ResultOf(getsockopt(fd, level, name, value, &length));
}

int SetLinger(int fd, bool enabled, int seconds) {
  const linger value{enabled ? 1 : 0, seconds};
  return ResultOf(setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof(value)));
}

int GetLocalAddress(int fd, void* address, size_t capacity) {
  socklen_t length = static_cast<socklen_t>(capacity);
  const int result = getsockname(fd, static_cast<sockaddr*>(address), &length);
  return result < 0 ? -errno : static_cast<int>(length);
}

int GetPeerAddress(int fd, void* address, size_t capacity) {
  socklen_t length = static_cast<socklen_t>(capacity);
  const int result = getpeername(fd, static_cast<sockaddr*>(address), &length);
  return result < 0 ? -errno : static_cast<int>(length);
}

int CloseDescriptor(int fd) { return ResultOf(close(fd)); }

void CloseDescriptors(const void* bits, uint32_t count) {
  const auto* words = static_cast<const uint64_t*>(bits);
  for (uint32_t word = 0; word < count / 64; ++word) {
    for (uint64_t left = words[word]; left != 0; left &= left - 1) {
      CloseDescriptor(static_cast<int>(word * 64 + static_cast<uint32_t>(__builtin_ctzll(left))));
    }
  }
}

int EncodeAddress(const char* text, uint16_t port, void* address, size_t capacity) {
  sockaddr_in v4{};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    if (capacity < sizeof(v4)) return -EINVAL;
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    memcpy(address, &v4, sizeof(v4));
    return sizeof(v4);
  }
  sockaddr_in6 v6{};
  std::string host(text);
  const size_t percent = host.find('%');
  if (percent != std::string::npos) {
    const std::string scope = host.substr(percent + 1);
    host.resize(percent);
    v6.sin6_scope_id = if_nametoindex(scope.c_str());
    if (v6.sin6_scope_id == 0) {
      char* end = nullptr;
      v6.sin6_scope_id = static_cast<uint32_t>(strtoul(scope.c_str(), &end, 10));
      if (scope.empty() || *end != '\0') return -EINVAL;
    }
  }
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) return -EINVAL;
  if (capacity < sizeof(v6)) return -EINVAL;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  memcpy(address, &v6, sizeof(v6));
  return sizeof(v6);
}

int DecodeAddress(const void* address, size_t length, std::string* text, uint16_t* port) {
  char buffer[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
  sa_family_t family = AF_UNSPEC;
  if (length < sizeof(family)) return 0;
  memcpy(&family, address, sizeof(family));
  if (family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in v4;
    memcpy(&v4, address, sizeof(v4));
    *text = inet_ntop(AF_INET, &v4.sin_addr, buffer, sizeof(buffer));
    *port = ntohs(v4.sin_port);
    return AF_INET;
  }
  if (family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6;
    memcpy(&v6, address, sizeof(v6));
    *text = inet_ntop(AF_INET6, &v6.sin6_addr, buffer, sizeof(buffer));
    char name[IF_NAMESIZE];
    if (v6.sin6_scope_id != 0) {
      const char* scope = if_indextoname(v6.sin6_scope_id, name);
      *text += '%';
      *text += scope != nullptr ? std::string(scope) : std::to_string(v6.sin6_scope_id);
    }
    *port = ntohs(v6.sin6_port);
    return AF_INET6;
  }
  return 0;
}

}  // namespace proactor
