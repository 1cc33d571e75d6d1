#include <algorithm>
#include <mutex>
#include <utility>

#include <troupe/exchange/detail/backlog.hpp>
#include <troupe/exchange/detail/broadcast.hpp>

// Pushes that are deferred (BL7): publishing costs what it would without the backlog.

namespace troupe::detail {

namespace {

using deferral = backlog_base::deferral;

/// There may be something that it has not seen.
bool passes_by(deferral how) noexcept { return how != deferral::none && how != deferral::closed; }

/// Messages stay in the log for it.
bool stays(deferral how) noexcept { return how == deferral::keeps || how == deferral::conflates; }

/// What becomes of one message for each that passes by; of those whose publishers are refused nothing is lost.
loss fate(deferral how) noexcept { return how == deferral::conflates ? loss::conflated : loss::lagged; }

}  // namespace

backlog_base::deferral backlog_base::begin_deferral(binding& via, std::size_t bytes, bool stay, bool alike) noexcept {
  std::lock_guard lock(guard_);
  if (deferral_.load(relaxed) != deferral::none) return deferral::none;
  const bool full = !armed_ && !has_room(bytes);
  const bool gap_is_noted = !notices_.lag || (!line_.empty() && !line_.back().box);
  const bool may_stay = !armed_ && stay && options_.limit_bytes == subscribe_options::unlimited;
  deferral how = deferral::none;
  if (closed_) {
    how = deferral::closed;
  } else if (via.gate.is_open()) {
    switch (options_.policy) {
      case subscription_policy::drop_newest:
        if (full && gap_is_noted) how = deferral::drops;
        break;
      case subscription_policy::fail:
        if (full && gap_is_noted) how = deferral::refuses;
        break;
      case subscription_policy::drop_oldest:
        // Not where a message that the reader has taken out makes it full: that one's handler may begin meanwhile.
        if (may_stay && count_ >= options_.limit) how = deferral::keeps;
        break;
      case subscription_policy::conflate:
        if (may_stay && alike && keys_.size() == 1 && keys_.begin()->first.empty()) how = deferral::conflates;
        break;
      case subscription_policy::block:
      case subscription_policy::disconnect: break;
    }
  }
  if (how == deferral::none) return how;
  deferred_from_ = log_->end();
  deferred_bytes_ = bytes;
  deferred_via_ = &via;
  deferral_.store(how, release);
  return how;
}

/// Under the guard: what it would have counted if it had seen what has passed. What waits does not change: one is lost
/// for each that comes.
backlog_base::figures backlog_base::unseen() const noexcept {
  figures f;
  const deferral how = deferral_.load(relaxed);
  if (!passes_by(how)) return f;
  const std::uint64_t n = log_->end() - deferred_from_;
  switch (how) {
    case deferral::none:
    case deferral::closed: break;
    case deferral::keeps:
    case deferral::drops: f.routed = f.lagged = n; break;
    case deferral::conflates: f.routed = f.conflated = n; break;
    case deferral::refuses: f.refused = n; break;
  }
  return f;
}

/// Under the guard and the mutex of the log.
void backlog_base::see_what_passed() noexcept {
  publish_aftermath after;  // of messages that are no more than their bytes: nothing of users runs
  const deferral how = deferral_.load(relaxed);
  figures seen = unseen();
  const std::uint64_t n = log_->end() - std::exchange(deferred_from_, log_->end());
  if (n == 0) return;
  switch (how) {
    case deferral::none:
    case deferral::closed: break;
    case deferral::keeps: {
      const std::uint64_t without = take_newest(n, after);
      if (without != 0) core_->count(loss::lagged, without);
      seen.lagged += without;
      break;
    }
    case deferral::conflates: {
      broadcast_base::cursor at = log_->cursor_at(deferred_from_ - 1);
      boxed_message m = log_->next(at);
      entry& last = entry_of(keys_.begin()->second);
      try {
        (void)put_into(last, m, after);
        last.via = deferred_via_;
      } catch (const std::bad_alloc&) {
        // The older one stays: as if the last had been published before it.
      }
      break;
    }
    case deferral::drops:
    case deferral::refuses:
      if (notices_.lag) line_.back().gap += n;
      break;
  }
  counted_ += seen;
  lost_.store(lost_.load(relaxed) + seen.lagged + seen.conflated + seen.refused, relaxed);
  if (how != deferral::refuses) core_->measure_loss(*reader_.get_cell(), fate(how), seen.lagged + seen.conflated);
}

/// The n last of the log come, and the oldest go: those of the line, then of the log. Returns for how many there was no
/// memory.
std::uint64_t backlog_base::take_newest(std::uint64_t n, publish_aftermath& after) noexcept {
  std::uint64_t without = 0;
  std::uint64_t left = std::min<std::uint64_t>(n, count_);
  missed_ += n - left;
  for (broadcast_base::cursor at = log_->cursor_at(deferred_from_ - left); left != 0; --left) {
    boxed_message m = log_->next(at);
    void* box = pop_front();
    if (can_overwrite(m, box))
      m.overwrite(m, box);
    else
      drop_box(std::exchange(box, nullptr), after);
    try {
      if (!box) box = m.make(m);
    } catch (const std::bad_alloc&) {  // the next lagged tells of it, in front of what is left
      ++missed_;
      ++without;
      continue;
    }
    append(box, *deferred_via_, deferred_bytes_, nullptr);
  }
  return without;
}

void backlog_base::see_in_turn() noexcept {
  std::lock_guard lock(guard_);
  see_what_passed();
}

backlog_base::deferral backlog_base::end_deferral(std::unique_lock<spin_lock>& guard) noexcept {
  guard.lock();
  const deferral how = deferral_.load(relaxed);
  if (!passes_by(how)) return deferral::none;
  see_what_passed();
  deferral_.store(deferral::none, release);  // whoever sees it sees lost_
  return how;
}

/// Nothing is deferred: it has seen all.
void backlog_base::see_all() noexcept {
  if (passes_by(deferral_.load(acquire))) (void)lock_with_all_seen();
}

std::unique_lock<spin_lock> backlog_base::lock_with_all_seen() noexcept {
  std::unique_lock guard(guard_);
  if (!passes_by(deferral_.load(relaxed))) return guard;
  guard.unlock();
  log_->end_deferral(*this, guard);
  return guard;
}

// --- the log -------------------------------------------------------------------------------------------------------

void broadcast_base::end_deferral(backlog_base& b, std::unique_lock<spin_lock>& guard) noexcept {
  std::lock_guard lock(mutex_);
  change(b, b.end_deferral(guard), deferral::none);
}

/// Under mutex_, as all that follows.
void broadcast_base::change(backlog_base& b, deferral from, deferral to) noexcept {
  --how_many(from);
  ++how_many(to);
  if (stays(from)) {
    b.unlink();
    if (in_turn_.empty()) let_go();
  }
  if (stays(to)) {
    if (in_turn_.empty()) let_stay();
    in_turn_.push_back(b);
  }
}

void broadcast_base::see_all() noexcept {
  for (binding* b : backlogs_) {
    std::unique_lock guard(b->backlog->guard(), std::defer_lock);
    change(*b->backlog, b->backlog->end_deferral(guard), deferral::none);
  }
}

/// Each of those whose messages stay comes once in about so many turns; there are some. Returns the first message that
/// is to stay.
std::uint64_t broadcast_base::next_turn(std::size_t turns) noexcept {
  for (turns_owed_ += staying(); turns_owed_ >= turns; turns_owed_ -= turns) {
    backlog_base& b = *in_turn_.pop_front();
    b.see_in_turn();
    in_turn_.push_back(b);
  }
  return in_turn_.front().deferred_from();
}

void broadcast_base::count_deferred(core& k) const noexcept {
  if (const std::uint32_t n = how_many(deferral::keeps) + how_many(deferral::drops)) k.count(loss::lagged, n);
  if (const std::uint32_t n = how_many(deferral::conflates)) k.count(loss::conflated, n);
  if (const std::uint32_t n = how_many(deferral::refuses)) k.count(&core::counters::refused, n);
}

}  // namespace troupe::detail
