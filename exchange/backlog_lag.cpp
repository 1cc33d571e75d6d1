#include <algorithm>
#include <mutex>
#include <utility>

#include <troupe/exchange/detail/backlog.hpp>
#include <troupe/exchange/detail/broadcast.hpp>

// A backlog that lags behind its log (BL7): publishing costs what it would without it.

namespace troupe::detail {

namespace {

using lagging = backlog_base::lagging;

/// There may be something that it has not seen.
bool passes_by(lagging how) noexcept { return how != lagging::no && how != lagging::closed; }

/// Its messages stay in the log.
bool stays(lagging how) noexcept { return how == lagging::keeps || how == lagging::conflates; }

}  // namespace

backlog_base::lagging backlog_base::begin_lag(broadcast_base& log, binding& via, std::size_t bytes, bool stay,
                                              bool alike) noexcept {
  std::lock_guard lock(guard_);
  if (lag_.load(relaxed) != lagging::no) return lagging::no;
  const bool full = !armed_ && !has_room(bytes);
  const bool gap_is_noted = !notices_.lag || (!line_.empty() && !line_.back().box);
  lagging how = lagging::no;
  if (closed_) {
    how = lagging::closed;
  } else if (via.gate.is_open()) {
    switch (options_.policy) {
      case subscription_policy::drop_newest:
        if (full && gap_is_noted) how = lagging::drops;
        break;
      case subscription_policy::fail:
        if (full && gap_is_noted) how = lagging::refuses;
        break;
      case subscription_policy::drop_oldest:
        if (full && stay && options_.limit_bytes == subscribe_options::unlimited) how = lagging::keeps;
        break;
      case subscription_policy::conflate:
        if (!armed_ && stay && alike && options_.limit_bytes == subscribe_options::unlimited && keys_.size() == 1 &&
            keys_.begin()->first.empty())
          how = lagging::conflates;
        break;
      case subscription_policy::block:
      case subscription_policy::disconnect: break;
    }
  }
  if (how == lagging::no) return how;
  lag_from_ = log.end();
  lag_bytes_ = bytes;
  lag_via_ = &via;
  lag_.store(how, release);
  return how;
}

/// Under the lock: what it would have counted if it had seen what has passed.
backlog_base::figures backlog_base::unseen() const noexcept {
  figures f;
  const lagging how = lag_.load(relaxed);
  if (!passes_by(how)) return f;
  f.routed = log_->end() - lag_from_;
  switch (how) {
    case lagging::no:
    case lagging::closed: break;
    case lagging::keeps: {
      const std::uint64_t waiting = count_ + batch_count_.load(relaxed);
      const std::uint64_t free = options_.limit - std::min<std::uint64_t>(options_.limit, waiting);
      f.lagged = f.routed - std::min(f.routed, free);
      f.waiting = f.routed - f.lagged;
      f.bytes = f.waiting * lag_bytes_;
      break;
    }
    case lagging::conflates: f.conflated = f.routed; break;
    case lagging::drops: f.lagged = f.routed; break;
    case lagging::refuses: f.refused = std::exchange(f.routed, 0); break;
  }
  return f;
}

backlog_base::lagging backlog_base::see_what_passed(broadcast_base& log) noexcept {
  publish_aftermath after;
  std::lock_guard lock(guard_);
  const lagging how = lag_.load(relaxed);
  if (!passes_by(how)) return lagging::no;
  figures seen = unseen();
  lag_.store(lagging::no, release);
  const std::uint64_t end = log.end();
  if (how == lagging::keeps) {
    // What is lost is the oldest: of the line, then of the log.
    std::uint64_t of_line = std::min<std::uint64_t>(seen.lagged, count_);
    const std::uint64_t of_log = seen.lagged - of_line;
    missed_ += of_log;
    for (std::uint64_t at = lag_from_ + of_log; at != end; ++at) {
      boxed_message m = log.message_at(at);
      void* box = nullptr;
      if (of_line != 0) {
        --of_line;
        box = pop_front();
        if (can_overwrite(m, box))
          m.overwrite(m, box);
        else
          drop_box(std::exchange(box, nullptr), after);
      }
      try {
        if (!box) box = m.make(m);
        line_.make_room();
      } catch (const std::bad_alloc&) {
        if (box) drop_box(box, after);
        ++missed_;
        ++seen.lagged;
        continue;
      }
      append(box, *lag_via_, lag_bytes_, nullptr);
    }
  } else if (how == lagging::conflates && seen.routed != 0) {
    boxed_message m = log.message_at(end - 1);
    entry& last = entry_of(keys_.begin()->second);
    try {
      (void)put_into(last, m, after);
      last.via = lag_via_;
    } catch (const std::bad_alloc&) {
      // The older one stays: as if the last had been published before it.
    }
  } else if (how == lagging::drops || how == lagging::refuses) {
    if (notices_.lag) line_.back().gap += seen.lagged + seen.refused;
  }
  seen.waiting = seen.bytes = 0;
  counted_ += seen;
  lost_.store(lost_.load(relaxed) + seen.lagged + seen.conflated + seen.refused, relaxed);
  bump(untold_, seen.lagged + seen.conflated);
  return how;
}

void backlog_base::tell_of_lag() noexcept {
  std::uint64_t n = 0;
  {
    std::lock_guard lock(guard_);
    n = untold_.load(relaxed);
    untold_.store(0, relaxed);
  }
  if (n != 0) core_->lose(*reader_.get_cell(), conflates() ? loss::conflated : loss::lagged, message_name(), n);
}

/// Not under a lock.
void backlog_base::catch_up() noexcept {
  if (passes_by(lag_.load(acquire)))
    log_->catch_up(*this);
  else if (untold_.load(relaxed) != 0)
    tell_of_lag();
}

/// Takes the guard at a moment at which it does not lag.
void backlog_base::lock_caught_up() noexcept {
  for (;;) {
    guard_.lock();
    if (!passes_by(lag_.load(relaxed))) return;
    guard_.unlock();
    log_->catch_up(*this);
  }
}

// --- the log -------------------------------------------------------------------------------------------------------

void broadcast_base::catch_up(backlog_base& b) noexcept {
  {
    std::lock_guard guard(mutex_);
    lags_no_more(b);
  }
  b.tell_of_lag();
}

/// Under mutex_, as all that follows.
void broadcast_base::lags(lagging how) noexcept {
  if (how == lagging::no) return;
  --awake_;
  if (stays(how) && staying_for_++ == 0) let_stay();
  if (how == lagging::conflates) ++conflating_;
  if (how == lagging::drops) ++dropping_;
  if (how == lagging::refuses) ++refusing_;
}

void broadcast_base::lags_no_more(backlog_base& b) noexcept {
  const lagging how = b.see_what_passed(*this);
  if (how == lagging::no) return;
  ++awake_;
  if (stays(how) && --staying_for_ == 0) let_go();
  if (how == lagging::conflates) --conflating_;
  if (how == lagging::drops) --dropping_;
  if (how == lagging::refuses) --refusing_;
}

void broadcast_base::all_catch_up() noexcept {
  for (binding* b : backlogs_) lags_no_more(*b->backlog);
}

}  // namespace troupe::detail
