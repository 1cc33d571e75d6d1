// The concurrency benchmarks of Savina, for Troupe: actors that share something.

#include "benches.hpp"
#include "troupe_setup.hpp"
#include "work.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

namespace bench::savina {

namespace {

// concurrent_dictionary: workers read and write the entries of one actor.

class dictionary_worker;

struct read_entry {
  std::uint64_t key;
  troupe::ref<dictionary_worker> from;
};

struct write_entry {
  std::uint64_t key;
  std::uint64_t value;
  troupe::ref<dictionary_worker> from;
};

struct entry_value {
  std::uint64_t value;
};

class dictionary : public troupe::actor {
public:
  dictionary() {
    for (std::uint64_t i = 0; i < dictionary_entries; ++i) {
      entries_.emplace(i, i);
    }
  }

  void on(const read_entry& each);
  void on(const write_entry& each);

private:
  std::unordered_map<std::uint64_t, std::uint64_t> entries_;
};

class dictionary_worker : public troupe::actor {
public:
  dictionary_worker(std::uint64_t index, troupe::ref<dictionary> shared, completion* rounds)
      : dictionary_(std::move(shared)), done_(rounds), numbers_(index) {}

  void on(start round) {
    left_ = round.n;
    send_request();
  }
  void on(entry_value each) {
    ok_ = each.value % dictionary_entries == key_ && ok_;
    if (--left_ == 0) {
      done_->arrive(ok_);
    } else {
      send_request();
    }
  }

private:
  void send_request() {
    key_ = numbers_.below(dictionary_entries);
    if (numbers_.below(100) < dictionary_writes) {
      dictionary_.send(write_entry{key_, key_ + numbers_.below(1000) * dictionary_entries, self(this)});
    } else {
      dictionary_.send(read_entry{key_, self(this)});
    }
  }

  troupe::ref<dictionary> dictionary_;
  completion* done_;
  random_numbers numbers_;
  std::uint64_t left_ = 0;
  std::uint64_t key_ = 0;
  bool ok_ = true;
};

void dictionary::on(const read_entry& each) { each.from.send(entry_value{entries_.find(each.key)->second}); }

void dictionary::on(const write_entry& each) {
  entries_[each.key] = each.value;
  each.from.send(entry_value{each.value});
}

bool concurrent_dictionary(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto shared = rt.spawn<dictionary>();
  std::vector<troupe::ref<dictionary_worker>> workers;
  for (std::uint64_t i = 0; i < dictionary_workers; ++i) {
    workers.push_back(rt.spawn<dictionary_worker>(i, shared, &done));
  }
  return measure_time("ns/request", done, dictionary_workers, opts.scaled(dictionary_requests), 1, dictionary_workers,
                      [&](std::uint64_t n) {
                        for (const auto& each : workers) {
                          each.send(start{n});
                        }
                      });
}

// bounded_buffer: a manager hands the items of producers to consumers, and holds the producers back.

class producer;
class consumer;

struct produce {};

struct data_item {
  double data;
  troupe::ref<producer> from;
};

struct available {
  troupe::ref<consumer> who;
};

struct producer_finished {};

class manager : public troupe::actor {
public:
  explicit manager(completion* rounds) : done_(rounds) {}

  void on(start round) {
    finished_ = 0;
    handed_ = 0;
    expected_ = round.n * buffer_producers;
  }
  void on(data_item each);
  void on(const available& each);
  void on(producer_finished) {
    ++finished_;
    try_finish();
  }

private:
  void try_finish() {
    if (finished_ == buffer_producers && consumers_.size() == buffer_consumers) {
      done_->arrive(handed_ == expected_);
    }
  }

  completion* done_;
  std::deque<data_item> pending_;
  std::deque<troupe::ref<consumer>> consumers_;
  std::deque<troupe::ref<producer>> producers_;
  std::uint64_t finished_ = 0;
  std::uint64_t handed_ = 0;
  std::uint64_t expected_ = 0;
};

class producer : public troupe::actor {
public:
  explicit producer(troupe::ref<manager> buffer) : manager_(std::move(buffer)) {}

  void on(start round) { left_ = round.n; }
  void on(produce) {
    if (left_ == 0) {
      manager_.send(producer_finished{});
    } else {
      --left_;
      item_ = process_item(item_, buffer_cost);
      manager_.send(data_item{item_, self(this)});
    }
  }

private:
  troupe::ref<manager> manager_;
  double item_ = 0;
  std::uint64_t left_ = 0;
};

class consumer : public troupe::actor {
public:
  explicit consumer(troupe::ref<manager> buffer) : manager_(std::move(buffer)) {}

  void on_start() { manager_.send(available{self(this)}); }
  void on(const data_item& each) {
    item_ = process_item(item_ + each.data, buffer_cost);
    manager_.send(available{self(this)});
  }

private:
  troupe::ref<manager> manager_;
  double item_ = 0;
};

void manager::on(data_item each) {
  auto from = each.from;
  if (consumers_.empty()) {
    pending_.push_back(std::move(each));
  } else {
    ++handed_;
    consumers_.front().send(std::move(each));
    consumers_.pop_front();
  }
  if (pending_.size() >= buffer_size - buffer_producers) {
    producers_.push_back(std::move(from));
  } else {
    from.send(produce{});
  }
}

void manager::on(const available& each) {
  if (pending_.empty()) {
    consumers_.push_back(each.who);
    try_finish();
    return;
  }
  ++handed_;
  each.who.send(std::move(pending_.front()));
  pending_.pop_front();
  if (!producers_.empty()) {
    producers_.front().send(produce{});
    producers_.pop_front();
  }
}

bool bounded_buffer(const options& opts) {
  completion done;
  troupe::runtime rt(configured(opts));
  auto buffer = rt.spawn<manager>(&done);
  for (std::uint64_t i = 0; i < buffer_consumers; ++i) {
    rt.spawn<consumer>(buffer);
  }
  std::vector<troupe::ref<producer>> producers;
  for (std::uint64_t i = 0; i < buffer_producers; ++i) {
    producers.push_back(rt.spawn<producer>(buffer));
  }
  return measure_time("ns/item", done, 1, opts.scaled(buffer_items), 1, buffer_producers, [&](std::uint64_t n) {
    buffer.send(start{n});
    for (const auto& each : producers) {
      each.send(start{n});
      each.send(produce{});
    }
  });
}

// philosophers: an arbitrator has the forks, and denies them to who comes too early.

class philosopher;

struct hungry {
  std::uint64_t index;
  troupe::ref<philosopher> who;
};

struct done_eating {
  std::uint64_t index;
};

struct eat {};
struct denied {};
struct think {};

struct philosopher_finished {
  std::uint64_t denials;
};

/// What a round of philosophers has to say: how often they were denied a fork.
struct dinner {
  completion done;
  std::uint64_t meals = 0;
  std::uint64_t denials = 0;
};

class arbitrator : public troupe::actor {
public:
  explicit arbitrator(dinner* round) : round_(round) {}

  void on(const hungry& each);
  void on(done_eating each) {
    taken_[each.index] = false;
    taken_[(each.index + 1) % philosophers] = false;
  }
  void on(philosopher_finished each) {
    denials_ += each.denials;
    if (++finished_ == philosophers) {
      round_->denials = std::exchange(denials_, 0);
      finished_ = 0;
      round_->done.arrive(std::exchange(meals_, 0) == round_->meals);
    }
  }

private:
  dinner* round_;
  std::array<bool, philosophers> taken_{};
  std::uint64_t meals_ = 0;
  std::uint64_t denials_ = 0;
  std::uint64_t finished_ = 0;
};

class philosopher : public troupe::actor {
public:
  philosopher(std::uint64_t index, troupe::ref<arbitrator> forks) : index_(index), arbitrator_(std::move(forks)) {}

  void on(start round) {
    left_ = round.n;
    arbitrator_.send(hungry{index_, self(this)});
  }
  void on(think) { arbitrator_.send(hungry{index_, self(this)}); }
  void on(eat) {
    arbitrator_.send(done_eating{index_});
    if (--left_ > 0) {
      self(this).send(think{});
    } else {
      arbitrator_.send(philosopher_finished{std::exchange(denials_, 0)});
    }
  }
  void on(denied) {
    ++denials_;
    arbitrator_.send(hungry{index_, self(this)});
  }

private:
  std::uint64_t index_;
  troupe::ref<arbitrator> arbitrator_;
  std::uint64_t left_ = 0;
  std::uint64_t denials_ = 0;
};

void arbitrator::on(const hungry& each) {
  auto& left = taken_[each.index];
  auto& right = taken_[(each.index + 1) % philosophers];
  if (left || right) {
    each.who.send(denied{});
  } else {
    left = right = true;
    ++meals_;
    each.who.send(eat{});
  }
}

bool dining_philosophers(const options& opts) {
  dinner round;
  troupe::runtime rt(configured(opts));
  auto forks = rt.spawn<arbitrator>(&round);
  std::vector<troupe::ref<philosopher>> all;
  for (std::uint64_t i = 0; i < philosophers; ++i) {
    all.push_back(rt.spawn<philosopher>(i, forks));
  }
  bool ok =
      measure_time("ns/meal", round.done, 1, opts.scaled(philosopher_meals), 1, philosophers, [&](std::uint64_t n) {
        round.meals = n * philosophers;
        for (const auto& each : all) {
          each.send(start{n});
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
