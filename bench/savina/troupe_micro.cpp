// The micro-benchmarks of Savina, for Troupe.

#include "benches.hpp"
#include "troupe_setup.hpp"
#include "work.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

namespace bench::savina {

namespace {

// thread_ring: one token goes around a ring of actors.

struct token {
  std::uint64_t left;
};

struct ring_round {
  completion done;
  std::uint64_t last = 0;  ///< the actor at which it has to end
};

class ring_actor : public troupe::actor {
public:
  ring_actor(std::uint64_t index, ring_round* round) : index_(index), round_(round) {}

  void on(const troupe::ref<ring_actor>& next) { next_ = next; }
  void on(token each) {
    if (each.left == 0) {
      round_->done.arrive(index_ == round_->last);
    } else {
      next_.send(token{each.left - 1});
    }
  }

private:
  std::uint64_t index_;
  ring_round* round_;
  troupe::ref<ring_actor> next_;
};

bool thread_ring(const options& opts) {
  ring_round round;
  troupe::runtime rt(configured(opts));
  std::vector<troupe::ref<ring_actor>> actors;
  for (std::uint64_t i = 0; i < ring_actors; ++i) {
    actors.push_back(rt.spawn<ring_actor>(i, &round));
  }
  for (std::uint64_t i = 0; i < ring_actors; ++i) {
    actors[i].send(actors[(i + 1) % ring_actors]);
  }
  return measure_time("ns/message", round.done, 1, opts.scaled(ring_pings), 1, 1, [&](std::uint64_t n) {
    round.last = (n - 1) % ring_actors;
    actors[0].send(token{n - 1});
  });
}

// big: each actor pings another at random and waits for its pong, again and again.

class big_actor;
using big_neighbours = std::vector<troupe::ref<big_actor>>;

struct ping {
  std::uint64_t from;
};

struct pong {
  std::uint64_t from;
};

struct finished {
  bool ok;
};

class big_sink : public troupe::actor {
public:
  explicit big_sink(completion* rounds) : done_(rounds) {}

  void on(finished each) {
    ok_ = each.ok && ok_;
    if (++finished_ == big_actors) {
      finished_ = 0;
      done_->arrive(ok_);
    }
  }

private:
  completion* done_;
  std::uint64_t finished_ = 0;
  bool ok_ = true;
};

class big_actor : public troupe::actor {
public:
  big_actor(std::uint64_t index, troupe::ref<big_sink> sink) : index_(index), sink_(std::move(sink)), numbers_(index) {}

  void on(big_neighbours all) { neighbours_ = std::move(all); }
  void on(start round) {
    left_ = round.n;
    send_ping();
  }
  void on(ping each) { neighbours_[each.from].send(pong{index_}); }
  void on(pong each) {
    ok_ = each.from == expected_ && ok_;
    if (--left_ == 0) {
      sink_.send(finished{ok_});
    } else {
      send_ping();
    }
  }

private:
  void send_ping() {
    expected_ = numbers_.below(big_actors);
    neighbours_[expected_].send(ping{index_});
  }

  std::uint64_t index_;
  troupe::ref<big_sink> sink_;
  random_numbers numbers_;
  big_neighbours neighbours_;
  std::uint64_t left_ = 0;
  std::uint64_t expected_ = 0;
  bool ok_ = true;
};

bool big(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto sink = rt.spawn<big_sink>(&done);
  big_neighbours actors;
  for (std::uint64_t i = 0; i < big_actors; ++i) {
    actors.push_back(rt.spawn<big_actor>(i, sink));
  }
  for (const auto& each : actors) {
    each.send(actors);
  }
  return measure_time("ns/message", done, 1, opts.scaled(big_pings), 1, 2 * big_actors, [&](std::uint64_t n) {
    for (const auto& each : actors) {
      each.send(start{n});
    }
  });
}

// fork_join_throughput: a thread outside sends to all actors in turn.

struct job {};

class throughput_actor : public troupe::actor {
public:
  explicit throughput_actor(completion* rounds) : done_(rounds) {}

  void on(start round) { left_ = round.n; }
  void on(job) {
    ok_ = compute() && ok_;
    if (--left_ == 0) {
      done_->arrive(ok_);
    }
  }

private:
  completion* done_;
  std::uint64_t left_ = 0;
  bool ok_ = true;
};

bool fork_join_throughput(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  std::vector<troupe::ref<throughput_actor>> actors;
  for (std::uint64_t i = 0; i < throughput_actors; ++i) {
    actors.push_back(rt.spawn<throughput_actor>(&done));
  }
  return measure_time("ns/message", done, throughput_actors, opts.scaled(throughput_messages), 1, throughput_actors,
                      [&](std::uint64_t n) {
                        for (const auto& each : actors) {
                          each.send(start{n});
                        }
                        for (std::uint64_t i = 0; i < n; ++i) {
                          for (const auto& each : actors) {
                            each.send(job{});
                          }
                        }
                      });
}

// fork_join_create: a thread outside makes actors that handle one message and end.

struct create_round {
  completion done;
  std::atomic<std::uint64_t> left{0};
};

class created_actor : public troupe::actor {
public:
  explicit created_actor(create_round* round) : round_(round) {}

  void on(job) {
    bool ok = compute();
    if (!ok || round_->left.fetch_sub(1, std::memory_order_relaxed) == 1) {
      round_->done.arrive(ok);
    }
    close_self();
  }

private:
  create_round* round_;
};

bool fork_join_create(const options& opts) {
  create_round round;
  troupe::runtime rt(configured(opts));
  return measure_time("ns/actor", round.done, 1, opts.scaled(created_actors), 1, 1, [&](std::uint64_t n) {
    round.left = n;
    for (std::uint64_t i = 0; i < n; ++i) {
      rt.spawn<created_actor>(&round).send(job{});
    }
  });
}

// fib_actors: an actor for each call of the recursion.

struct fib_round {
  explicit fib_round(const options& opts) : rt(configured(opts)) {}

  completion done;
  std::uint64_t expected = 0;
  troupe::runtime rt;  // last, so that no actor outlives the rest
};

class fib_actor;

struct fib_request {
  std::uint64_t n;
};

struct fib_response {
  std::uint64_t value;
};

class fib_actor : public troupe::actor {
public:
  fib_actor(troupe::ref<fib_actor> parent, fib_round* round) : parent_(std::move(parent)), round_(round) {}

  void on(fib_request call) {
    if (call.n <= 2) {
      finish(1);
      return;
    }
    round_->rt.spawn<fib_actor>(self(this), round_).send(fib_request{call.n - 1});
    round_->rt.spawn<fib_actor>(self(this), round_).send(fib_request{call.n - 2});
  }
  void on(fib_response each) {
    sum_ += each.value;
    if (++responses_ == 2) {
      finish(sum_);
    }
  }

private:
  void finish(std::uint64_t value) {
    if (parent_) {
      parent_.send(fib_response{value});
    } else {
      round_->done.arrive(value == round_->expected);
    }
    close_self();
  }

  troupe::ref<fib_actor> parent_;
  fib_round* round_;
  std::uint64_t sum_ = 0;
  unsigned responses_ = 0;
};

bool fib_actors(const options& opts) {
  fib_round round(opts);
  auto n = fib_index(opts);
  return measure_size("ns/actor", round.done, n - 5, n, static_cast<double>(fib_calls(n)), [&](std::uint64_t index) {
    round.expected = fib_value(index);
    round.rt.spawn<fib_actor>(troupe::ref<fib_actor>(), &round).send(fib_request{index});
  });
}

// chameneos: creatures meet in pairs at a mall and change their colours.

class creature;

struct meet {
  std::uint64_t colour;
  troupe::ref<creature> who;
};

struct change {
  std::uint64_t colour;
};

struct fade {};

struct meeting_count {
  std::uint64_t meetings;
};

class mall : public troupe::actor {
public:
  explicit mall(completion* rounds) : done_(rounds) {}

  void on(start round) {
    total_ = round.n;
    left_ = round.n;
  }
  void on(meet each);
  void on(meeting_count each) {
    meetings_ += each.meetings;
    if (++faded_ == chameneos_creatures) {
      done_->arrive(std::exchange(meetings_, 0) == 2 * total_);
      faded_ = 0;
    }
  }

private:
  completion* done_;
  std::uint64_t total_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t meetings_ = 0;
  std::uint64_t faded_ = 0;
  troupe::ref<creature> waiting_;
};

class creature : public troupe::actor {
public:
  creature(troupe::ref<mall> place, std::uint64_t colour) : mall_(std::move(place)), colour_(colour) {}

  void on(start) { mall_.send(meet{colour_, self(this)}); }
  void on(const meet& other) {
    colour_ = complement(colour_, other.colour);
    ++meetings_;
    other.who.send(change{colour_});
    mall_.send(meet{colour_, self(this)});
  }
  void on(change each) {
    colour_ = each.colour;
    ++meetings_;
    mall_.send(meet{colour_, self(this)});
  }
  void on(fade) { mall_.send(meeting_count{std::exchange(meetings_, 0)}); }

private:
  troupe::ref<mall> mall_;
  std::uint64_t colour_;
  std::uint64_t meetings_ = 0;
};

void mall::on(meet each) {
  if (left_ == 0) {
    each.who.send(fade{});
  } else if (!waiting_) {
    waiting_ = std::move(each.who);
  } else {
    --left_;
    std::exchange(waiting_, {}).send(std::move(each));
  }
}

bool chameneos(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto place = rt.spawn<mall>(&done);
  std::vector<troupe::ref<creature>> creatures;
  for (std::uint64_t i = 0; i < chameneos_creatures; ++i) {
    creatures.push_back(rt.spawn<creature>(place, i % 3));
  }
  return measure_time("ns/meeting", done, 1, opts.scaled(chameneos_meetings), 1, 1, [&](std::uint64_t n) {
    place.send(start{n});
    for (const auto& each : creatures) {
      each.send(start{n});
    }
  });
}

constexpr std::array<entry, 6> entries{{
    {"thread_ring", thread_ring},
    {"big", big},
    {"fork_join_throughput", fork_join_throughput},
    {"fork_join_create", fork_join_create},
    {"fib_actors", fib_actors},
    {"chameneos", chameneos},
}};

}  // namespace

std::span<const entry> micro() { return entries; }

}  // namespace bench::savina
