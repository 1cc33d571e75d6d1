// The micro-benchmarks of Savina, for CAF.

#include "benches.hpp"
#include "caf_setup.hpp"
#include "work.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

namespace bench::savina {

namespace {

using ping_atom = caf::atom_constant<caf::atom("ping")>;
using pong_atom = caf::atom_constant<caf::atom("pong")>;
using finished_atom = caf::atom_constant<caf::atom("finished")>;
using job_atom = caf::atom_constant<caf::atom("job")>;
using meet_atom = caf::atom_constant<caf::atom("meet")>;
using change_atom = caf::atom_constant<caf::atom("change")>;
using fade_atom = caf::atom_constant<caf::atom("fade")>;

// thread_ring: one token goes around a ring of actors.

struct ring_round {
  completion done;
  std::uint64_t last = 0;  ///< the actor at which it has to end
};

class ring_actor : public caf::event_based_actor {
public:
  ring_actor(caf::actor_config& cfg, std::uint64_t index, ring_round* round)
      : event_based_actor(cfg), index_(index), round_(round) {}

  caf::behavior make_behavior() override {
    return {
        [this](std::uint64_t left) {
          if (left == 0) {
            round_->done.arrive(index_ == round_->last);
          } else {
            send(next_, left - 1);
          }
        },
        [this](const caf::actor& next) { next_ = next; },
    };
  }
  void on_exit() override { destroy(next_); }

private:
  std::uint64_t index_;
  ring_round* round_;
  caf::actor next_;
};

bool thread_ring(const options& opts) {
  ring_round round;
  system_under_test sys(opts);
  std::vector<caf::actor> actors;
  for (std::uint64_t i = 0; i < ring_actors; ++i) {
    actors.push_back(sys.spawn<ring_actor>(i, &round));
  }
  for (std::uint64_t i = 0; i < ring_actors; ++i) {
    caf::anon_send(actors[i], actors[(i + 1) % ring_actors]);
  }
  return measure_time("ns/message", round.done, 1, opts.scaled(ring_pings), 1, 1, [&](std::uint64_t n) {
    round.last = (n - 1) % ring_actors;
    caf::anon_send(actors[0], n - 1);
  });
}

// big: each actor pings another at random and waits for its pong, again and again.

class big_sink : public caf::event_based_actor {
public:
  big_sink(caf::actor_config& cfg, completion* rounds) : event_based_actor(cfg), done_(rounds) {}

  caf::behavior make_behavior() override {
    return {
        [this](finished_atom, bool ok) {
          ok_ = ok && ok_;
          if (++finished_ == big_actors) {
            finished_ = 0;
            done_->arrive(ok_);
          }
        },
    };
  }

private:
  completion* done_;
  std::uint64_t finished_ = 0;
  bool ok_ = true;
};

class big_actor : public caf::event_based_actor {
public:
  big_actor(caf::actor_config& cfg, std::uint64_t index, caf::actor sink)
      : event_based_actor(cfg), index_(index), sink_(std::move(sink)), numbers_(index) {}

  caf::behavior make_behavior() override {
    return {
        [this](ping_atom, std::uint64_t from) { send(neighbours_[from], pong_atom::value, index_); },
        [this](pong_atom, std::uint64_t from) {
          ok_ = from == expected_ && ok_;
          if (--left_ == 0) {
            send(sink_, finished_atom::value, ok_);
          } else {
            send_ping();
          }
        },
        [this](start_atom, std::uint64_t n) {
          left_ = n;
          send_ping();
        },
        [this](std::vector<caf::actor>& all) { neighbours_ = std::move(all); },
    };
  }
  void on_exit() override { neighbours_.clear(); }

private:
  void send_ping() {
    expected_ = numbers_.below(big_actors);
    send(neighbours_[expected_], ping_atom::value, index_);
  }

  std::uint64_t index_;
  caf::actor sink_;
  random_numbers numbers_;
  std::vector<caf::actor> neighbours_;
  std::uint64_t left_ = 0;
  std::uint64_t expected_ = 0;
  bool ok_ = true;
};

bool big(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto sink = sys.spawn<big_sink>(&done);
  std::vector<caf::actor> actors;
  for (std::uint64_t i = 0; i < big_actors; ++i) {
    actors.push_back(sys.spawn<big_actor>(i, sink));
  }
  for (const auto& each : actors) {
    caf::anon_send(each, actors);
  }
  return measure_time("ns/message", done, 1, opts.scaled(big_pings), 1, 2 * big_actors, [&](std::uint64_t n) {
    for (const auto& each : actors) {
      caf::anon_send(each, start_atom::value, n);
    }
  });
}

// fork_join_throughput: a thread outside sends to all actors in turn.

class throughput_actor : public caf::event_based_actor {
public:
  throughput_actor(caf::actor_config& cfg, completion* rounds) : event_based_actor(cfg), done_(rounds) {}

  caf::behavior make_behavior() override {
    return {
        [this](job_atom) {
          ok_ = compute() && ok_;
          if (--left_ == 0) {
            done_->arrive(ok_);
          }
        },
        [this](start_atom, std::uint64_t n) { left_ = n; },
    };
  }

private:
  completion* done_;
  std::uint64_t left_ = 0;
  bool ok_ = true;
};

bool fork_join_throughput(const options& opts) {
  completion done;
  system_under_test sys(opts);
  std::vector<caf::actor> actors;
  for (std::uint64_t i = 0; i < throughput_actors; ++i) {
    actors.push_back(sys.spawn<throughput_actor>(&done));
  }
  return measure_time("ns/message", done, throughput_actors, opts.scaled(throughput_messages), 1, throughput_actors,
                      [&](std::uint64_t n) {
                        for (const auto& each : actors) {
                          caf::anon_send(each, start_atom::value, n);
                        }
                        for (std::uint64_t i = 0; i < n; ++i) {
                          for (const auto& each : actors) {
                            caf::anon_send(each, job_atom::value);
                          }
                        }
                      });
}

// fork_join_create: a thread outside makes actors that handle one message and end.

struct create_round {
  completion done;
  std::atomic<std::uint64_t> left{0};
};

class created_actor : public caf::event_based_actor {
public:
  created_actor(caf::actor_config& cfg, create_round* round) : event_based_actor(cfg), round_(round) {}

  caf::behavior make_behavior() override {
    return {
        [this](job_atom) {
          bool ok = compute();
          if (!ok || round_->left.fetch_sub(1, std::memory_order_relaxed) == 1) {
            round_->done.arrive(ok);
          }
          quit();
        },
    };
  }

private:
  create_round* round_;
};

bool fork_join_create(const options& opts) {
  create_round round;
  system_under_test sys(opts);
  return measure_time("ns/actor", round.done, 1, opts.scaled(created_actors), 1, 1, [&](std::uint64_t n) {
    round.left = n;
    for (std::uint64_t i = 0; i < n; ++i) {
      caf::anon_send(sys->spawn<created_actor>(&round), job_atom::value);
    }
  });
}

// fib_actors: an actor for each call of the recursion.

struct fib_round {
  completion done;
  std::uint64_t expected = 0;
};

using request_atom = caf::atom_constant<caf::atom("request")>;

class fib_actor : public caf::event_based_actor {
public:
  fib_actor(caf::actor_config& cfg, caf::actor parent, fib_round* round)
      : event_based_actor(cfg), parent_(std::move(parent)), round_(round) {}

  caf::behavior make_behavior() override {
    return {
        [this](request_atom, std::uint64_t n) {
          if (n <= 2) {
            finish(1);
            return;
          }
          send(spawn<fib_actor>(caf::actor(this), round_), request_atom::value, n - 1);
          send(spawn<fib_actor>(caf::actor(this), round_), request_atom::value, n - 2);
        },
        [this](std::uint64_t value) {
          sum_ += value;
          if (++responses_ == 2) {
            finish(sum_);
          }
        },
    };
  }

private:
  void finish(std::uint64_t value) {
    if (parent_) {
      send(parent_, value);
    } else {
      round_->done.arrive(value == round_->expected);
    }
    quit();
  }

  caf::actor parent_;
  fib_round* round_;
  std::uint64_t sum_ = 0;
  unsigned responses_ = 0;
};

bool fib_actors(const options& opts) {
  fib_round round;
  system_under_test sys(opts);
  auto n = fib_index(opts);
  return measure_size("ns/actor", round.done, n - 5, n, static_cast<double>(fib_calls(n)), [&](std::uint64_t index) {
    round.expected = fib_value(index);
    caf::anon_send(sys->spawn<fib_actor>(caf::actor(), &round), request_atom::value, index);
  });
}

// chameneos: creatures meet in pairs at a mall and change their colours.

class mall : public caf::event_based_actor {
public:
  mall(caf::actor_config& cfg, completion* rounds) : event_based_actor(cfg), done_(rounds) {}

  caf::behavior make_behavior() override {
    return {
        [this](meet_atom, std::uint64_t colour, const caf::actor& who) {
          if (left_ == 0) {
            send(who, fade_atom::value);
          } else if (!waiting_) {
            waiting_ = who;
          } else {
            --left_;
            send(std::exchange(waiting_, {}), meet_atom::value, colour, who);
          }
        },
        [this](std::uint64_t meetings) {
          meetings_ += meetings;
          if (++faded_ == chameneos_creatures) {
            done_->arrive(std::exchange(meetings_, 0) == 2 * total_);
            faded_ = 0;
          }
        },
        [this](start_atom, std::uint64_t n) {
          total_ = n;
          left_ = n;
        },
    };
  }
  void on_exit() override { destroy(waiting_); }

private:
  completion* done_;
  std::uint64_t total_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t meetings_ = 0;
  std::uint64_t faded_ = 0;
  caf::actor waiting_;
};

class creature : public caf::event_based_actor {
public:
  creature(caf::actor_config& cfg, caf::actor place, std::uint64_t colour)
      : event_based_actor(cfg), mall_(std::move(place)), colour_(colour) {}

  caf::behavior make_behavior() override {
    return {
        [this](meet_atom, std::uint64_t colour, const caf::actor& who) {
          colour_ = complement(colour_, colour);
          ++meetings_;
          send(who, change_atom::value, colour_);
          send(mall_, meet_atom::value, colour_, caf::actor(this));
        },
        [this](change_atom, std::uint64_t colour) {
          colour_ = colour;
          ++meetings_;
          send(mall_, meet_atom::value, colour_, caf::actor(this));
        },
        [this](fade_atom) { send(mall_, std::exchange(meetings_, 0)); },
        [this](start_atom) { send(mall_, meet_atom::value, colour_, caf::actor(this)); },
    };
  }

private:
  caf::actor mall_;
  std::uint64_t colour_;
  std::uint64_t meetings_ = 0;
};

bool chameneos(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto place = sys.spawn<mall>(&done);
  std::vector<caf::actor> creatures;
  for (std::uint64_t i = 0; i < chameneos_creatures; ++i) {
    creatures.push_back(sys.spawn<creature>(place, i % 3));
  }
  return measure_time("ns/meeting", done, 1, opts.scaled(chameneos_meetings), 1, 1, [&](std::uint64_t n) {
    caf::anon_send(place, start_atom::value, n);
    for (const auto& each : creatures) {
      caf::anon_send(each, start_atom::value);
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
