// The concurrency benchmarks of Savina, for CAF: actors that share something.

#include "benches.hpp"
#include "caf_setup.hpp"
#include "work.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

namespace bench::savina {

namespace {

using read_atom = caf::atom_constant<caf::atom("read")>;
using write_atom = caf::atom_constant<caf::atom("write")>;
using produce_atom = caf::atom_constant<caf::atom("produce")>;
using available_atom = caf::atom_constant<caf::atom("available")>;
using finished_atom = caf::atom_constant<caf::atom("finished")>;
using hungry_atom = caf::atom_constant<caf::atom("hungry")>;
using done_atom = caf::atom_constant<caf::atom("done")>;
using eat_atom = caf::atom_constant<caf::atom("eat")>;
using denied_atom = caf::atom_constant<caf::atom("denied")>;
using think_atom = caf::atom_constant<caf::atom("think")>;

// concurrent_dictionary: workers read and write the entries of one actor.

class dictionary : public caf::event_based_actor {
public:
  explicit dictionary(caf::actor_config& cfg) : event_based_actor(cfg) {
    for (std::uint64_t i = 0; i < dictionary_entries; ++i) {
      entries_.emplace(i, i);
    }
  }

  caf::behavior make_behavior() override {
    return {
        [this](read_atom, std::uint64_t key, const caf::actor& from) { send(from, entries_.find(key)->second); },
        [this](write_atom, std::uint64_t key, std::uint64_t value, const caf::actor& from) {
          entries_[key] = value;
          send(from, value);
        },
    };
  }

private:
  std::unordered_map<std::uint64_t, std::uint64_t> entries_;
};

class dictionary_worker : public caf::event_based_actor {
public:
  dictionary_worker(caf::actor_config& cfg, std::uint64_t index, caf::actor shared, completion* rounds)
      : event_based_actor(cfg), dictionary_(std::move(shared)), done_(rounds), numbers_(index) {}

  caf::behavior make_behavior() override {
    return {
        [this](std::uint64_t value) {
          ok_ = value % dictionary_entries == key_ && ok_;
          if (--left_ == 0) {
            done_->arrive(ok_);
          } else {
            send_request();
          }
        },
        [this](start_atom, std::uint64_t n) {
          left_ = n;
          send_request();
        },
    };
  }

private:
  void send_request() {
    key_ = numbers_.below(dictionary_entries);
    if (numbers_.below(100) < dictionary_writes) {
      send(dictionary_, write_atom::value, key_, key_ + numbers_.below(1000) * dictionary_entries, caf::actor(this));
    } else {
      send(dictionary_, read_atom::value, key_, caf::actor(this));
    }
  }

  caf::actor dictionary_;
  completion* done_;
  random_numbers numbers_;
  std::uint64_t left_ = 0;
  std::uint64_t key_ = 0;
  bool ok_ = true;
};

bool concurrent_dictionary(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto shared = sys.spawn<dictionary>();
  std::vector<caf::actor> workers;
  for (std::uint64_t i = 0; i < dictionary_workers; ++i) {
    workers.push_back(sys.spawn<dictionary_worker>(i, shared, &done));
  }
  return measure_time("ns/request", done, dictionary_workers, opts.scaled(dictionary_requests), 1, dictionary_workers,
                      [&](std::uint64_t n) {
                        for (const auto& each : workers) {
                          caf::anon_send(each, start_atom::value, n);
                        }
                      });
}

// bounded_buffer: a manager hands the items of producers to consumers, and holds the producers back.

class manager : public caf::event_based_actor {
public:
  manager(caf::actor_config& cfg, completion* rounds) : event_based_actor(cfg), done_(rounds) {}

  caf::behavior make_behavior() override {
    return {
        [this](double data, const caf::actor& from) { take(data, from); },
        [this](available_atom, const caf::actor& who) { hand_out(who); },
        [this](finished_atom) {
          ++finished_;
          try_finish();
        },
        [this](start_atom, std::uint64_t n) {
          finished_ = 0;
          handed_ = 0;
          expected_ = n * buffer_producers;
        },
    };
  }
  void on_exit() override {
    pending_.clear();
    consumers_.clear();
    producers_.clear();
  }

private:
  struct data_item {
    double data;
    caf::actor from;
  };

  void take(double data, const caf::actor& from) {
    if (consumers_.empty()) {
      pending_.push_back({data, from});
    } else {
      ++handed_;
      send(consumers_.front(), data, from);
      consumers_.pop_front();
    }
    if (pending_.size() >= buffer_size - buffer_producers) {
      producers_.push_back(from);
    } else {
      send(from, produce_atom::value);
    }
  }
  void hand_out(const caf::actor& who) {
    if (pending_.empty()) {
      consumers_.push_back(who);
      try_finish();
      return;
    }
    ++handed_;
    send(who, pending_.front().data, std::move(pending_.front().from));
    pending_.pop_front();
    if (!producers_.empty()) {
      send(producers_.front(), produce_atom::value);
      producers_.pop_front();
    }
  }
  void try_finish() {
    if (finished_ == buffer_producers && consumers_.size() == buffer_consumers) {
      done_->arrive(handed_ == expected_);
    }
  }

  completion* done_;
  std::deque<data_item> pending_;
  std::deque<caf::actor> consumers_;
  std::deque<caf::actor> producers_;
  std::uint64_t finished_ = 0;
  std::uint64_t handed_ = 0;
  std::uint64_t expected_ = 0;
};

class producer : public caf::event_based_actor {
public:
  producer(caf::actor_config& cfg, caf::actor buffer) : event_based_actor(cfg), manager_(std::move(buffer)) {}

  caf::behavior make_behavior() override {
    return {
        [this](produce_atom) {
          if (left_ == 0) {
            send(manager_, finished_atom::value);
          } else {
            --left_;
            item_ = process_item(item_, buffer_cost);
            send(manager_, item_, caf::actor(this));
          }
        },
        [this](start_atom, std::uint64_t n) { left_ = n; },
    };
  }

private:
  caf::actor manager_;
  double item_ = 0;
  std::uint64_t left_ = 0;
};

class consumer : public caf::event_based_actor {
public:
  consumer(caf::actor_config& cfg, caf::actor buffer) : event_based_actor(cfg), manager_(std::move(buffer)) {}

  caf::behavior make_behavior() override {
    send(manager_, available_atom::value, caf::actor(this));
    return {
        [this](double data, const caf::actor&) {
          item_ = process_item(item_ + data, buffer_cost);
          send(manager_, available_atom::value, caf::actor(this));
        },
    };
  }

private:
  caf::actor manager_;
  double item_ = 0;
};

bool bounded_buffer(const options& opts) {
  completion done;
  system_under_test sys(opts);
  auto buffer = sys.spawn<manager>(&done);
  for (std::uint64_t i = 0; i < buffer_consumers; ++i) {
    sys.spawn<consumer>(buffer);
  }
  std::vector<caf::actor> producers;
  for (std::uint64_t i = 0; i < buffer_producers; ++i) {
    producers.push_back(sys.spawn<producer>(buffer));
  }
  return measure_time("ns/item", done, 1, opts.scaled(buffer_items), 1, buffer_producers, [&](std::uint64_t n) {
    caf::anon_send(buffer, start_atom::value, n);
    for (const auto& each : producers) {
      caf::anon_send(each, start_atom::value, n);
      caf::anon_send(each, produce_atom::value);
    }
  });
}

// philosophers: an arbitrator has the forks, and denies them to who comes too early.

/// What a round of philosophers has to say: how often they were denied a fork.
struct dinner {
  completion done;
  std::uint64_t meals = 0;
  std::uint64_t denials = 0;
};

class arbitrator : public caf::event_based_actor {
public:
  arbitrator(caf::actor_config& cfg, dinner* round) : event_based_actor(cfg), round_(round) {}

  caf::behavior make_behavior() override {
    return {
        [this](hungry_atom, std::uint64_t index, const caf::actor& who) {
          auto& left = taken_[index];
          auto& right = taken_[(index + 1) % philosophers];
          if (left || right) {
            send(who, denied_atom::value);
          } else {
            left = right = true;
            ++meals_;
            send(who, eat_atom::value);
          }
        },
        [this](done_atom, std::uint64_t index) {
          taken_[index] = false;
          taken_[(index + 1) % philosophers] = false;
        },
        [this](finished_atom, std::uint64_t denials) {
          denials_ += denials;
          if (++finished_ == philosophers) {
            round_->denials = std::exchange(denials_, 0);
            finished_ = 0;
            round_->done.arrive(std::exchange(meals_, 0) == round_->meals);
          }
        },
    };
  }

private:
  dinner* round_;
  std::array<bool, philosophers> taken_{};
  std::uint64_t meals_ = 0;
  std::uint64_t denials_ = 0;
  std::uint64_t finished_ = 0;
};

class philosopher : public caf::event_based_actor {
public:
  philosopher(caf::actor_config& cfg, std::uint64_t index, caf::actor forks)
      : event_based_actor(cfg), index_(index), arbitrator_(std::move(forks)) {}

  caf::behavior make_behavior() override {
    return {
        [this](eat_atom) {
          send(arbitrator_, done_atom::value, index_);
          if (--left_ > 0) {
            send(this, think_atom::value);
          } else {
            send(arbitrator_, finished_atom::value, std::exchange(denials_, 0));
          }
        },
        [this](denied_atom) {
          ++denials_;
          send(arbitrator_, hungry_atom::value, index_, caf::actor(this));
        },
        [this](think_atom) { send(arbitrator_, hungry_atom::value, index_, caf::actor(this)); },
        [this](start_atom, std::uint64_t n) {
          left_ = n;
          send(arbitrator_, hungry_atom::value, index_, caf::actor(this));
        },
    };
  }

private:
  std::uint64_t index_;
  caf::actor arbitrator_;
  std::uint64_t left_ = 0;
  std::uint64_t denials_ = 0;
};

bool dining_philosophers(const options& opts) {
  dinner round;
  system_under_test sys(opts);
  auto forks = sys.spawn<arbitrator>(&round);
  std::vector<caf::actor> all;
  for (std::uint64_t i = 0; i < philosophers; ++i) {
    all.push_back(sys.spawn<philosopher>(i, forks));
  }
  bool ok =
      measure_time("ns/meal", round.done, 1, opts.scaled(philosopher_meals), 1, philosophers, [&](std::uint64_t n) {
        round.meals = n * philosophers;
        for (const auto& each : all) {
          caf::anon_send(each, start_atom::value, n);
        }
      });
  return print_metric("denials", "denials/meal", static_cast<double>(round.denials) / static_cast<double>(round.meals),
                      ok);
}

constexpr std::array<entry, 3> entries{{
    {"concurrent_dictionary", concurrent_dictionary},
    {"bounded_buffer", bounded_buffer},
    {"philosophers", dining_philosophers},
}};

}  // namespace

std::span<const entry> concurrency() { return entries; }

}  // namespace bench::savina
