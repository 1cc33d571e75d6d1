// Troupe in the benchmarks that README.md describes; savina/troupe_*.cpp have more of them.

#include "channel_benches.hpp"
#include "common.hpp"
#include "fork_join_benches.hpp"
#include "publish_benches.hpp"
#include "queue_benches.hpp"
#include "savina/benches.hpp"
#include "savina/troupe_setup.hpp"
#include "scheduler_benches.hpp"
#include "stream_benches.hpp"
#include "topic_benches.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <troupe/troupe.hpp>

namespace {

using bench::completion;
using bench::options;
using bench::sum_below;
using bench::savina::configured;
using bench::savina::start;
using namespace std::chrono_literals;

/// The message that carries one number.
struct number {
  std::uint64_t value;
};

// ping_pong: each round trip is two messages.

class pinger;

class ponger : public troupe::actor {
public:
  void on(const troupe::ref<pinger>& peer) { peer_ = peer; }
  void on(number ball);
  void on_stop() { peer_ = {}; }

private:
  troupe::ref<pinger> peer_;
};

class pinger : public troupe::actor {
public:
  pinger(troupe::ref<ponger> peer, completion* rounds) : peer_(std::move(peer)), done_(rounds) {}

  void on_start() { peer_.send(self(this)); }
  void on(start round) {
    left_ = round.n;
    expected_ = 1;
    peer_.send(number{0});
  }
  void on(number ball) {
    if (ball.value != expected_) {
      done_->arrive(false);
    } else if (--left_ == 0) {
      done_->arrive();
    } else {
      expected_ = ball.value + 2;
      peer_.send(number{ball.value + 1});
    }
  }

private:
  troupe::ref<ponger> peer_;
  completion* done_;
  std::uint64_t left_ = 0;
  std::uint64_t expected_ = 0;
};

void ponger::on(number ball) { peer_.send(number{ball.value + 1}); }

bool ping_pong(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto ping = rt.spawn<pinger>(rt.spawn<ponger>(), &done);
  return bench::measure_time("ns/message", done, 1, opts.scaled(1'000'000), 1, 2,
                             [&](std::uint64_t n) { ping.send(start{n}); });
}

// count: one producer floods one counter, then asks for the sum.

struct get_sum {};

class counter : public troupe::actor {
public:
  void on(number each) { sum_ += each.value; }
  std::uint64_t on(get_sum) { return std::exchange(sum_, 0); }

private:
  std::uint64_t sum_ = 0;
};

class producer : public troupe::actor {
public:
  producer(troupe::ref<counter> target, completion* rounds) : target_(std::move(target)), done_(rounds) {}

  troupe::task<> on(start round) {
    for (std::uint64_t i = 0; i < round.n; ++i) {
      target_.send(number{i});
    }
    auto question = target_.ask(get_sum{}, bench::round_limit);
    auto sum = co_await question;
    done_->arrive(sum && *sum == sum_below(round.n));
  }

private:
  troupe::ref<counter> target_;
  completion* done_;
};

bool count(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto source = rt.spawn<producer>(rt.spawn<counter>(), &done);
  return bench::measure_time("ns/message", done, 1, opts.scaled(2'000'000), 1, 1,
                             [&](std::uint64_t n) { source.send(start{n}); });
}

// fan_in: twenty senders flood one receiver.

constexpr std::uint64_t fan_in_senders = 20;

class receiver : public troupe::actor {
public:
  explicit receiver(completion* rounds) : done_(rounds) {}

  void on(number each) {
    sum_ += each.value;
    if (++received_ == expected_) {
      done_->arrive(sum_ == fan_in_senders * sum_below(expected_ / fan_in_senders));
    }
  }
  void on(start round) {
    expected_ = round.n;
    received_ = 0;
    sum_ = 0;
  }

private:
  completion* done_;
  std::uint64_t expected_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t sum_ = 0;
};

class sender : public troupe::actor {
public:
  explicit sender(troupe::ref<receiver> target) : target_(std::move(target)) {}

  void on(start round) {
    for (std::uint64_t i = 0; i < round.n; ++i) {
      target_.send(number{i});
    }
  }

private:
  troupe::ref<receiver> target_;
};

bool fan_in(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto sink = rt.spawn<receiver>(&done);
  std::vector<troupe::ref<sender>> senders;
  for (std::uint64_t i = 0; i < fan_in_senders; ++i) {
    senders.push_back(rt.spawn<sender>(sink));
  }
  return bench::measure_time("ns/message", done, 1, opts.scaled(2'000'000, fan_in_senders), fan_in_senders, 1,
                             [&](std::uint64_t n) {
                               sink.send(start{n});
                               for (const auto& each : senders) {
                                 each.send(start{n / fan_in_senders});
                               }
                             });
}

// create: spawn, one message, end. Two batches are alive at most.

constexpr std::uint64_t create_batch = 1000;

class spawner;

/// What the short-lived actors share. `tally` counts them in its low half and adds their numbers in its high half.
struct create_state {
  explicit create_state(const options& opts) : rt(configured(opts)) {}

  completion done;
  troupe::ref<spawner> spawner_ref;
  std::atomic<std::uint64_t> tally{0};
  troupe::runtime rt;  // last, so that no actor outlives the rest
};

/// A batch has been handled when the tally was this.
struct more {
  std::uint64_t tally;
};

constexpr std::uint64_t create_number(std::uint64_t i) { return i % 8; }

class short_lived : public troupe::actor {
public:
  explicit short_lived(create_state* state) : state_(state) {}

  void on(number each);

private:
  create_state* state_;
};

class spawner : public troupe::actor {
public:
  explicit spawner(create_state* state) : state_(state) {}

  void on(start round) {
    total_ = round.n;
    created_ = 0;
    handled_ = 0;
    numbers_ = 0;
    state_->tally.store(0, std::memory_order_relaxed);
    create_one_batch();
    create_one_batch();
  }
  void on(more batch) {
    handled_ = std::max(handled_, batch.tally & 0xffff'ffff);
    numbers_ = std::max(numbers_, batch.tally >> 32);
    if (handled_ == total_) {
      state_->done.arrive(numbers_ == total_ / 8 * sum_below(8));
    } else {
      create_one_batch();
    }
  }

private:
  void create_one_batch() {
    auto end = std::min(created_ + create_batch, total_);
    for (; created_ < end; ++created_) {
      state_->rt.spawn<short_lived>(state_).send(number{create_number(created_)});
    }
  }

  create_state* state_;
  std::uint64_t total_ = 0;
  std::uint64_t created_ = 0;
  std::uint64_t handled_ = 0;
  std::uint64_t numbers_ = 0;
};

void short_lived::on(number each) {
  auto increment = (each.value << 32) + 1;
  auto tally = state_->tally.fetch_add(increment, std::memory_order_relaxed) + increment;
  if ((tally & 0xffff'ffff) % create_batch == 0) {
    state_->spawner_ref.send(more{tally});
  }
  close_self();
}

bool create(const options& opts) {
  create_state state(opts);
  state.spawner_ref = state.rt.spawn<spawner>(&state);
  return bench::measure_time("ns/actor", state.done, 1, opts.scaled(500'000, create_batch), create_batch, 1,
                             [&](std::uint64_t n) { state.spawner_ref.send(start{n}); });
}

// idle_memory: actors that were started and wait for their first message.

class idler : public troupe::actor {
public:
  explicit idler(completion* rounds) : done_(rounds) {}

  void on_start() { done_->arrive(); }
  void on(number) { done_->arrive(); }

private:
  completion* done_;
};

bool idle_memory(const options& opts) {
  completion done;
  auto n = opts.scaled(1'000'000);
  std::vector<troupe::ref<idler>> actors(n);  // resident before the first reading
  troupe::runtime rt(configured(opts));
  done.expect(n);
  auto before = bench::resident_bytes();
  for (auto& each : actors) {
    each = rt.spawn<idler>(&done);
  }
  bool ok = done.wait().has_value();
  return bench::print_idle_memory(before, n, sizeof(completion*), ok);
}

// idle_switches: some work, then nothing.

bool idle_switches(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto ping = rt.spawn<pinger>(rt.spawn<ponger>(), &done);
  done.expect(1);
  ping.send(start{1000});
  bool ok = done.wait().has_value();
  return bench::measure_idle(opts, ok);
}

constexpr auto entries = std::to_array<bench::entry>({
    {"ping_pong", ping_pong},
    {"count", count},
    {"fan_in", fan_in},
    {"create", create},
    {"publish_1", bench::publish_1},
    {"publish_10", bench::publish_10},
    {"publish_100", bench::publish_100},
    {"publish_1000", bench::publish_1000},
    {"publish_queue", bench::publish_queue},
    {"publish_topic", bench::publish_topic},
    {"topic_memory", bench::topic_memory},
    {"topic_stall", bench::topic_stall},
    {"slow_subscriber", bench::slow_subscriber},
    {"idle_memory", idle_memory},
    {"idle_switches", idle_switches},
    {"channel", bench::channel},
    {"channel_1", bench::channel_1},
    {"channel_buffered", bench::channel_buffered},
    {"yield", bench::yield},
    {"spawn_join", bench::spawn_join},
    {"sleepers", bench::sleepers},
    {"timer", bench::timer},
    {"idle_sleepers", bench::idle_sleepers},
    {"wake", bench::wake},
    {"submit", bench::submit},
    {"fib", bench::fib},
    {"stream", bench::stream},
});

}  // namespace

int main(int argc, char** argv) { return bench::run_program(argc, argv, bench::savina::all(entries)); }
