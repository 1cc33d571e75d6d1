#include "publish_benches.hpp"

#include "savina/troupe_setup.hpp"
#include "ticks.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <troupe/base/log.hpp>
#include <troupe/troupe.hpp>

namespace bench {

namespace {

using namespace std::chrono_literals;
using savina::configured;
using savina::start;

class subscriber : public troupe::actor {
public:
  explicit subscriber(completion* rounds) : counter_(rounds) {}
  void on(const tick& each) { counter_.count(each); }

private:
  tick_counter counter_;
};

class source : public troupe::actor {
public:
  explicit source(troupe::publisher<tick> ticks) : ticks_(std::move(ticks)) {}

  void on(start round) {
    for (std::uint64_t i = 0; i < round.n; ++i) ticks_.publish(tick{i, round.n - 1, {}});
  }

private:
  troupe::publisher<tick> ticks_;
};

/// An exchange, a publisher, and subscribers that read all of it.
struct wired {
  wired(const options& opts, std::uint64_t subscribers) : rt(configured(opts)), ticks(rt, "ticks") {
    for (std::uint64_t i = 0; i != subscribers; ++i) subscriptions.push_back(ticks.attach(rt.spawn<subscriber>(&done)));
    from = rt.spawn<source>(ticks.publisher());
  }

  completion done;
  troupe::runtime rt;
  troupe::exchange<tick> ticks;
  std::vector<troupe::subscription> subscriptions;
  troupe::ref<source> from;
};

bool publish(const options& opts, std::uint64_t subscribers) {
  wired w(opts, subscribers);
  return measure_time("ns/delivery", w.done, subscribers, opts.scaled(ticks_for(subscribers)), 1, subscribers,
                      [&](std::uint64_t n) { w.from.send(start{n}); });
}

/// Takes a millisecond a message, and holds no core for it.
class slow : public troupe::actor {
public:
  troupe::task<> on(const tick&) { co_await troupe::this_task::sleep_for(1ms); }
};

constexpr std::uint64_t fast_ones = 100;

/// Nanoseconds a delivery to the fast ones; nothing if one of them did not get all, or messages are unaccounted for.
std::optional<double> round_of(const options& opts, std::optional<troupe::subscription_policy> policy) {
  const std::uint64_t n = opts.scaled(400'000);  // 0.1 s: what it takes to begin does not show
  wired w(opts, fast_ones);
  troupe::subscription lagging;
  if (policy) lagging = w.ticks.attach(w.rt.spawn<slow>(), {.policy = *policy, .limit = 100});
  w.done.expect(fast_ones);
  w.from.send(start{std::max<std::uint64_t>(n / 10, 1)});
  const bool warm = w.done.wait().has_value();
  w.done.expect(fast_ones);
  const auto begin = clock::now();
  w.from.send(start{n});
  const auto end = w.done.wait();
  lagging.detach();
  if (!warm || !end || !w.rt.wait_idle(round_limit) || w.rt.counts().queued() != 0) return std::nullopt;
  return std::chrono::duration<double, std::nano>(*end - begin).count() / static_cast<double>(n * fast_ones);
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

}  // namespace

bool publish_1(const options& opts) { return publish(opts, 1); }
bool publish_10(const options& opts) { return publish(opts, 10); }
bool publish_100(const options& opts) { return publish(opts, 100); }
bool publish_1000(const options& opts) { return publish(opts, 1000); }

bool slow_subscriber(const options& opts) {
  troupe::set_log_sink([](std::string_view) noexcept {});  // `disconnect` logs
  using policy = troupe::subscription_policy;
  bool ok = true;
  for (const policy p :
       {policy::drop_oldest, policy::drop_newest, policy::conflate, policy::disconnect, policy::fail}) {
    // In turn, so that what else runs on the machine hits both.
    std::vector<double> alone, beside, ratio;
    for (int pair = 0; pair != 9 && ok; ++pair) {
      const auto a = round_of(opts, std::nullopt);
      const auto b = round_of(opts, p);
      ok = a && b;
      if (!ok) break;
      alone.push_back(*a);
      beside.push_back(*b);
      ratio.push_back(*b / *a);
    }
    if (!ok) return print_metric("time", "ns/delivery", 0, false);
    const std::string name(to_string(p));
    print_metric(("alone_" + name).c_str(), "ns/delivery", median(alone), true);
    print_metric(("beside_" + name).c_str(), "ns/delivery", median(beside), true);
    print_metric(("cost_" + name).c_str(), "%", 100 * (median(ratio) - 1), true);
  }
  troupe::set_log_sink(nullptr);
  return ok;
}

}  // namespace bench
