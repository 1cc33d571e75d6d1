// What the suite does not have, for CAF: a tree of a million actors, questions from outside, a pipeline.

#include "benches.hpp"
#include "caf_setup.hpp"
#include "work.hpp"

#include <array>
#include <cstdint>
#include <utility>

namespace bench::savina {

namespace {

using request_atom = caf::atom_constant<caf::atom("request")>;

// skynet: each actor makes ten, down to the leaves; the sum of the leaves comes back up.

struct skynet_round {
  completion done;
  std::uint64_t leaves = 0;
};

class skynet_actor : public caf::event_based_actor {
public:
  skynet_actor(caf::actor_config& cfg, caf::actor parent, skynet_round* round)
      : event_based_actor(cfg), parent_(std::move(parent)), round_(round) {}

  caf::behavior make_behavior() override {
    return {
        [this](request_atom, std::uint64_t first, std::uint64_t all) {
          if (all == 1) {
            finish(first);
            return;
          }
          auto leaves = all / skynet_children;
          for (std::uint64_t i = 0; i < skynet_children; ++i) {
            send(spawn<skynet_actor>(caf::actor(this), round_), request_atom::value, first + i * leaves, leaves);
          }
        },
        [this](std::uint64_t sum) {
          sum_ += sum;
          if (++responses_ == skynet_children) {
            finish(sum_);
          }
        },
    };
  }

private:
  void finish(std::uint64_t sum) {
    if (parent_) {
      send(parent_, sum);
    } else {
      round_->done.arrive(sum == sum_below(round_->leaves));
    }
    quit();
  }

  caf::actor parent_;
  skynet_round* round_;
  std::uint64_t sum_ = 0;
  std::uint64_t responses_ = 0;
};

bool skynet(const options& opts) {
  skynet_round round;
  system_under_test sys(opts);
  auto size = skynet_size(opts);
  return measure_size("ns/actor", round.done, size / 10, size, skynet_actors(size), [&](std::uint64_t leaves) {
    round.leaves = leaves;
    caf::anon_send(sys->spawn<skynet_actor>(caf::actor(), &round), request_atom::value, std::uint64_t{0}, leaves);
  });
}

// ask: a thread outside asks an actor and waits for the answer.

class oracle : public caf::event_based_actor {
public:
  explicit oracle(caf::actor_config& cfg) : event_based_actor(cfg) {}

  caf::behavior make_behavior() override {
    return {[](std::uint64_t question) { return question + 1; }};
  }
};

bool ask(const options& opts) {
  system_under_test sys(opts);
  auto wise = sys.spawn<oracle>();
  caf::scoped_actor self(*sys);
  return measure_asks(opts, [&](std::uint64_t i) {
    bool ok = false;
    self->request(wise, caf::infinite, i)
        .receive([&](std::uint64_t answer) { ok = answer == i + 1; }, [&](const caf::error&) { ok = false; });
    return ok;
  });
}

// pipeline: items go through ten actors, each of which adds one; the last one sums them up.

class sink : public caf::event_based_actor {
public:
  sink(caf::actor_config& cfg, completion* rounds) : event_based_actor(cfg), done_(rounds) {}

  caf::behavior make_behavior() override {
    return {
        [this](std::uint64_t value) {
          sum_ += value;
          if (++received_ == expected_) {
            done_->arrive(sum_ == sum_below(received_) + received_ * (pipeline_stages - 1));
            received_ = 0;
            sum_ = 0;
          }
        },
        [this](start_atom, std::uint64_t n) { expected_ = n; },
    };
  }

private:
  completion* done_;
  std::uint64_t expected_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t sum_ = 0;
};

class stage : public caf::event_based_actor {
public:
  stage(caf::actor_config& cfg, caf::actor next) : event_based_actor(cfg), next_(std::move(next)) {}

  caf::behavior make_behavior() override {
    return {[this](std::uint64_t value) { send(next_, value + 1); }};
  }

private:
  caf::actor next_;
};

class source : public caf::event_based_actor {
public:
  source(caf::actor_config& cfg, caf::actor next) : event_based_actor(cfg), next_(std::move(next)) {}

  caf::behavior make_behavior() override {
    return {
        [this](start_atom, std::uint64_t n) {
          for (std::uint64_t i = 0; i < n; ++i) {
            send(next_, i);
          }
        },
    };
  }

private:
  caf::actor next_;
};

bool pipeline(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto end = sys.spawn<sink>(&done);
  auto next = end;
  for (std::uint64_t i = 1; i < pipeline_stages; ++i) {
    next = sys.spawn<stage>(next);
  }
  auto begin = sys.spawn<source>(next);
  return measure_time("ns/item", done, 1, opts.scaled(pipeline_items), 1, 1, [&](std::uint64_t n) {
    caf::anon_send(end, start_atom::value, n);
    caf::anon_send(begin, start_atom::value, n);
  });
}

constexpr std::array<entry, 3> entries{{
    {"skynet", skynet},
    {"ask", ask},
    {"pipeline", pipeline},
}};

}  // namespace

std::span<const entry> others() { return entries; }

}  // namespace bench::savina
