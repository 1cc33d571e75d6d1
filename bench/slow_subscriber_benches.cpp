#include "slow_subscriber_benches.hpp"

#include "savina/troupe_setup.hpp"

#include <algorithm>
#include <array>
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

constexpr std::uint64_t fast_ones = 100;

struct tick {
  std::uint64_t sequence;
  std::uint64_t last;
  std::array<double, 6> values;
};
static_assert(sizeof(tick) == 64);

class fast : public troupe::actor {
public:
  explicit fast(completion* rounds) : done_(rounds) {}

  void on(const tick& each) {
    sum_ += each.sequence;
    ++received_;
    if (each.sequence != each.last) return;
    done_->arrive(received_ == each.last + 1 && sum_ == sum_below(received_));
    received_ = 0;
    sum_ = 0;
  }

private:
  completion* done_;
  std::uint64_t received_ = 0;
  std::uint64_t sum_ = 0;
};

/// Takes a millisecond a message, and holds no core for it.
class slow : public troupe::actor {
public:
  troupe::task<> on(const tick&) { co_await troupe::this_task::sleep_for(1ms); }
};

class source : public troupe::actor {
public:
  explicit source(troupe::exchange<tick> ticks) : ticks_(std::move(ticks)) {}

  void on(start round) {
    for (std::uint64_t i = 0; i < round.n; ++i) ticks_.publish(tick{i, round.n - 1, {}});
  }

private:
  troupe::exchange<tick> ticks_;
};

/// Nanoseconds a delivery to the fast ones; nothing if one of them did not get all, or messages are unaccounted for.
std::optional<double> round_of(const options& opts, std::optional<troupe::subscription_policy> policy) {
  const std::uint64_t n = opts.scaled(20'000);
  completion done;
  troupe::runtime rt(configured(opts));
  troupe::exchange<tick> ticks(rt, "ticks");
  std::vector<troupe::subscription> subscriptions;
  for (std::uint64_t i = 0; i != fast_ones; ++i) subscriptions.push_back(ticks.attach(rt.spawn<fast>(&done)));
  troupe::subscription lagging;
  if (policy) lagging = ticks.attach(rt.spawn<slow>(), {.policy = *policy, .limit = 100});
  const auto from = rt.spawn<source>(ticks);
  done.expect(fast_ones);
  from.send(start{std::max<std::uint64_t>(n / 10, 1)});
  const bool warm = done.wait().has_value();
  done.expect(fast_ones);
  const auto begin = clock::now();
  from.send(start{n});
  const auto end = done.wait();
  lagging.detach();
  if (!warm || !end || !rt.wait_idle(round_limit) || rt.counts().queued() != 0) return std::nullopt;
  return std::chrono::duration<double, std::nano>(*end - begin).count() / static_cast<double>(n * fast_ones);
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

}  // namespace

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
