#include "stream_benches.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "savina/troupe_setup.hpp"

#include <troupe/exchange/stream.hpp>
#include <troupe/troupe.hpp>

namespace bench {

namespace {

constexpr std::size_t window = 100;
constexpr int rounds = 5;

// The same work for all: what a map, a filter, a window and a reduction have to do.
inline std::uint64_t mapped(std::uint64_t x) { return 3 * x + 1; }
inline bool wanted(std::uint64_t x) { return x % 4 != 0; }
inline std::uint64_t folded(std::uint64_t sum, std::uint64_t of_window) { return sum * 31 + of_window; }

std::uint64_t by_loop(const std::vector<std::uint64_t>& items) {
  std::uint64_t sum = 0;
  std::uint64_t of_window = 0;
  std::size_t in_window = 0;
  for (const std::uint64_t x : items) {
    const std::uint64_t y = mapped(x);
    if (!wanted(y)) continue;
    of_window += y;
    if (++in_window == window) {
      sum = folded(sum, of_window);
      of_window = 0;
      in_window = 0;
    }
  }
  return in_window == 0 ? sum : folded(sum, of_window);
}

/// The operators, behind any source of numbers.
template <class Items>
auto operators(const Items& items) {
  return items.map([](std::uint64_t x) { return mapped(x); })
      .filter([](std::uint64_t x) { return wanted(x); })
      .window(window)
      .map([](const std::vector<std::uint64_t>& w) { return std::accumulate(w.begin(), w.end(), std::uint64_t{0}); });
}

std::uint64_t by_stream(const std::vector<std::uint64_t>& items) {
  return operators(troupe::from(items)).reduce(std::uint64_t{0}, folded);
}

/// What one would write without operators.
class by_hand : public troupe::actor {
public:
  explicit by_hand(troupe::promise<std::uint64_t> result) : result_(std::move(result)) {}
  void on(std::uint64_t x) {
    const std::uint64_t y = mapped(x);
    if (!wanted(y)) return;
    window_.push_back(y);
    if (window_.size() == window) pass_on();
  }
  void on_stop() {
    if (!window_.empty()) pass_on();
    result_.give(sum_);
  }

private:
  void pass_on() {
    sum_ = folded(sum_, std::accumulate(window_.begin(), window_.end(), std::uint64_t{0}));
    window_.clear();
  }

  troupe::promise<std::uint64_t> result_;
  std::vector<std::uint64_t> window_;
  std::uint64_t sum_ = 0;
};

/// Publishes the numbers below n from one handler, and then ends the exchange.
class source : public troupe::actor {
public:
  explicit source(troupe::publisher<std::uint64_t> to) : to_(std::move(to)) {}
  void on(std::uint64_t n) {
    for (std::uint64_t i = 0; i != n; ++i) to_.publish(i);
    close_self();
  }

private:
  troupe::publisher<std::uint64_t> to_;
};

/// Publishes to what `attach` makes of the exchange, and gives the number that comes of it.
template <class Attach>
std::uint64_t by_exchange(troupe::runtime& rt, std::uint64_t n, Attach attach) {
  troupe::exchange<std::uint64_t> numbers(rt, "numbers");
  auto publishing = rt.spawn<source>(numbers.publisher());
  return attach(numbers, [&] { publishing.send(n); });
}

std::uint64_t by_stream(troupe::runtime& rt, std::uint64_t n) {
  return by_exchange(rt, n, [](troupe::exchange<std::uint64_t>& numbers, auto begin) {
    auto sum = operators(troupe::from(numbers)).reduce(std::uint64_t{0}, folded);
    begin();
    return sum.get(round_limit).value();
  });
}

std::uint64_t by_actor(troupe::runtime& rt, std::uint64_t n) {
  return by_exchange(rt, n, [&](troupe::exchange<std::uint64_t>& numbers, auto begin) {
    troupe::promise<std::uint64_t> sum(rt.scheduler());
    auto result = sum.get_future();
    auto sub = numbers.attach_input(rt.spawn<by_hand>(std::move(sum)));
    begin();
    return result.get(round_limit).value();
  });
}

/// Nanoseconds an item of the fastest of some rounds; those of the two take turns.
class best {
public:
  template <class F>
  void time(std::uint64_t n, F f) {
    const auto begin = clock::now();
    f();
    const double took = std::chrono::duration<double, std::nano>(clock::now() - begin).count();
    least_ = std::min(least_, took / static_cast<double>(n));
  }
  double value() const { return least_; }

private:
  double least_ = 1e9;
};

}  // namespace

bool stream(const options& opts) {
  const std::uint64_t n = opts.scaled(10'000'000);
  std::vector<std::uint64_t> items(n);
  std::iota(items.begin(), items.end(), std::uint64_t{0});
  best loop;
  best fused;
  bool ok = true;
  for (int i = 0; i != rounds; ++i) {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    loop.time(n, [&] { a = by_loop(items); });
    fused.time(n, [&] { b = by_stream(items); });
    ok = ok && a == b;
  }
  print_metric("loop", "ns/item", loop.value(), ok);
  print_metric("range", "ns/item", fused.value(), ok);

  const std::uint64_t expected = by_loop(items);
  troupe::runtime rt(savina::configured(opts));
  best actor;
  best streamed;
  for (int i = 0; i != rounds; ++i) {
    actor.time(n, [&] { ok = by_actor(rt, n) == expected && ok; });
    streamed.time(n, [&] { ok = by_stream(rt, n) == expected && ok; });
  }
  print_metric("actor", "ns/item", actor.value(), ok);
  return print_metric("exchange", "ns/item", streamed.value(), ok);
}

}  // namespace bench
