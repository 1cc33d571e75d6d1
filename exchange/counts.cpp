#include <troupe/exchange/counts.hpp>

#include <algorithm>

#include <troupe/actors/runtime.hpp>
#include <troupe/exchange/detail/exchange_state.hpp>
#include <troupe/exchange/exchange_accounts.hpp>

// What there is to see of an exchange.

namespace troupe {

exchange_counts exchange_counts::since(const exchange_counts& before) const noexcept {
  exchange_counts rest = *this;
  const auto take = [](std::uint64_t& n, std::uint64_t old) { n -= std::min(n, old); };
  take(rest.published, before.published);
  take(rest.unroutable, before.unroutable);
  take(rest.passed_on, before.passed_on);
  take(rest.routed, before.routed);
  take(rest.delivered, before.delivered);
  take(rest.failed, before.failed);
  take(rest.refused, before.refused);
  take(rest.redelivered, before.redelivered);
  take(rest.dead_letters, before.dead_letters);
  for (std::size_t i = 0; i != rest.lost.size(); ++i) take(rest.lost[i], before.lost[i]);
  return rest;
}

const subscription_info* exchange_info::slowest() const noexcept {
  const subscription_info* found = nullptr;
  for (const subscription_info& s : subscriptions) {
    if (s.counts.lag.value_or(0) > (found ? *found->counts.lag : 0)) found = &s;
  }
  return found;
}

std::vector<exchange_info> exchanges(runtime& rt) {
  std::vector<exchange_info> all;
  for (const auto& state : detail::exchange_registry::of(rt.core()).all()) all.push_back(state->info());
  return all;
}

// --- of runtimes that end -----------------------------------------------------------------------------------------

kept_exchanges::kept_exchanges(runtime& rt) : all_(detail::exchange_registry::of(rt.core()).all()) {}
kept_exchanges::~kept_exchanges() = default;

std::vector<exchange_info> kept_exchanges::look() const {
  std::vector<exchange_info> found;
  for (const auto& state : all_) found.push_back(state->info());
  return found;
}

namespace {

constinit atomic<void (*)(const exchange_info&)> told_of_ends{nullptr};

}  // namespace

void when_exchanges_end(void (*tell)(const exchange_info&)) noexcept {
  told_of_ends.store(tell, relaxed);
  detail::exchange_ended.store(
      [](const detail::exchange_state& x) {
        if (const auto to = told_of_ends.load(relaxed)) to(x.info());
      },
      relaxed);
}

namespace detail {

namespace {

subscription_counts counts_from(const backlog_base::figures& f) noexcept {
  return {.lagged = f.lagged,
          .conflated = f.conflated,
          .disconnected = f.disconnected,
          .refused = f.refused,
          .lag = f.waiting,
          .bytes = f.bytes};
}

subscription_counts counts_from(const binding& b) noexcept {
  subscription_counts c;
  if (b.backlog)
    c = counts_from(b.backlog->counted());
  else
    c.lag = b.lag(c.bytes);
  c.delivered = b.deliveries();
  return c;
}

}  // namespace

/// Under the mutex. What has begun is summed up before what was published, so that a look at what runs does not see
/// more delivered than routed where it can be helped.
exchange_counts exchange_state::sum_up() const {
  exchange_counts c;
  std::uint64_t begun = gone_.deliveries;
  backlog_base::figures backlogs = gone_.backlogs;
  const auto add = [&](const subscriber& s) {
    for (const auto& [key, b] : s.bindings) {
      begun += b->deliveries();
      if (!b->backlog) {
        std::uint64_t bytes = 0;
        (void)b->lag(bytes);
        c.waiting_bytes += bytes;
      }
    }
    if (s.backlog) backlogs += s.backlog->counted();
  };
  const auto undone = account_->times_undone();
  for (const auto& [who, s] : subscribers_) add(s);
  for (const auto& [who, s] : leaving_subscribers_) add(s);
  for (const auto& [key, b] : leaving_) begun += b->deliveries();

  c.delivered = begun - std::min(begun, undone);
  c.failed = account_->times_failed();
  for (std::size_t i = 0; i != loss_kinds; ++i) c.lost[i] = account_->times_lost(i);
  const auto lost = [&](loss why) -> std::uint64_t& { return c.lost[static_cast<std::size_t>(why)]; };
  lost(loss::lagged) += backlogs.lagged;
  lost(loss::conflated) += backlogs.conflated;
  lost(loss::disconnected) += backlogs.disconnected;
  c.waiting_bytes += backlogs.bytes;

  c.published = account_->times_published();
  c.routed = account_->times_routed() + backlogs.routed;
  c.unroutable = unroutable();
  if (log_) {
    const auto here = log_->published();
    c.published += here.published;
    c.routed += here.routed;
  }
  if (queue_) {
    const auto here = queue_->published();
    const auto now = queue_->counts();
    c.published += here.published + c.unroutable;  // of those that came when the runtime had ended
    c.routed += here.routed;
    c.redelivered = now.redelivered;
    c.dead_letters = now.dead_letters;
    c.unacknowledged = now.unacknowledged;
    c.waiting_bytes = (now.waiting + now.unacknowledged) * queue_->message_size();
  }
  // What a mailbox has refused was to be routed.
  const std::uint64_t refused = account_->times_refused();
  c.refused = refused + backlogs.refused;
  if (!queue_) c.routed -= std::min(c.routed, refused);

  c.publishers = publishers_;
  c.subscribers = subscribers_.size();
  c.passed_on = gone_.passed_on;
  if (outlets_) {
    for (const auto& each : outlets_->bound()) c.passed_on += each->passed_on();
  }
  return c;
}

exchange_counts exchange_state::counts() const {
  std::lock_guard guard(mutex_);
  return sum_up();
}

subscription_counts exchange_state::counts_of(const cell& who, const binding* handle,
                                              const backlog_base* backlog) const {
  std::lock_guard guard(mutex_);
  if (const auto s = subscribers_.find(&who); s != subscribers_.end()) {
    for (const auto& [key, b] : s->second.bindings) {
      if (b == handle) return counts_from(*b);
    }
  }
  return counts_at_end(backlog);
}

subscription_counts counts_at_end(const backlog_base* backlog) noexcept {
  subscription_counts c;
  if (backlog) c = counts_from(backlog->counted());
  c.lag = 0;
  c.bytes = 0;
  return c;
}

exchange_info exchange_state::info() const {
  exchange_info i{.name = name_, .kind = kind_, .message = type_name_, .retention = options_.retention};
  std::lock_guard guard(mutex_);
  i.counts = sum_up();
  if (kept_) {
    std::lock_guard kept_guard(log_ ? log_->mutex() : kept_->mutex());
    i.kept = kept_->size();
    i.kept_bytes = kept_->bytes();
  }
  if (outlets_) {
    for (const auto& each : outlets_->bound())
      i.bindings.push_back({each->target->name(), each->key, each->passed_on()});
    if (const exchange_state* const to = outlets_->alternate()) i.alternate = to->name();
  }
  for (const auto& [who, s] : subscribers_) {
    for (const auto& [key, b] : s.bindings) {
      subscription_info one{.who = b->subscriber,
                            .subscriber = b->subscriber.name(),
                            .key = b->key,
                            .input = b->inputs != 0,
                            .counts = counts_from(*b)};
      if (s.backlog) one.options = s.backlog->options();
      i.subscriptions.push_back(std::move(one));
    }
  }
  return i;
}

}  // namespace detail
}  // namespace troupe
