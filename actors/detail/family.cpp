#include <troupe/actors/detail/family.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/base/log.hpp>
#include <troupe/base/splitmix.hpp>
#include <troupe/scheduler/timed_call.hpp>

namespace troupe::detail {

/// What a step has decided, to be carried out without the lock.
struct family::orders {
  std::vector<any_ref> stop{};   // come down, to be made anew
  std::vector<any_ref> quit{};   // end at once, with the reason `shutdown`: the temporary ones
  std::vector<any_ref> start{};  // be made anew
  any_ref close{};
  std::vector<any_ref> kill{};
  std::vector<std::pair<std::uint64_t, std::int64_t>> rests{};  // which, and for how long
  any_ref wake{};                                               // the owner, whose children have settled
  any_ref crash{};                                              // the owner, and why
  exit_reason reason{};
};

family::family(cell& owner, supervisor_options options)
    : owner_(&owner),
      keep_(&owner),
      home_(&owner.core().scheduler()),
      options_(std::move(options)),
      owner_waits_(owner, "the end of its children") {}

family::child* family::find(const cell& c) noexcept {
  for (child& i : children_)
    if (i.who.get_cell() == &c) return &i;
  return nullptr;
}

void family::add(cell& c) {
  orders out;
  {
    std::lock_guard guard(mutex_);
    if (mode_ == mode::ending || abandoned_)
      throw troupe_error(errc::closed,
                         fmt::format("{} ends or has ended: nothing can be spawned below it", owner_->name()));
    children_.push_back({any_ref(&c)});
    if (mode_ == mode::suspending) step(out);
  }
  carry_out(out);
}

std::vector<any_ref> family::children() const {
  std::vector<any_ref> all;
  std::lock_guard guard(mutex_);
  for (const child& c : children_) all.push_back(c.who);
  return all;
}

bool family::end_child(const any_ref& c) noexcept {
  bool down = false;
  {
    std::lock_guard guard(mutex_);
    const child* found = find(*c.get_cell());
    if (!found) return false;
    down = found->now == state::down || found->now == state::resting;
  }
  // One that is down has no object that could handle what is queued.
  down ? c.kill() : c.get_cell()->close(exit_kind::shutdown);
  return true;
}

bool family::restart_child(const any_ref& c) noexcept {
  orders out;
  {
    std::lock_guard guard(mutex_);
    child* found = find(*c.get_cell());
    if (!found) return false;
    if (mode_ == mode::running && round_ == round::none && found->now == state::up) {
      found->now = state::stopping;
      out.stop.push_back(c);
    } else if (mode_ == mode::running && found->now == state::resting) {
      found->now = state::starting;
      out.start.push_back(c);
    }
  }
  carry_out(out);
  return true;
}

bool family::makes_anew() const noexcept {
  std::lock_guard guard(mutex_);
  return mode_ != mode::ending && !abandoned_;
}

// --- reports -------------------------------------------------------------------------------------------------------

void family::child_is_up(cell& c) noexcept {
  orders out;
  {
    std::lock_guard guard(mutex_);
    if (child* found = find(c)) found->now = state::up;
    step(out);
  }
  carry_out(out);
}

void family::child_is_gone(cell& c) noexcept {
  orders out;
  {
    std::lock_guard guard(mutex_);
    const child* found = find(c);
    if (!found) return;
    const auto at = static_cast<std::size_t>(found - children_.data());
    children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(at));
    if (at < from_) --from_;
    step(out);
  }
  carry_out(out);
}

void family::child_is_down(cell& c, const exit_reason& why) noexcept {
  orders out;
  {
    std::lock_guard guard(mutex_);
    child* found = find(c);
    if (!found) return;
    const state before = std::exchange(found->now, state::down);
    if (before == state::stopping) {
      const bool in_round = round_ != round::none && found - children_.data() >= static_cast<std::ptrdiff_t>(from_);
      // By hand; or it was made, or told, while the owner was down, which has come back before.
      if (mode_ == mode::running && !in_round) {
        found->now = state::starting;
        out.start.push_back(found->who);
      }
    } else if (mode_ == mode::running && !gave_up_) {
      if (!within_budget(*found)) {
        gave_up_ = true;
        out.crash = any_ref(owner_);
        out.reason = {exit_kind::crashed,
                      fmt::format("{}: more than {} restarts in {} s; the last was of {}, {}", owner_->name(),
                                  options_.max_restarts, std::chrono::duration<double>(options_.window).count(),
                                  c.name(), to_string(why))};
        out.reason.exception = why.exception;
      } else if (options_.strategy == restart_strategy::one_for_one) {
        rest(found, delay_after(found->restarts.size()), out);
      } else {
        const auto at = static_cast<std::size_t>(found - children_.data());
        const std::size_t first = options_.strategy == restart_strategy::one_for_all ? 0 : at;
        from_ = round_ == round::none ? first : std::min(from_, first);
        round_ = round::stopping;
        round_delay_ = delay_after(restarts_.size());
      }
    }
    step(out);
  }
  carry_out(out);
}

// --- the owner -----------------------------------------------------------------------------------------------------

bool family::settled() const noexcept {
  if (mode_ == mode::ending) return children_.empty();
  return std::all_of(children_.begin(), children_.end(), [](const child& c) { return c.now == state::down; });
}

bool family::settle(mode m, bool gently) noexcept {
  orders out;
  {
    std::lock_guard guard(mutex_);
    mode_ = m;
    gently_ = gently;
    round_ = round::none;
    for (child& c : children_)
      if (c.now == state::resting) c.now = state::down;
    if (settled()) return true;
    step(out);
  }
  carry_out(out);
  const auto ready = [&] {
    std::lock_guard guard(mutex_);
    return settled() || (gently && owner_->killed());
  };
  if (owner_->park(owner_waits_, ready)) return false;
  return gently && owner_->killed() ? settle(m, false) : true;
}

void family::resume() noexcept {
  orders out;
  {
    std::lock_guard guard(mutex_);
    mode_ = mode::running;
    gave_up_ = false;
    restarts_.clear();
    for (child& c : children_) c.restarts.clear();
    from_ = 0;
    round_ = round::starting;
    step(out);
  }
  carry_out(out);
}

void family::abandon() noexcept {
  orders out;
  {
    std::lock_guard guard(mutex_);
    abandoned_ = true;
    mode_ = mode::ending;
    gently_ = false;
    step(out);
  }
  carry_out(out);
}

// --- steps ---------------------------------------------------------------------------------------------------------

void family::step(orders& out) noexcept {
  if (mode_ == mode::ending) {
    if (children_.empty()) {
      if (!abandoned_) out.wake = any_ref(owner_);
      return;
    }
    // Nobody makes them anew any more, and others may wait for room in their mailboxes.
    for (child& c : children_) {
      if (c.now != state::down) continue;
      c.now = state::ending;
      out.kill.push_back(c.who);
    }
    child& last = children_.back();
    const bool told = last.now == state::ending;
    last.now = state::ending;
    if (!gently_)
      out.kill.push_back(last.who);
    else if (!told)
      out.close = last.who;
    return;
  }
  if (mode_ == mode::suspending) {
    step_down(out, 0);
    if (settled()) out.wake = any_ref(owner_);
    return;
  }
  if (gave_up_) return;
  if (round_ == round::stopping) {
    step_down(out, from_);
    const auto first = children_.begin() + static_cast<std::ptrdiff_t>(std::min(from_, children_.size()));
    if (std::all_of(first, children_.end(), [](const child& c) { return c.now == state::down; })) {
      round_ = round::resting;
      rest(nullptr, round_delay_, out);
    }
  }
  if (round_ == round::starting) step_up(out);
}

/// The last of those that are not down comes down next.
void family::step_down(orders& out, std::size_t from) noexcept {
  for (std::size_t i = children_.size(); i-- > from;) {
    child& c = children_[i];
    if (c.now == state::down) continue;
    if (c.now == state::resting) {
      c.now = state::down;
      continue;
    }
    if (c.now != state::up) return;
    c.now = state::stopping;
    const bool ends = c.who.get_cell()->place()->options.restart == restart_type::temporary;
    (ends ? out.quit : out.stop).push_back(c.who);
    return;
  }
}

/// The first of those that are down comes up next.
void family::step_up(orders& out) noexcept {
  for (std::size_t i = from_; i < children_.size(); ++i) {
    child& c = children_[i];
    if (c.now == state::up || c.now == state::stopping) continue;
    if (c.now == state::starting) return;
    c.now = state::starting;
    out.start.push_back(c.who);
    return;
  }
  round_ = round::none;
}

bool family::within_budget(child& c) noexcept {
  const std::int64_t now = owner_->home().now();
  const auto note = [&](std::deque<std::int64_t>& all) {
    while (!all.empty() && now - all.front() > options_.window.count()) all.pop_front();
    all.push_back(now);
  };
  note(restarts_);
  note(c.restarts);
  return restarts_.size() <= options_.max_restarts;
}

std::int64_t family::delay_after(std::size_t restarts) noexcept {
  const auto longest = static_cast<double>(options_.backoff.longest.count());
  const int doublings = static_cast<int>(std::min<std::size_t>(restarts, 64)) - 1;
  const double delay = std::min(longest, std::ldexp(static_cast<double>(options_.backoff.first.count()), doublings));
  const std::uint64_t random = splitmix(owner_->core().seed() ^ owner_->id() * splitmix_step ^ ++drawn_ << 40);
  const double part = static_cast<double>(random >> 11) / 4503599627370496.0 - 1;  // from -1 to 1
  return static_cast<std::int64_t>(std::max(0.0, delay * (1 + options_.backoff.jitter * part)));
}

/// One child, or with null all of the round.
void family::rest(child* c, std::int64_t delay, orders& out) noexcept {
  const std::uint64_t which = ++rests_;
  if (c) {
    c->now = state::resting;
    c->rest = which;
  } else {
    round_rest_ = which;
  }
  out.rests.emplace_back(which, delay);
}

void family::rested(std::uint64_t which) noexcept {
  orders out;
  {
    std::lock_guard guard(mutex_);
    if (mode_ != mode::running) return;
    if (round_ == round::resting && round_rest_ == which) {
      round_ = round::starting;
    } else {
      for (child& c : children_) {
        if (c.now != state::resting || c.rest != which) continue;
        c.now = state::starting;
        out.start.push_back(c.who);
      }
    }
    step(out);
  }
  carry_out(out);
}

void family::carry_out(orders& o) noexcept {
  for (const any_ref& c : o.stop) c.get_cell()->come_down();
  for (const any_ref& c : o.quit) c.get_cell()->end_with({exit_kind::shutdown});
  for (const any_ref& c : o.start) {
    membership& m = *c.get_cell()->place();
    m.go.store(true, seq_cst);
    m.waits.unpark();
  }
  if (o.close) o.close.get_cell()->close(exit_kind::shutdown);
  for (const any_ref& c : o.kill) c.kill();
  for (const auto& [which, delay] : o.rests) {
    if (delay == 0)
      rested(which);
    else
      call_later(*home_, std::chrono::nanoseconds(delay), [weak = weak_from_this(), id = which] {
        if (const auto self = weak.lock()) self->rested(id);
      });
  }
  if (o.wake) owner_waits_.unpark();
  if (o.crash) {
    log_line(o.reason.text);
    o.crash.get_cell()->end_with(std::move(o.reason));
  }
}

}  // namespace troupe::detail
