// What the benchmark's native programs share: command-line options, addresses, sockets and the stop signal.
// Knows nothing of how a program waits for its sockets.
#ifndef PROACTOR_BENCH_SUPPORT_H_
#define PROACTOR_BENCH_SUPPORT_H_

#include <sys/socket.h>

#include <initializer_list>
#include <map>
#include <string>
#include <vector>

// Prints "PROGRAM: MESSAGE" on stderr and ends the process with the given code.
[[noreturn]] __attribute__((format(printf, 2, 3))) void Fail(int exit_code, const char* format, ...);

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

// Options of the form `--name value`, and `--name` alone for a flag. An unknown name or a bad value ends the
// process with kExitUsage.
class Options {
 public:
  Options(int argc, char** argv, std::initializer_list<const char*> names,
          std::initializer_list<const char*> flags = {});

  std::string Text(const std::string& name, const std::string& fallback) const;
  long Integer(const std::string& name, long fallback, long minimum, long maximum) const;
  double Seconds(const std::string& name, double fallback) const;
  bool Flag(const std::string& name) const { return values_.count(name) != 0; }

 private:
  std::map<std::string, std::string> values_;
};

struct Address {
  sockaddr_storage storage;
  socklen_t length;
};

// A numeric IPv4 or IPv6 address; anything else ends the process with kExitUsage.
Address ParseAddress(const std::string& host, long port);

// What a server does. kSink answers one byte for each MiB that came; for kSource each byte that comes asks for a MiB.
enum class Mode { kEcho, kSink, kSource };

constexpr size_t kMebibyte = 1 << 20;

// `--mode`, by default kEcho; another word ends the process with kExitUsage.
Mode ModeOf(const Options& options);

// What a source sends again and again, `--chunk` bytes: a power of two of at most a MiB.
std::vector<char> SourceChunk(const Options& options);

// A listening, non-blocking TCP socket whose accepted sockets inherit TCP_NODELAY.
int Listen(const Address& address);

// Prints `listening on HOST:PORT` with the port that the kernel chose.
void AnnounceListening(int listener);

// Blocks SIGINT and SIGTERM and returns a descriptor that becomes readable when one of them arrives: a signal
// can then never slip in between a check and a wait.
int OpenStopSignal();

// As many descriptors as the hard limit allows.
void RaiseDescriptorLimit();

#endif  // PROACTOR_BENCH_SUPPORT_H_
