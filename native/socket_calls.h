// The immediate system calls of sockets, and the text form of their addresses. Every function
// returns a result >= 0 or -errno and builds no error for a user: lib/errors.ts does.
#ifndef PROACTOR_SOCKET_CALLS_H_
#define PROACTOR_SOCKET_CALLS_H_

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace proactor {

// Blocking and close-on-exec: io_uring waits by itself, and only where O_NONBLOCK is not set.
int OpenSocket(int family, int type, int protocol);
int BindSocket(int fd, const void* address, size_t length);
int ListenSocket(int fd, int backlog);
// Another descriptor of the same socket, close-on-exec; from then on the socket blocks.
int DuplicateSocket(int fd);
// Whether something can be received at once, be it an end or an error: 1 or 0.
int IsReadable(int fd);
// Whether closing it waits for nothing: a socket that does not linger. A file may have to be written back.
bool ClosesAtOnce(int fd);
// SHUT_RD, SHUT_WR or SHUT_RDWR; a listening socket gives its address up.
int ShutdownSocket(int fd, int how);
// What the socket takes at once, without waiting: -EAGAIN if nothing.
int TrySend(int fd, const void* data, size_t length, int flags = 0);
// The same, of several pieces.
int TrySendSeveral(int fd, const iovec* pieces, size_t count);
// Whether a TCP connection is closed, by a reset unless both ends have ended it: 1 or 0.
int IsReset(int fd);
// What the socket has at once, without waiting: 0 at the end, -EAGAIN if nothing.
int TryReceive(int fd, void* data, size_t capacity);
int SetIntegerOption(int fd, int level, int name, int value);
int GetIntegerOption(int fd, int level, int name, int* value);
// Makes close(2) reset the connection instead of ending it.
int SetLinger(int fd, bool enabled, int seconds);
int GetLocalAddress(int fd, void* address, size_t capacity);
int GetPeerAddress(int fd, void* address, size_t capacity);
int CloseDescriptor(int fd);
// Closes those whose bits are set, of `count` bits.
void CloseDescriptors(const void* bits, uint32_t count);

// Writes a sockaddr_in or sockaddr_in6 and returns its length; -EINVAL if `text` is no numeric
// address. An IPv6 scope ("fe80::1%eth0", "fe80::1%2") is resolved.
int EncodeAddress(const char* text, uint16_t port, void* address, size_t capacity);
// Returns the family (AF_INET, AF_INET6) or 0 for one that has no numeric text here.
int DecodeAddress(const void* address, size_t length, std::string* text, uint16_t* port);

}  // namespace proactor

#endif  // PROACTOR_SOCKET_CALLS_H_
