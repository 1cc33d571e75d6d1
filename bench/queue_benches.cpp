#include "queue_benches.hpp"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include <troupe/actors/runtime.hpp>
#include <troupe/exchange/exchange.hpp>
#include <troupe/exchange/publish_window.hpp>

namespace bench {

namespace {

constexpr std::uint64_t producers = 4;
constexpr std::uint64_t consumers = 4;
constexpr std::size_t window = 64;

struct job {
  std::uint64_t number;
  std::array<std::uint64_t, 7> payload;
};
static_assert(sizeof(job) == 64);

/// Which numbers have been handled: each exactly once, or the check fails.
class ledger {
public:
  explicit ledger(std::uint64_t numbers) : seen_(numbers) {}
  void begin() { std::fill(seen_.begin(), seen_.end(), std::uint8_t{0}); }
  /// Each number belongs to one consumer at a time, and to one for good.
  void note(std::uint64_t number) { ++seen_[number]; }
  bool each_once(std::uint64_t numbers) const {
    for (std::uint64_t i = 0; i != numbers; ++i)
      if (seen_[i] != 1) return false;
    return true;
  }

private:
  std::vector<std::uint8_t> seen_;
};

class consumer : public troupe::actor {
public:
  explicit consumer(ledger& l) : ledger_(&l) {}
  void on(const job& each) { ledger_->note(each.number); }

private:
  ledger* ledger_;
};

struct begin {
  std::uint64_t first;
  std::uint64_t n;
};

/// Arrives when all that it has published is acknowledged.
class producer : public troupe::actor {
public:
  producer(const troupe::exchange<job>& jobs, completion& done) : window_(jobs, window), done_(&done) {}

  troupe::task<> on(begin round) {
    for (std::uint64_t i = 0; i != round.n; ++i) {
      co_await window_.room();
      if (!window_.publish({round.first + i, {}})) done_->arrive(false);
    }
    co_await window_.emptied();
    done_->arrive();
  }

private:
  troupe::publish_window<job> window_;
  completion* done_;
};

}  // namespace

bool publish_queue(const options& opts) {
  completion done;
  const std::uint64_t messages = opts.scaled(2'000'000, producers);
  ledger seen(messages);
  troupe::runtime rt({.workers = opts.workers});
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{});
  std::vector<troupe::subscription> members;
  std::vector<troupe::ref<producer>> sources;
  for (std::uint64_t i = 0; i != consumers; ++i)
    members.push_back(jobs.attach(rt.spawn<consumer>(seen), {.prefetch = window}));
  for (std::uint64_t i = 0; i != producers; ++i) sources.push_back(rt.spawn<producer>(jobs, done));
  std::uint64_t numbers = 0;
  const bool in_time = measure_time("ns/message", done, producers, messages, producers, 1, [&](std::uint64_t n) {
    numbers = n;
    seen.begin();
    for (std::uint64_t i = 0; i != producers; ++i) sources[i].send(begin{i * (n / producers), n / producers});
  });
  if (seen.each_once(numbers)) return in_time;
  std::fprintf(stderr, "self check failed: a message was not handled exactly once\n");
  return false;
}

}  // namespace bench
