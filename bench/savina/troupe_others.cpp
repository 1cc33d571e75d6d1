// What the suite does not have, for Troupe: a tree of a million actors, questions from outside, a pipeline.

#include "benches.hpp"
#include "troupe_setup.hpp"
#include "work.hpp"

#include <array>
#include <cstdint>
#include <utility>

namespace bench::savina {

namespace {

// skynet: each actor makes ten, down to the leaves; the sum of the leaves comes back up.

struct skynet_round {
  explicit skynet_round(const options& opts) : rt(configured(opts)) {}

  completion done;
  std::uint64_t leaves = 0;
  troupe::runtime rt;  // last, so that no actor outlives the rest
};

struct skynet_request {
  std::uint64_t first;
  std::uint64_t leaves;
};

struct skynet_response {
  std::uint64_t sum;
};

class skynet_actor : public troupe::actor {
public:
  skynet_actor(troupe::ref<skynet_actor> parent, skynet_round* round) : parent_(std::move(parent)), round_(round) {}

  void on(skynet_request part) {
    if (part.leaves == 1) {
      finish(part.first);
      return;
    }
    auto leaves = part.leaves / skynet_children;
    for (std::uint64_t i = 0; i < skynet_children; ++i) {
      round_->rt.spawn<skynet_actor>(self(this), round_).send(skynet_request{part.first + i * leaves, leaves});
    }
  }
  void on(skynet_response each) {
    sum_ += each.sum;
    if (++responses_ == skynet_children) {
      finish(sum_);
    }
  }

private:
  void finish(std::uint64_t sum) {
    if (parent_) {
      parent_.send(skynet_response{sum});
    } else {
      round_->done.arrive(sum == sum_below(round_->leaves));
    }
    close_self();
  }

  troupe::ref<skynet_actor> parent_;
  skynet_round* round_;
  std::uint64_t sum_ = 0;
  std::uint64_t responses_ = 0;
};

bool skynet(const options& opts) {
  skynet_round round(opts);
  auto size = skynet_size(opts);
  return measure_size("ns/actor", round.done, size / 10, size, skynet_actors(size), [&](std::uint64_t leaves) {
    round.leaves = leaves;
    round.rt.spawn<skynet_actor>(troupe::ref<skynet_actor>(), &round).send(skynet_request{0, leaves});
  });
}

// ask: a thread outside asks an actor and waits for the answer.

struct question {
  std::uint64_t value;
};

class oracle : public troupe::actor {
public:
  std::uint64_t on(question each) const { return each.value + 1; }
};

bool ask(const options& opts) {
  troupe::runtime rt(configured(opts));
  auto wise = rt.spawn<oracle>();
  return measure_asks(opts, [&](std::uint64_t i) {
    auto answer = wise.ask(question{i}).get();
    return answer && *answer == i + 1;
  });
}

// pipeline: items go through ten actors, each of which adds one; the last one sums them up.

struct item {
  std::uint64_t value;
};

class sink : public troupe::actor {
public:
  explicit sink(completion* rounds) : done_(rounds) {}

  void on(start round) { expected_ = round.n; }
  void on(item each) {
    sum_ += each.value;
    if (++received_ == expected_) {
      done_->arrive(sum_ == sum_below(received_) + received_ * (pipeline_stages - 1));
      received_ = 0;
      sum_ = 0;
    }
  }

private:
  completion* done_;
  std::uint64_t expected_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t sum_ = 0;
};

class stage : public troupe::actor {
public:
  explicit stage(troupe::address<item> next) : next_(std::move(next)) {}

  void on(item each) { next_.send(item{each.value + 1}); }

private:
  troupe::address<item> next_;
};

class source : public troupe::actor {
public:
  explicit source(troupe::address<item> next) : next_(std::move(next)) {}

  void on(start round) {
    for (std::uint64_t i = 0; i < round.n; ++i) {
      next_.send(item{i});
    }
  }

private:
  troupe::address<item> next_;
};

bool pipeline(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto end = rt.spawn<sink>(&done);
  troupe::address<item> next = end;
  for (std::uint64_t i = 1; i < pipeline_stages; ++i) {
    next = rt.spawn<stage>(next);
  }
  auto begin = rt.spawn<source>(next);
  return measure_time("ns/item", done, 1, opts.scaled(pipeline_items), 1, 1, [&](std::uint64_t n) {
    end.send(start{n});
    begin.send(start{n});
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
