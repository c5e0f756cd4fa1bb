// Immediate system calls of sockets, and addresses as text.
#include "socket_calls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "check.h"

using namespace proactor;

namespace {

struct Address {
  char bytes[128] = {};
  int length = 0;
};

Address Encoded(const char* text, uint16_t port) {
  Address address;
  address.length = EncodeAddress(text, port, address.bytes, sizeof(address.bytes));
  return address;
}

std::string Decoded(const Address& address) {
  std::string text;
  uint16_t port = 0;
  const int family =
      DecodeAddress(address.bytes, static_cast<size_t>(address.length), &text, &port);
  return std::to_string(family) + ' ' + text + ' ' + std::to_string(port);
}

}  // namespace

TEST(socket_calls, encode_and_decode_addresses) {
  CHECK_EQUAL(Decoded(Encoded("127.0.0.1", 80)), "2 127.0.0.1 80");
  CHECK_EQUAL(Decoded(Encoded("0.0.0.0", 0)), "2 0.0.0.0 0");
  CHECK_EQUAL(Decoded(Encoded("::1", 65535)), "10 ::1 65535");
  CHECK_EQUAL(Decoded(Encoded("2001:DB8:0:0::1", 1)), "10 2001:db8::1 1");
  CHECK_EQUAL(Decoded(Encoded("::ffff:1.2.3.4", 9)), "10 ::ffff:1.2.3.4 9");
  CHECK_EQUAL(Decoded(Encoded("fe80::1%lo", 5)), "10 fe80::1%lo 5");
  CHECK_EQUAL(Decoded(Encoded("fe80::1%1", 5)), "10 fe80::1%lo 5");
  CHECK_EQUAL(Decoded(Encoded("fe80::1%9999", 5)), "10 fe80::1%9999 5");
}

TEST(socket_calls, refuse_what_is_no_address) {
  for (const char* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4 ", ":::",
                           "fe80::1%", "fe80::1%nosuchinterface", "12345::", "1.2.3.4%lo"}) {
    CHECK_EQUAL(Encoded(text, 1).length, -EINVAL);
  }
  char small[8];
  CHECK_EQUAL(EncodeAddress("127.0.0.1", 1, small, sizeof(small)), -EINVAL);
  CHECK_EQUAL(EncodeAddress("::1", 1, small, sizeof(small)), -EINVAL);
}

TEST(socket_calls, decode_nothing_from_other_families_and_short_ones) {
  std::string text;
  uint16_t port = 0;
  const Address v4 = Encoded("127.0.0.1", 80);
  CHECK_EQUAL(DecodeAddress(v4.bytes, 0, &text, &port), 0);
  CHECK_EQUAL(DecodeAddress(v4.bytes, 1, &text, &port), 0);
  CHECK_EQUAL(DecodeAddress(v4.bytes, 8, &text, &port), 0);
  const sa_family_t unix_family = AF_UNIX;
  char other[16] = {};
  memcpy(other, &unix_family, sizeof(unix_family));
  CHECK_EQUAL(DecodeAddress(other, sizeof(other), &text, &port), 0);
}

TEST(socket_calls, bind_listen_and_tell_addresses) {
  const int fd = OpenSocket(AF_INET, SOCK_STREAM, 0);
  CHECK(fd >= 0);
  CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
  Address address = Encoded("127.0.0.1", 0);
  CHECK_EQUAL(BindSocket(fd, address.bytes, static_cast<size_t>(address.length)), 0);
  CHECK_EQUAL(ListenSocket(fd, 10), 0);
  address.length = GetLocalAddress(fd, address.bytes, sizeof(address.bytes));
  CHECK_EQUAL(address.length, static_cast<int>(sizeof(sockaddr_in)));
  CHECK(Decoded(address) != "2 127.0.0.1 0");
  CHECK_EQUAL(GetPeerAddress(fd, address.bytes, sizeof(address.bytes)), -ENOTCONN);

  const int second = OpenSocket(AF_INET, SOCK_STREAM, 0);
  CHECK_EQUAL(BindSocket(second, address.bytes, static_cast<size_t>(address.length)), -EADDRINUSE);
  CHECK_EQUAL(CloseDescriptor(second), 0);
  CHECK_EQUAL(CloseDescriptor(fd), 0);
  CHECK_EQUAL(CloseDescriptor(fd), -EBADF);
}

TEST(socket_calls, duplicate_a_socket_that_blocks_then) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int second = DuplicateSocket(fd);
  CHECK(second >= 0 && second != fd);
  CHECK((fcntl(second, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((fcntl(second, F_GETFL) & O_NONBLOCK) == 0);
  CHECK_EQUAL(SetIntegerOption(second, IPPROTO_TCP, TCP_NODELAY, 1), 0);
  int value = 0;
  CHECK_EQUAL(GetIntegerOption(fd, IPPROTO_TCP, TCP_NODELAY, &value), 0);
  CHECK_EQUAL(value, 1);
  CHECK_EQUAL(CloseDescriptor(fd), 0);
  CHECK_EQUAL(DuplicateSocket(fd), -EBADF);
  CHECK_EQUAL(CloseDescriptor(second), 0);
}

TEST(socket_calls, tell_whether_something_can_be_received) {
  int ends[2];
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  CHECK_EQUAL(IsReadable(ends[0]), 0);
  CHECK_EQUAL(TrySend(ends[1], "x", 1), 1);
  CHECK_EQUAL(IsReadable(ends[0]), 1);
  CHECK_EQUAL(IsReadable(ends[0]), 1);
  char byte;
  CHECK_EQUAL(static_cast<int>(recv(ends[0], &byte, 1, 0)), 1);
  CHECK_EQUAL(IsReadable(ends[0]), 0);
  CHECK_EQUAL(CloseDescriptor(ends[1]), 0);
  CHECK_EQUAL(IsReadable(ends[0]), 1);
  CHECK_EQUAL(CloseDescriptor(ends[0]), 0);
}

TEST(socket_calls, tell_whether_a_close_waits) {
  const int fd = OpenSocket(AF_INET, SOCK_STREAM, 0);
  CHECK(ClosesAtOnce(fd));
  linger value{1, 0};
  CHECK_EQUAL(setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof(value)), 0);
  CHECK(ClosesAtOnce(fd));
  value.l_linger = 1;
  CHECK_EQUAL(setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof(value)), 0);
  CHECK(!ClosesAtOnce(fd));
  CHECK_EQUAL(CloseDescriptor(fd), 0);
  CHECK(!ClosesAtOnce(fd));
  const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK(!ClosesAtOnce(file));
  CHECK_EQUAL(CloseDescriptor(file), 0);
}

TEST(socket_calls, set_and_get_options) {
  const int fd = OpenSocket(AF_INET, SOCK_STREAM, 0);
  int value = -1;
  CHECK_EQUAL(GetIntegerOption(fd, IPPROTO_TCP, TCP_NODELAY, &value), 0);
  CHECK_EQUAL(value, 0);
  CHECK_EQUAL(SetIntegerOption(fd, IPPROTO_TCP, TCP_NODELAY, 1), 0);
  CHECK_EQUAL(GetIntegerOption(fd, IPPROTO_TCP, TCP_NODELAY, &value), 0);
  CHECK_EQUAL(value, 1);
  CHECK_EQUAL(SetIntegerOption(fd, 12345, 1, 1), -ENOPROTOOPT);
  CHECK_EQUAL(SetLinger(fd, true, 0), 0);
  CHECK_EQUAL(SetLinger(fd, false, 0), 0);
  CHECK_EQUAL(CloseDescriptor(fd), 0);
  CHECK_EQUAL(SetLinger(fd, true, 0), -EBADF);
  CHECK_EQUAL(OpenSocket(AF_INET, 77, 0), -EINVAL);
}
