// What a load's bytes go through: the socket as it is, or TLS on it. A load that can do both is compiled twice, so
// that the plain one pays for nothing and needs no library.
//
// Both kinds have the same members. Receive and Send are recv() and send() that never wait: they return what those
// return, with EAGAIN where the socket has nothing or no room.
#ifndef PROACTOR_BENCH_CHANNEL_H_
#define PROACTOR_BENCH_CHANNEL_H_

#ifdef PROACTOR_BENCH_TLS
#include "tls_channel.h"
#else
#include "plain_channel.h"
#endif

#endif  // PROACTOR_BENCH_CHANNEL_H_
