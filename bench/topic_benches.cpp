#include "topic_benches.hpp"

#include "savina/troupe_setup.hpp"

#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <troupe/base/epoch.hpp>
#include <troupe/exchange/router.hpp>
#include <troupe/troupe.hpp>

namespace bench {

namespace {

using savina::configured;
using savina::start;

struct quote {
  std::uint64_t sequence;
  std::array<double, 7> values;
};
static_assert(sizeof(quote) == 64);

/// The time that the calling thread has spent, ns: leaves out what others on the machine take.
double own_time() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Have all that was published to you counted.
struct report {};

struct totals {
  completion done;
  std::atomic<std::uint64_t> routed{0};
  std::atomic<std::uint64_t> handled{0};
};

class reader : public troupe::actor {
public:
  explicit reader(totals* to) : to_(to) {}

  void on(const quote&) { ++received_; }
  void on(report) {
    to_->handled += std::exchange(received_, 0);
    to_->done.arrive();
  }

private:
  totals* to_;
  std::uint64_t received_ = 0;
};

using readers = std::vector<troupe::ref<reader>>;
using texts = std::vector<std::string>;

class teller : public troupe::actor {
public:
  teller(troupe::exchange<quote> to, const texts* keys, const readers* all, totals* sums)
      : to_(std::move(to)), keys_(keys), all_(all), sums_(sums) {}

  /// Publishes in runs of some ten deliveries to each, and lets others work in between.
  troupe::task<> on(start round) {
    std::uint64_t run = 0;
    for (std::uint64_t i = 0; i != round.n; ++i) {
      const std::size_t receivers = to_.publish((*keys_)[i % keys_->size()], quote{i, {}});
      sums_->routed += receivers;
      if ((run += receivers) < 10 * all_->size()) continue;
      run = 0;
      co_await troupe::this_task::yield();
    }
    for (const auto& each : *all_) each.send(report{});
  }

private:
  troupe::exchange<quote> to_;
  const texts* keys_;
  const readers* all_;
  totals* sums_;
};

/// Of `vocabulary` words for each place: two of the four words are given, the other two are `*` or one `#`. A key
/// matches one in `vocabulary` squared.
texts two_words_of_four(std::size_t n, unsigned vocabulary) {
  std::mt19937 random(1);
  const auto word = [&](char place) { return place + std::to_string(random() % vocabulary); };
  texts made;
  for (std::size_t i = 0; i != n; ++i) {
    switch (i % 9) {
      case 0: made.push_back(word('a') + "." + word('b') + ".*.*"); break;
      case 1: made.push_back(word('a') + ".*." + word('c') + ".*"); break;
      case 2: made.push_back(word('a') + ".*.*." + word('d')); break;
      case 3: made.push_back("*." + word('b') + "." + word('c') + ".*"); break;
      case 4: made.push_back("*." + word('b') + ".*." + word('d')); break;
      case 5: made.push_back("*.*." + word('c') + "." + word('d')); break;
      case 6: made.push_back(word('a') + "." + word('b') + ".#"); break;
      case 7: made.push_back(word('a') + ".#." + word('d')); break;
      default: made.push_back("#." + word('c') + "." + word('d')); break;
    }
  }
  return made;
}

texts keys_of_four(std::size_t n, unsigned vocabulary) {
  std::mt19937 random(2);
  const auto word = [&](char place) { return place + std::to_string(random() % vocabulary); };
  texts made;
  for (std::size_t i = 0; i != n; ++i) made.push_back(word('a') + "." + word('b') + "." + word('c') + "." + word('d'));
  return made;
}

// The plain matcher: patterns taken apart beforehand, each tested against the words of the key.

using words = std::vector<std::string_view>;

words split(std::string_view text) {
  words made;
  for (std::size_t from = 0;;) {
    const std::size_t dot = text.find('.', from);
    made.push_back(text.substr(from, dot - from));
    if (dot == std::string_view::npos) return made;
    from = dot + 1;
  }
}

bool fits(const std::string_view* pattern, const std::string_view* pattern_end, const std::string_view* word,
          const std::string_view* end) {
  for (; pattern != pattern_end; ++pattern, ++word) {
    if (*pattern == "#") {
      for (;; ++word) {
        if (fits(pattern + 1, pattern_end, word, end)) return true;
        if (word == end) return false;
      }
    }
    if (word == end || (*pattern != "*" && *pattern != *word)) return false;
  }
  return word == end;
}

double each_binding(const texts& patterns, const texts& keys, std::uint64_t n) {
  std::vector<words> taken_apart;
  for (const auto& each : patterns) taken_apart.push_back(split(each));
  std::uint64_t matches = 0;
  const double begin = own_time();
  for (std::uint64_t i = 0; i != n; ++i) {
    const words key = split(keys[i % keys.size()]);
    for (const words& each : taken_apart)
      matches += fits(each.data(), each.data() + each.size(), key.data(), key.data() + key.size());
  }
  const double spent = own_time() - begin;
  return matches == 0 ? 0 : spent / static_cast<double>(n);
}

/// The router alone: finds the receivers, and delivers nothing.
double routing(const readers& all, const texts& patterns, const texts& keys, std::uint64_t n) {
  const auto router = troupe::make_topic_router();
  std::vector<std::unique_ptr<troupe::binding>> bound;
  for (std::size_t i = 0; i != patterns.size(); ++i) {
    bound.push_back(std::make_unique<troupe::binding>(all[i * 7919 % all.size()], patterns[i]));
    router->bind(*bound.back());
  }
  troupe::route found;
  std::uint64_t receivers = 0;
  const double begin = own_time();
  for (std::uint64_t i = 0; i != n; ++i) {
    const troupe::epoch_guard pinned;
    router->find(keys[i % keys.size()], found);
    found.finish([&](std::size_t count) { receivers += count; }, [](troupe::binding&) {});
    found.clear();
  }
  const double spent = own_time() - begin;
  for (auto& each : bound) router->unbind(*each);
  troupe::epoch_drain();
  return receivers == 0 ? 0 : spent / static_cast<double>(n);
}

/// Prints the time of a message from its publish until all that it reaches have handled it, and how many a core does
/// in a second.
bool publish_to(const options& opts, const std::string& name, std::size_t subscribers, unsigned vocabulary,
                std::uint64_t messages) {
  constexpr std::size_t bindings = 10'000;
  totals sums;
  const texts patterns = two_words_of_four(bindings, vocabulary);
  const texts keys = keys_of_four(4096, vocabulary);
  troupe::runtime rt(configured(opts));
  troupe::exchange<quote> quotes(rt, "quotes", troupe::topic{});
  readers all(subscribers);
  for (auto& each : all) each = rt.spawn<reader>(&sums);
  std::vector<troupe::subscription> subscriptions;
  for (std::size_t i = 0; i != bindings; ++i)
    subscriptions.push_back(quotes.attach(all[i * 7919 % all.size()], patterns[i]));
  auto source = rt.spawn<teller>(quotes, &keys, &all, &sums);

  const std::uint64_t n = opts.scaled(messages);
  double spent = 0;
  double cpu = 0;
  std::uint64_t routed = 0;
  bool ok = true;
  for (const std::uint64_t round : {n / 10, n}) {  // the first warms up
    sums.routed = 0;
    sums.done.expect(all.size());
    cpu = cpu_seconds();
    const auto begin = clock::now();
    source.send(start{round});
    const auto end = sums.done.wait();
    if (!end) return print_metric(name.c_str(), "ns/message", 0, false);
    cpu = cpu_seconds() - cpu;
    spent = std::chrono::duration<double, std::nano>(*end - begin).count();
    routed = sums.routed;
    ok = ok && routed == sums.handled.exchange(0);
  }
  print_metric(name.c_str(), "ns/message", spent / static_cast<double>(n), ok);
  print_metric((name + "_receivers").c_str(), "receivers", static_cast<double>(routed) / static_cast<double>(n), ok);
  print_metric((name + "_rate").c_str(), "messages/s/core", static_cast<double>(n) / cpu, ok);
  const double found = routing(all, patterns, keys, 10 * n);
  print_metric((name + "_routing").c_str(), "ns/message", found, ok && found != 0);
  const double plain = each_binding(patterns, keys, std::max<std::uint64_t>(n / 100, 50));
  return print_metric((name + "_each_binding").c_str(), "ns/message", plain, ok && plain != 0);
}

/// Patterns as users write them: a place, a market, an instrument, and what of it.
std::string pattern_of(std::size_t i) {
  const std::string instrument = "instrument" + std::to_string(i / 5);
  switch (i % 5) {
    case 0: return "eu.xetra." + instrument + ".price";
    case 1: return "us.nasdaq." + instrument + ".*";
    case 2: return "asia.*." + instrument + ".volume";
    case 3: return "*.*." + instrument + ".news";
    default: return "#." + instrument + ".alert";
  }
}

}  // namespace

bool publish_topic(const options& opts) {
  const bool many = publish_to(opts, "matches_100", 1000, 10, 20'000);
  return publish_to(opts, "matches_10", 100, 32, 100'000) && many;
}

bool topic_memory(const options& opts) {
  totals sums;
  troupe::runtime rt(configured(opts));
  const std::uint64_t n = opts.scaled(100'000);
  readers all(1000);
  for (auto& each : all) each = rt.spawn<reader>(&sums);
  sums.done.expect(all.size());
  for (auto& each : all) each.send(report{});  // resident, and at rest
  bool ok = sums.done.wait().has_value();
  std::vector<troupe::subscription> subscriptions(n);  // the users'
  troupe::exchange<quote> quotes(rt, "quotes", troupe::topic{});
  const auto before = resident_bytes();
  for (std::size_t i = 0; i != n; ++i) subscriptions[i] = quotes.attach(all[i % all.size()], pattern_of(i));
  ok = ok && quotes.publish("eu.xetra.instrument0.price", {}) == 1 &&
       quotes.publish("eu.frankfurt.instrument1.alert", {}) == 1;
  return print_idle_memory(before, n, 0, ok, "bytes/binding");
}

bool topic_stall(const options& opts) {
  totals sums;
  troupe::runtime rt(configured(opts));
  const std::uint64_t n = opts.scaled(100'000);
  readers all(1000);
  for (auto& each : all) each = rt.spawn<reader>(&sums);
  troupe::exchange<quote> quotes(rt, "quotes", troupe::topic{});
  std::vector<troupe::subscription> subscriptions(n);
  for (std::size_t i = 0; i != n; ++i) subscriptions[i] = quotes.attach(all[i % all.size()], pattern_of(i));

  std::vector<double> waited(100 * n, 1);  // resident from now on
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> changes{0};
  std::uint64_t before = 0;
  std::thread binder([&] {
    for (std::size_t i = 0; i != 10 * n; ++i) {
      if (i == n) before = resident_bytes();  // each has been bound anew once
      auto& each = subscriptions[i % n];
      each.detach();
      each = quotes.attach(all[(i + i / n) % all.size()], pattern_of(i % n + (i / n + 1) % 2 * n));
      changes.store(2 * i + 2, std::memory_order_relaxed);
    }
    over = true;
  });
  // Nobody is bound with this key, so that what is measured is the exchange's.
  double most_own = 0;
  std::size_t published = 0;
  for (; !over && published != waited.size(); ++published) {
    const std::string key = "eu.xetra.instrument" + std::to_string(published % n) + ".nothing";
    const double own = own_time();
    const auto begin = clock::now();
    quotes.publish(key, {});
    const auto end = clock::now();
    most_own = std::max(most_own, own_time() - own);
    waited[published] = std::chrono::duration<double, std::nano>(end - begin).count();
  }
  binder.join();
  waited.resize(published);
  const bool idle = rt.wait_idle(round_limit);  // what was taken off goes by way of its actor
  troupe::epoch_drain();
  const double growth = static_cast<double>(resident_bytes()) - static_cast<double>(before);
  std::sort(waited.begin(), waited.end());
  const bool ok = idle && changes == 20 * n;
  print_metric("changes", "changes", static_cast<double>(changes), ok);
  print_metric("growth", "bytes/binding", growth / static_cast<double>(n), ok);
  print_metric("publishes", "messages", static_cast<double>(waited.size()), ok);
  print_metric("longest", "ns", waited.back(), ok);
  print_metric("all_but_one_in_10000", "ns", waited[waited.size() - 1 - waited.size() / 10'000], ok);
  return print_metric("longest_own_time", "ns", most_own, ok);
}

}  // namespace bench
