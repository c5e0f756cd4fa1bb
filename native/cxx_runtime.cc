// The little that the addon needs of the C++ run-time library, so that none has to be linked: the
// binary then depends on the C library alone, and the same sources link for musl with a compiler
// made for glibc. What the standard library throws cannot be caught here (-fno-exceptions), so it
// ends the process. scripts/check-binary.mjs names what is missing here. Sanitizer builds must not
// have this file: they bring allocation functions of their own.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

namespace {

[[noreturn]] void Die(const char* reason) {
  std::fprintf(stderr, "proactor: %s\n", reason);
  std::abort();
}

void* AllocateOrDie(size_t bytes) {
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) Die("out of memory");
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return AllocateOrDie(bytes); }
void* operator new[](size_t bytes) { return AllocateOrDie(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

extern "C" [[noreturn]] void __cxa_pure_virtual();
extern "C" void __cxa_pure_virtual() { Die("a pure virtual function was called"); }

namespace std {

const nothrow_t nothrow{};

// libstdc++'s headers call these where they would throw.
void __throw_bad_alloc() { Die("out of memory"); }
void __throw_bad_array_new_length() { Die("an array was too long"); }
void __throw_bad_function_call() { Die("an empty function was called"); }
void __throw_length_error(const char* what) { Die(what); }
void __throw_logic_error(const char* what) { Die(what); }
void __throw_out_of_range_fmt(const char* what, ...) { Die(what); }
void __throw_system_error(int) { Die("a lock failed"); }

// The headers declare it extern.
template class basic_string<char>;

}  // namespace std
