// The peer in Asio: one thread, one io_context, a chain of async_read_some and async_write for each connection. Built
// twice, for epoll and for io_uring; which one it is Asio's macros decide.
#include <asio.hpp>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "support.h"

namespace {

using asio::ip::tcp;

struct Settings {
  Mode mode;
  std::vector<char> chunk;
  size_t buffer_bytes;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, const Settings& settings)
      : socket_(std::move(socket)), settings_(settings), buffer_(settings.buffer_bytes) {}

  void Read() {
    socket_.async_read_some(
        asio::buffer(buffer_), [self = shared_from_this()](asio::error_code error, size_t length) {
          if (error) return;  // the last reference to the session closes its socket
          self->Take(length);
        });
  }

 private:
  void Take(size_t length) {
    switch (settings_.mode) {
      case Mode::kEcho:
        return WriteThenRead(asio::buffer(buffer_.data(), length));
      case Mode::kSink:
        bytes_ += length;
        if (bytes_ < kMebibyte) return Read();
        answers_.assign(bytes_ / kMebibyte, 0);
        bytes_ %= kMebibyte;
        return WriteThenRead(asio::buffer(answers_));
      case Mode::kSource:
        bytes_ += length * kMebibyte;
        if (!writing_) WriteChunks();
        return Read();
    }
  }

  void WriteThenRead(asio::const_buffer data) {
    asio::async_write(socket_, data,
                      [self = shared_from_this()](asio::error_code error, size_t) {
                        if (!error) self->Read();
                      });
  }

  void WriteChunks() {
    writing_ = bytes_ > 0;
    if (!writing_) return;
    asio::async_write(socket_, asio::buffer(settings_.chunk),
                      [self = shared_from_this()](asio::error_code error, size_t length) {
                        if (error) return;
                        self->bytes_ -= length;
                        self->WriteChunks();
                      });
  }

  tcp::socket socket_;
  const Settings& settings_;
  std::vector<char> buffer_;
  std::vector<char> answers_;
  uint64_t bytes_ = 0;  // kSink: that came and were not answered; kSource: that are wanted
  bool writing_ = false;
};

void Accept(tcp::acceptor& acceptor, const Settings& settings) {
  acceptor.async_accept([&](asio::error_code error, tcp::socket socket) {
    if (!error) std::make_shared<Session>(std::move(socket), settings)->Read();
    Accept(acceptor, settings);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv, {"--host", "--port", "--mode", "--chunk", "--buffer-size"});
  const Address address = ParseAddress(options.Text("--host", "127.0.0.1"),
                                       options.Integer("--port", 0, 0, 65535));
  const long buffer_bytes = options.Integer("--buffer-size", 65536, 64, 1 << 24);
  const Settings settings = {ModeOf(options), SourceChunk(options),
                             static_cast<size_t>(buffer_bytes)};
  RaiseDescriptorLimit();
  const int listener = Listen(address);
  const bool is_ipv6 = address.storage.ss_family == AF_INET6;
  try {
    asio::io_context context(1);  // one thread runs it: Asio then spares its locks
    asio::signal_set stop_signals(context, SIGINT, SIGTERM);
    stop_signals.async_wait([&](asio::error_code, int) { context.stop(); });
    tcp::acceptor acceptor(context, is_ipv6 ? tcp::v6() : tcp::v4(), listener);
    Accept(acceptor, settings);
    AnnounceListening(listener);
    context.run();
  } catch (const std::exception& error) {
    Fail(kExitFailure, "%s", error.what());
  }
  return 0;
}
