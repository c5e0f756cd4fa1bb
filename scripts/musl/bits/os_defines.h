// Stands before libstdc++'s file of the same name, which asks glibc for its version: what that says of musl.
#pragma once

#include <features.h>

// isalnum and the like must not be macros.
#define __NO_CTYPE 1
// glibc's name of the type, in a header of libstdc++ that was made for glibc.
#define __locale_t locale_t
// musl has one library: threads are always there, and asking through weak symbols would find none.
#define _GLIBCXX_GTHREAD_USE_WEAK 0
#define _GLIBCXX_NATIVE_THREAD_ID pthread_self()
