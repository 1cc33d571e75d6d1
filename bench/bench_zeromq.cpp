// ZeroMQ's sockets over `inproc` in the benchmarks of publishing that README.md describes.

#include "common.hpp"
#include "ticks.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <zmq.h>

namespace {

using bench::completion;
using bench::options;
using bench::tick;

constexpr const char* place = "inproc://ticks";
// Messages that one socket gives before the reader turns to the next.
constexpr std::uint64_t batch = 256;

/// Ends the program where a call of ZeroMQ has failed: nothing here may.
template <class T>
T require(T outcome, const char* call) {
  if constexpr (std::is_pointer_v<T>) {
    if (outcome) return outcome;
  } else {
    if (outcome >= 0) return outcome;
  }
  std::fprintf(stderr, "%s: %s\n", call, zmq_strerror(zmq_errno()));
  std::exit(1);
}

class context {
public:
  context() : made_(require(zmq_ctx_new(), "zmq_ctx_new")) {
    require(zmq_ctx_set(made_, ZMQ_IO_THREADS, 0), "zmq_ctx_set");  // `inproc` needs none
    require(zmq_ctx_set(made_, ZMQ_MAX_SOCKETS, 4096), "zmq_ctx_set");
  }
  ~context() { zmq_ctx_term(made_); }
  context(const context&) = delete;
  context& operator=(const context&) = delete;
  void* get() const noexcept { return made_; }

private:
  void* made_;
};

class socket {
public:
  socket(const context& in, int type) : made_(require(zmq_socket(in.get(), type), "zmq_socket")) {
    for (const int option : {ZMQ_SNDHWM, ZMQ_RCVHWM, ZMQ_LINGER}) set(option, 0);  // no limit: nothing may be dropped
  }
  socket(socket&& other) noexcept : made_(std::exchange(other.made_, nullptr)) {}
  socket& operator=(socket&&) = delete;
  ~socket() {
    if (made_) zmq_close(made_);
  }
  void set(int option, int value) { require(zmq_setsockopt(made_, option, &value, sizeof value), "zmq_setsockopt"); }
  void* get() const noexcept { return made_; }

private:
  void* made_;
};

class subscriber {
public:
  subscriber(const context& in, completion* rounds) : from_(in, ZMQ_SUB), counter_(rounds) {
    require(zmq_connect(from_.get(), place), "zmq_connect");
    require(zmq_setsockopt(from_.get(), ZMQ_SUBSCRIBE, "", 0), "zmq_setsockopt");
  }

  /// Reads one message; false if there is none and it is not to wait.
  bool read(bool wait) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    const int size = zmq_msg_recv(&message, from_.get(), wait ? 0 : ZMQ_DONTWAIT);
    if (size < 0 && zmq_errno() == EAGAIN) return false;
    require(size, "zmq_msg_recv");
    const auto* const got = static_cast<const tick*>(zmq_msg_data(&message));
    ended_ = got->sequence == got->last;
    counter_.count(*got);
    zmq_msg_close(&message);
    return true;
  }

  /// What it has read last was the last of its round.
  bool round_ended() const noexcept { return ended_; }

private:
  socket from_;
  bench::tick_counter counter_;
  bool ended_ = false;
};

/// Reads rounds of all of them: what the first has got, the others get too.
void read_round(std::vector<subscriber>& all) {
  bool over = false;
  while (!over) {
    std::uint64_t n = 0;
    while (n != batch && !over && all.front().read(n == 0)) {
      ++n;
      over = all.front().round_ended();
    }
    for (std::size_t i = 1; i != all.size(); ++i) {
      for (std::uint64_t left = n; left != 0; --left) all[i].read(true);
    }
  }
}

void publish(const socket& to, const tick& each) {
  zmq_msg_t message;
  require(zmq_msg_init_size(&message, sizeof each), "zmq_msg_init_size");
  std::memcpy(zmq_msg_data(&message), &each, sizeof each);
  require(zmq_msg_send(&message, to.get(), 0), "zmq_msg_send");
}

bool publish_to(const options& opts, std::uint64_t subscribers) {
  completion done;
  context in;
  // As PUB, but it can read who has subscribed: so none is late.
  socket from(in, ZMQ_XPUB);
  from.set(ZMQ_XPUB_VERBOSE, 1);
  require(zmq_bind(from.get(), place), "zmq_bind");

  const auto readers = std::min<std::uint64_t>(opts.workers == 1 ? 1 : opts.workers - 1, subscribers);
  std::vector<std::vector<subscriber>> shares(readers);
  for (std::uint64_t i = 0; i != subscribers; ++i) shares[i % readers].emplace_back(in, &done);
  for (std::uint64_t i = 0; i != subscribers; ++i) {
    std::array<char, 8> subscription;
    require(zmq_recv(from.get(), subscription.data(), subscription.size(), 0), "zmq_recv");
  }

  // The first round warms up, the second is measured. With one worker the publisher gives way after each batch.
  std::vector<std::thread> threads;
  if (opts.workers != 1) {
    for (auto& share : shares)
      threads.emplace_back([&share] {
        read_round(share);
        read_round(share);
      });
  }
  const bool ok = bench::measure_time("ns/delivery", done, subscribers, opts.scaled(bench::ticks_for(subscribers)), 1,
                                      subscribers, [&](std::uint64_t n) {
                                        for (std::uint64_t i = 0; i != n; ++i) {
                                          publish(from, {i, n - 1, {}});
                                          if (opts.workers != 1 || ((i + 1) % batch != 0 && i + 1 != n)) continue;
                                          for (auto& each : shares.front()) {
                                            while (each.read(false)) continue;
                                          }
                                        }
                                      });
  for (std::thread& t : threads) t.join();
  return ok;
}

bool publish_1(const options& opts) { return publish_to(opts, 1); }
bool publish_10(const options& opts) { return publish_to(opts, 10); }
bool publish_100(const options& opts) { return publish_to(opts, 100); }
bool publish_1000(const options& opts) { return publish_to(opts, 1000); }

constexpr std::array<bench::entry, 4> entries{{
    {"publish_1", publish_1},
    {"publish_10", publish_10},
    {"publish_100", publish_100},
    {"publish_1000", publish_1000},
}};

}  // namespace

int main(int argc, char** argv) { return bench::run_program(argc, argv, entries); }
