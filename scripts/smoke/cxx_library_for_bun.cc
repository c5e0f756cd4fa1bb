// What a libstdc++.so.6 for Bun's musl build needs beside the members of Debian's libstdc++.a, which was made for glibc:
// the names that musl does not have. Only for the smoke test of the musl binaries (runners.mjs): they themselves need
// musl alone.
#include <locale.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>

#include <cstdint>

extern "C" {

extern const char __libc_single_threaded;
const char __libc_single_threaded = 0;

// The unwinder finds no frame: what is thrown ends the process. Bun is built without exceptions.
int _dl_find_object(void*, void*) { return -1; }

int __pthread_key_create(pthread_key_t* key, void (*destroy)(void*)) {
  return pthread_key_create(key, destroy);
}

unsigned long __getauxval(unsigned long type) { return getauxval(type); }

size_t __strftime_l(char* text, size_t size, const char* format, const tm* time, locale_t locale) {
  return strftime_l(text, size, format, time, locale);
}

uint32_t arc4random() {
  uint32_t number = 0;
  getrandom(&number, sizeof number, 0);
  return number;
}

}  // extern "C"
