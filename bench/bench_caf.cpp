// CAF 0.17 in the benchmarks that README.md describes, on its own scheduler and on Troupe's pool; savina/caf_*.cpp have
// more of them.

#include "common.hpp"
#include "savina/benches.hpp"
#include "savina/caf_setup.hpp"
#include "ticks.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include <caf/all.hpp>

namespace {

using bench::completion;
using bench::options;
using bench::start_atom;
using bench::sum_below;
using bench::system_under_test;
using bench::tick;

using more_atom = caf::atom_constant<caf::atom("more")>;

}  // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::tick)

namespace {

// ping_pong: each round trip is two messages.

class ponger : public caf::event_based_actor {
public:
  explicit ponger(caf::actor_config& cfg) : event_based_actor(cfg) {}

  caf::behavior make_behavior() override {
    return {
        [this](const caf::actor& peer) { peer_ = peer; },
        [this](std::uint64_t number) { send(peer_, number + 1); },
    };
  }
  void on_exit() override { destroy(peer_); }

private:
  caf::actor peer_;
};

class pinger : public caf::event_based_actor {
public:
  pinger(caf::actor_config& cfg, caf::actor peer, completion& rounds)
      : event_based_actor(cfg), peer_(std::move(peer)), done_(rounds) {}

  caf::behavior make_behavior() override {
    send(peer_, caf::actor_cast<caf::actor>(this));
    return {
        [this](start_atom, std::uint64_t rounds) {
          left_ = rounds;
          expected_ = 1;
          send(peer_, std::uint64_t{0});
        },
        [this](std::uint64_t number) {
          if (number != expected_) {
            done_.arrive(false);
          } else if (--left_ == 0) {
            done_.arrive();
          } else {
            expected_ = number + 2;
            send(peer_, number + 1);
          }
        },
    };
  }
  void on_exit() override { destroy(peer_); }

private:
  caf::actor peer_;
  completion& done_;
  std::uint64_t left_ = 0;
  std::uint64_t expected_ = 0;
};

bool ping_pong(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto ping = sys.spawn<pinger>(sys.spawn<ponger>(), std::ref(done));
  return bench::measure_time("ns/message", done, 1, opts.scaled(1'000'000), 1, 2,
                             [&](std::uint64_t n) { caf::anon_send(ping, start_atom::value, n); });
}

// border: the same between an actor of Troupe's and one of CAF's; on CAF's own scheduler between two of CAF's.

#ifdef BENCH_CAF_ON_TROUPE
class troupe_pinger : public troupe::actor {
public:
  struct start {
    troupe::address<std::uint64_t> peer;
    std::uint64_t rounds;
  };

  explicit troupe_pinger(completion& rounds) : done_(rounds) {}

  void on(start s) {
    peer_ = std::move(s.peer);
    left_ = s.rounds;
    expected_ = 1;
    peer_.send(0);
  }
  void on(std::uint64_t number) {
    if (number != expected_) {
      done_.arrive(false);
    } else if (--left_ == 0) {
      done_.arrive();
    } else {
      expected_ = number + 2;
      peer_.send(number + 1);
    }
  }

private:
  troupe::address<std::uint64_t> peer_;
  completion& done_;
  std::uint64_t left_ = 0;
  std::uint64_t expected_ = 0;
};

bool border(const options& opts) {
  completion done;
  bench::caf_world world(opts);
  const auto ping = world.runtime().spawn<troupe_pinger>(done);
  const auto pong = (*world).spawn<ponger>();
  caf::anon_send(pong, world.system().to_caf<std::uint64_t>(ping));
  const auto peer = world.system().to_troupe<std::uint64_t>(pong);
  const bool ok = bench::measure_time("ns/message", done, 1, opts.scaled(1'000'000), 1, 2, [&](std::uint64_t n) {
    ping.send(troupe_pinger::start{peer, n});
  });
  peer.close();
  return ok;
}
#else
bool border(const options& opts) { return ping_pong(opts); }
#endif

// count: one producer floods one counter, then asks for the sum.

class counter : public caf::event_based_actor {
public:
  explicit counter(caf::actor_config& cfg) : event_based_actor(cfg) {}

  caf::behavior make_behavior() override {
    return {
        [this](std::uint64_t number) { sum_ += number; },
        [this](caf::get_atom) { return std::exchange(sum_, 0); },
    };
  }

private:
  std::uint64_t sum_ = 0;
};

class producer : public caf::event_based_actor {
public:
  producer(caf::actor_config& cfg, caf::actor target, completion& rounds)
      : event_based_actor(cfg), target_(std::move(target)), done_(rounds) {}

  caf::behavior make_behavior() override {
    return {
        [this](start_atom, std::uint64_t n) {
          for (std::uint64_t i = 0; i < n; ++i) {
            send(target_, i);
          }
          request(target_, caf::infinite, caf::get_atom::value).then([this, n](std::uint64_t sum) {
            done_.arrive(sum == sum_below(n));
          });
        },
    };
  }

private:
  caf::actor target_;
  completion& done_;
};

bool count(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto source = sys.spawn<producer>(sys.spawn<counter>(), std::ref(done));
  return bench::measure_time("ns/message", done, 1, opts.scaled(2'000'000), 1, 1,
                             [&](std::uint64_t n) { caf::anon_send(source, start_atom::value, n); });
}

// fan_in: twenty senders flood one receiver.

constexpr std::uint64_t fan_in_senders = 20;

class receiver : public caf::event_based_actor {
public:
  receiver(caf::actor_config& cfg, completion& rounds) : event_based_actor(cfg), done_(rounds) {}

  caf::behavior make_behavior() override {
    return {
        [this](std::uint64_t number) {
          sum_ += number;
          if (++received_ == expected_) {
            done_.arrive(sum_ == fan_in_senders * sum_below(expected_ / fan_in_senders));
          }
        },
        [this](start_atom, std::uint64_t n) {
          expected_ = n;
          received_ = 0;
          sum_ = 0;
        },
    };
  }

private:
  completion& done_;
  std::uint64_t expected_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t sum_ = 0;
};

class sender : public caf::event_based_actor {
public:
  sender(caf::actor_config& cfg, caf::actor target) : event_based_actor(cfg), target_(std::move(target)) {}

  caf::behavior make_behavior() override {
    return {
        [this](start_atom, std::uint64_t n) {
          for (std::uint64_t i = 0; i < n; ++i) {
            send(target_, i);
          }
        },
    };
  }

private:
  caf::actor target_;
};

bool fan_in(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto sink = sys.spawn<receiver>(std::ref(done));
  std::vector<caf::actor> senders;
  for (std::uint64_t i = 0; i < fan_in_senders; ++i) {
    senders.push_back(sys.spawn<sender>(sink));
  }
  return bench::measure_time("ns/message", done, 1, opts.scaled(2'000'000, fan_in_senders), fan_in_senders, 1,
                             [&](std::uint64_t n) {
                               caf::anon_send(sink, start_atom::value, n);
                               for (const auto& each : senders) {
                                 caf::anon_send(each, start_atom::value, n / fan_in_senders);
                               }
                             });
}

// create: spawn, one message, end. Two batches are alive at most.

constexpr std::uint64_t create_batch = 1000;

/// What the short-lived actors share. `tally` counts them in its low half and adds their numbers in its high half.
struct create_state {
  completion done;
  caf::actor spawner;
  std::atomic<std::uint64_t> tally{0};
  std::uint64_t total = 0;
};

constexpr std::uint64_t create_number(std::uint64_t i) { return i % 8; }

class short_lived : public caf::event_based_actor {
public:
  short_lived(caf::actor_config& cfg, create_state& state) : event_based_actor(cfg), state_(state) {}

  caf::behavior make_behavior() override {
    return {
        [this](std::uint64_t number) {
          auto increment = (number << 32) + 1;
          auto tally = state_.tally.fetch_add(increment, std::memory_order_relaxed) + increment;
          if ((tally & 0xffff'ffff) % create_batch == 0) {
            send(state_.spawner, more_atom::value, tally);
          }
          quit();
        },
    };
  }

private:
  create_state& state_;
};

class spawner : public caf::event_based_actor {
public:
  spawner(caf::actor_config& cfg, create_state& state) : event_based_actor(cfg), state_(state) {}

  caf::behavior make_behavior() override {
    return {
        [this](start_atom, std::uint64_t n) {
          total_ = n;
          created_ = 0;
          handled_ = 0;
          numbers_ = 0;
          state_.tally.store(0, std::memory_order_relaxed);
          create_one_batch();
          create_one_batch();
        },
        [this](more_atom, std::uint64_t tally) {
          handled_ = std::max(handled_, tally & 0xffff'ffff);
          numbers_ = std::max(numbers_, tally >> 32);
          if (handled_ == total_) {
            state_.done.arrive(numbers_ == total_ / 8 * sum_below(8));
          } else {
            create_one_batch();
          }
        },
    };
  }

private:
  void create_one_batch() {
    auto end = std::min(created_ + create_batch, total_);
    for (; created_ < end; ++created_) {
      send(spawn<short_lived>(std::ref(state_)), create_number(created_));
    }
  }

  create_state& state_;
  std::uint64_t total_ = 0;
  std::uint64_t created_ = 0;
  std::uint64_t handled_ = 0;
  std::uint64_t numbers_ = 0;
};

bool create(const options& opts) {
  create_state state;
  bool ok = false;
  {
    system_under_test sys(opts);
    state.spawner = sys.spawn<spawner>(std::ref(state));
    ok = bench::measure_time("ns/actor", state.done, 1, opts.scaled(500'000, create_batch), create_batch, 1,
                             [&](std::uint64_t n) { caf::anon_send(state.spawner, start_atom::value, n); });
    state.spawner = nullptr;
  }
  return ok;
}

// publish_N: one publisher, a named group, N subscribers.

class subscriber : public caf::event_based_actor {
public:
  subscriber(caf::actor_config& cfg, completion& rounds) : event_based_actor(cfg), done_(rounds), counter_(&rounds) {}

  caf::behavior make_behavior() override {
    join(system().groups().get_local("ticks"));
    done_.arrive();
    return {[this](const tick& each) { counter_.count(each); }};
  }

private:
  completion& done_;
  bench::tick_counter counter_;
};

class publisher : public caf::event_based_actor {
public:
  explicit publisher(caf::actor_config& cfg) : event_based_actor(cfg) {}

  caf::behavior make_behavior() override {
    group_ = system().groups().get_local("ticks");
    return {
        [this](start_atom, std::uint64_t n) {
          for (std::uint64_t i = 0; i < n; ++i) {
            send(group_, tick{i, n - 1, {}});
          }
        },
    };
  }

private:
  caf::group group_;
};

bool publish(const options& opts, std::uint64_t subscribers) {
  completion done;
  system_under_test sys(opts);
  done.expect(subscribers);
  for (std::uint64_t i = 0; i < subscribers; ++i) {
    sys.spawn<subscriber>(std::ref(done));
  }
  done.wait();
  auto source = sys.spawn<publisher>();
  return bench::measure_time("ns/delivery", done, subscribers, opts.scaled(bench::ticks_for(subscribers)), 1,
                             subscribers, [&](std::uint64_t n) { caf::anon_send(source, start_atom::value, n); });
}

bool publish_1(const options& opts) { return publish(opts, 1); }
bool publish_10(const options& opts) { return publish(opts, 10); }
bool publish_100(const options& opts) { return publish(opts, 100); }
bool publish_1000(const options& opts) { return publish(opts, 1000); }

// idle_memory: actors that were started and wait for their first message.

class idler : public caf::event_based_actor {
public:
  idler(caf::actor_config& cfg, completion* rounds) : event_based_actor(cfg), done_(rounds) {}

  caf::behavior make_behavior() override {
    done_->arrive();
    return {[this](std::uint64_t) { done_->arrive(); }};
  }

private:
  completion* done_;
};

bool idle_memory(const options& opts) {
  completion done;
  bench::caf_world world(opts);
  caf::actor_system& sys = *world;
  auto n = opts.scaled(1'000'000);
  std::vector<caf::actor> actors(n);  // resident before the first reading
  done.expect(n);
  auto before = bench::resident_bytes();
  for (auto& each : actors) {
    each = sys.spawn<idler>(&done);
  }
  bool ok = done.wait().has_value();
  return bench::print_idle_memory(before, n, sizeof(completion*), ok);
}

// idle_switches: some work, then nothing.

bool idle_switches(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto ping = sys.spawn<pinger>(sys.spawn<ponger>(), std::ref(done));
  done.expect(1);
  caf::anon_send(ping, start_atom::value, std::uint64_t{1000});
  bool ok = done.wait().has_value();
  return bench::measure_idle(opts, ok);
}

constexpr std::array<bench::entry, 11> entries{{
    {"ping_pong", ping_pong},
    {"border", border},
    {"count", count},
    {"fan_in", fan_in},
    {"create", create},
    {"publish_1", publish_1},
    {"publish_10", publish_10},
    {"publish_100", publish_100},
    {"publish_1000", publish_1000},
    {"idle_memory", idle_memory},
    {"idle_switches", idle_switches},
}};

}  // namespace

int main(int argc, char** argv) { return bench::run_program(argc, argv, bench::savina::all(entries)); }
