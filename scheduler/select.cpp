#include <troupe/scheduler/select.hpp>

#include <algorithm>
#include <functional>

#include <troupe/scheduler/worker.hpp>

namespace troupe::detail {

std::uint32_t draw() noexcept {
  static constinit thread_local draws own;
  if (worker* w = current_worker()) return w->choices().next();
  if (scheduler* loop = driven_by_this_thread()) return loop->choices().next();
  return own.next();
}

bool alternative_base::end_bid(wait_outcome how) noexcept { return selection->claim(*this, how); }

void alternative_base::resume() noexcept { selection->wake_party(); }

/// The locks of all alternatives (SE1). Once the first is released the wait may be over; but the party takes each lock
/// in `finish`, so that the alternatives stay until the last is released.
class selection_base::locks {
public:
  explicit locks(alternatives all) noexcept : all_(all) {
    for (spin_lock* l = after(nullptr); l; l = after(l)) l->lock();
  }
  ~locks() {
    for (spin_lock* l = after(nullptr); l;) {
      spin_lock* const held = std::exchange(l, after(l));
      held->unlock();
    }
  }
  locks(const locks&) = delete;
  locks& operator=(const locks&) = delete;

private:
  /// The lock with the next higher address: there are few, and some may be the same.
  spin_lock* after(spin_lock* bound) const noexcept {
    spin_lock* least = nullptr;
    for (alternative_base* a : all_) {
      spin_lock* const l = a->guard();
      if (l && std::less<>()(bound, l) && (!least || std::less<>()(l, least))) least = l;
    }
    return least;
  }

  alternatives all_;
};

void selection_base::begin(alternatives all) noexcept {
  for (alternative_base* a : all) {
    a->selection = this;
    if (a->timeout != forever && (!soonest_ || a->timeout < soonest_->timeout)) soonest_ = a;
  }
}

void selection_base::choose(alternative_base* a, wait_outcome how) noexcept {
  chosen_ = a ? a : how == wait_outcome::timeout ? soonest_ : nullptr;
  outcome_ = how;
}

bool selection_base::claim(alternative_base& a, wait_outcome how) noexcept {
  state was = state::waiting;
  if (state_.compare_exchange_strong(was, state::over, acq_rel, acquire)) {
    choose(&a, how);
    a.unlink();
    return true;
  }
  if (was == state::over) return false;
  choose(&a, how);  // the party itself, on finding that this alternative cannot be waited for
  return true;
}

bool selection_base::leave(wait_outcome how) noexcept {
  state was = state_.load(acquire);
  for (;;) {
    if (was == state::waiting) {
      if (!state_.compare_exchange_weak(was, state::over, acq_rel, acquire)) continue;
      choose(nullptr, how);
      return true;
    }
    if (was != state::arriving) return false;
    const state called_off = how == wait_outcome::timeout ? state::timeout : state::cancelled;
    if (state_.compare_exchange_weak(was, called_off, acq_rel, acquire)) return false;
  }
}

bool selection_base::ready(alternatives all) {
  if (all.front()->party) used_twice();
  const void* const self = current_party();
  for (alternative_base* a : all) a->party = self;
  const std::size_t first = all.size() == 1 ? 0 : draw() % all.size();
  for (std::size_t i = 0; i != all.size(); ++i) {
    alternative_base& a = *all[(first + i) % all.size()];
    if (!a.try_fast()) continue;
    choose(&a, wait_outcome::granted);
    return may_go_on();
  }
  return false;
}

/// True if the wait is over; false if the party may run again at this very moment.
bool selection_base::take_or_link(alternatives all) {
  wake_list woken;
  const std::size_t first = draw() % all.size();
  const locks held(all);
  bool done = false;
  for (std::size_t i = 0; i != all.size() && !done; ++i) {
    alternative_base& a = *all[(first + i) % all.size()];
    if (!a.try_locked(woken)) continue;
    if (outcome_ == wait_outcome::pending) choose(&a, wait_outcome::granted);
    done = true;
  }
  if (!done && soonest_ && soonest_->timeout <= std::chrono::nanoseconds::zero()) {
    choose(soonest_, wait_outcome::timeout);
    done = true;
  }
  if (!done) {
    linked_ = true;
    state was = state::arriving;
    if (state_.compare_exchange_strong(was, state::waiting, acq_rel, acquire)) return false;
    linked_ = false;
    choose(nullptr, was == state::timeout ? wait_outcome::timeout : wait_outcome::cancelled);
  }
  state_.store(state::over, release);  // timer and canceller have been told already, or find it over
  for (alternative_base* a : all) {
    if (!a->linked()) continue;
    a->unlink();
    a->left(woken);
  }
  return true;
}

void selection_base::suspend(alternatives all, std::coroutine_handle<> h) {
  strand& self = suspend_current(h);
  if (outcome_ != wait_outcome::pending) {
    current_trampoline().why = pause::yielded;
    return;
  }
  announce(self, soonest_ ? soonest_->timeout : forever);
  if (take_or_link(all)) go_on(h);
}

void selection_base::block(alternatives all) {
  ready(all);
  if (outcome_ != wait_outcome::pending) return;
  blocked_thread here(*this);
  if (!take_or_link(all)) here.wait(soonest_ ? soonest_->timeout : forever);
}

void selection_base::finish(alternatives all) noexcept {
  settle();
  if (!std::exchange(linked_, false)) return;
  for (alternative_base* a : all) {
    spin_lock* const guard = a->guard();
    if (!guard) continue;
    wake_list woken;
    std::lock_guard lock(*guard);
    if (!a->linked()) continue;
    a->unlink();
    a->left(woken);
  }
}

}  // namespace troupe::detail
