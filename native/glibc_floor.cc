// Lets the binary load on glibc 2.28 when it was linked with a newer one: functions that moved from
// libpthread to libc got new versions (2.32, 2.34) without changing, and libstdc++'s headers refer
// to a newer symbol. The hidden definitions here satisfy those references and go on to the old
// versions. scripts/check-binary.mjs names what is missing here. Sanitizer builds must not have this
// file: it would hide calls from them.
#include <features.h>

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 32)

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#if defined(__x86_64__)
#define PROACTOR_BASE "GLIBC_2.2.5"
#define PROACTOR_SETNAME_BASE "GLIBC_2.12"
#elif defined(__aarch64__)
#define PROACTOR_BASE "GLIBC_2.17"
#define PROACTOR_SETNAME_BASE "GLIBC_2.17"
#else
#error "name the first glibc version of this architecture"
#endif

#define PROACTOR_FORWARD(version, name, parameters, arguments) \
  int Old_##name parameters;                                   \
  __asm__(".symver Old_" #name ", " #name "@" version);        \
  int name parameters { return Old_##name arguments; }

extern "C" {

PROACTOR_FORWARD(PROACTOR_BASE, pthread_create,
                 (pthread_t * thread, const pthread_attr_t* attributes, void* (*start)(void*),
                  void* argument) noexcept,
                 (thread, attributes, start, argument))
PROACTOR_FORWARD(PROACTOR_BASE, pthread_detach, (pthread_t thread) noexcept, (thread))
PROACTOR_FORWARD(PROACTOR_BASE, pthread_join, (pthread_t thread, void** result), (thread, result))
PROACTOR_FORWARD(PROACTOR_BASE, pthread_sigmask,
                 (int how, const sigset_t* set, sigset_t* old_set) noexcept, (how, set, old_set))
PROACTOR_FORWARD(PROACTOR_SETNAME_BASE, pthread_setname_np,
                 (pthread_t thread, const char* name) noexcept, (thread, name))
PROACTOR_FORWARD(PROACTOR_BASE, sem_init, (sem_t * semaphore, int shared, unsigned value) noexcept,
                 (semaphore, shared, value))
PROACTOR_FORWARD(PROACTOR_BASE, sem_post, (sem_t * semaphore) noexcept, (semaphore))
PROACTOR_FORWARD(PROACTOR_BASE, sem_timedwait, (sem_t * semaphore, const timespec* until),
                 (semaphore, until))
PROACTOR_FORWARD(PROACTOR_BASE, sem_wait, (sem_t * semaphore), (semaphore))

// libstdc++ asks whether it may count references without atomics: no, Node always has threads.
extern const char __libc_single_threaded;
const char __libc_single_threaded = 0;

}  // extern "C"

#endif
#endif
