// How load generators wait for their connections: edge-triggered epoll. Knows nothing of what is sent.
#ifndef PROACTOR_BENCH_POLLER_H_
#define PROACTOR_BENCH_POLLER_H_

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "support.h"

class Poller {
 public:
  Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) Fail(kExitFailure, "epoll_create1: %s", strerror(errno));
  }

  // Events of the socket are those of `index`, until it is closed. It is always watched for bytes and the peer's end,
  // for room only if `for_room` says so.
  void Watch(int socket, size_t index, bool for_room) {
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    if (for_room) event.events |= EPOLLOUT;
    event.data.u64 = index;
    if (epoll_ctl(fd_, EPOLL_CTL_ADD, socket, &event) != 0) {
      Fail(kExitFailure, "epoll_ctl: %s", strerror(errno));
    }
  }

  // Waits for a second at most and calls handle(index, peer_ended) for each socket that has something. With
  // `peer_ended` only reading to the end shows all there is: a short read has not emptied the socket.
  template <typename Handler>
  void Wait(Handler handle) {
    epoll_event events[kEventsPerWait];
    const int count = epoll_wait(fd_, events, kEventsPerWait, 1000);
    for (int i = 0; i < count; i++) {
      handle(events[i].data.u64, (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
    }
  }

 private:
  static constexpr int kEventsPerWait = 1024;

  const int fd_;
};

#endif  // PROACTOR_BENCH_POLLER_H_
