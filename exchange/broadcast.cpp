#include <troupe/exchange/detail/broadcast.hpp>

#include <algorithm>

namespace troupe::detail {

void broadcast_base::attach(broadcast_reader_base& r) {
  {
    std::lock_guard guard(mutex_);
    make_room();
  }
  // From here on the reader belongs to its actor, so nothing may fail. The actor must know the stream before anything
  // is published to it, or what is sent after that could be handled before (N1). Until it has a place it has nothing to
  // read.
  r.log_ = shared_from_this();
  r.subscriber.get_cell()->add_stream(r);
  std::lock_guard guard(mutex_);
  place(r);
  r.start_ = r.mark_ = end_.load(relaxed);
  r.position_.store(r.start_, relaxed);
  ++readers_;
  add_waiter(r);
  r.placed_.store(true, release);
}

std::uint64_t broadcast_base::detach(broadcast_reader_base& r) noexcept {
  std::uint64_t unread = 0;
  {
    std::lock_guard guard(mutex_);
    --readers_;
    r.detached_ = true;
    unread = end_.load(relaxed) - r.position();
    for (broadcast_reader_base** i = &waiters_; *i; i = &(*i)->next_waiter_) {
      if (*i != &r) continue;
      *i = r.next_waiter_;
      if (waiters_end_ == &r.next_waiter_) waiters_end_ = i;
      break;
    }
  }
  skip(r, unread);
  return unread;
}

std::optional<std::uint64_t> broadcast_reader_base::lag(std::uint64_t& bytes) const noexcept {
  if (!placed_.load(acquire)) return 0;
  const std::uint64_t at = position();  // read first: the end is never before it
  const std::uint64_t behind = log_->end() - at;
  bytes = behind * log_->message_size();
  return behind;
}

void broadcast_base::keep_in(retained& kept) noexcept {
  kept_ = &kept;
  has_backlogs_.store(true, relaxed);
  conflates_.store(kept.what().per_key, relaxed);
}

void broadcast_base::add_backlog(binding& b, std::int64_t now, publish_aftermath& after) {
  std::lock_guard guard(mutex_);
  backlogs_.reserve(backlogs_.size() + 1);
  b.backlog->belongs_to(shared_from_this());
  if (kept_ && b.backlog->options().start != start_at::latest())
    kept_->replay(b.backlog->options().start, now, b, after, [](std::string_view) { return true; });
  backlogs_.push_back(&b);
  ++how_many(deferral::none);
  has_backlogs_.store(true, relaxed);
  if (b.backlog->conflates()) conflates_.store(true, relaxed);
}

void broadcast_base::remove_backlog(binding& b) noexcept {
  std::lock_guard guard(mutex_);
  {
    std::unique_lock seen(b.backlog->guard(), std::defer_lock);
    change(*b.backlog, b.backlog->end_deferral(seen), deferral::none);
  }
  --how_many(b.backlog->deferred());
  const auto at = std::find(backlogs_.begin(), backlogs_.end(), &b);
  backlogs_.erase(at);
  has_backlogs_.store(kept_ || !backlogs_.empty(), relaxed);
}

void broadcast_base::tell(broadcast_reader_base* waiters) noexcept {
  while (waiters) {
    // Read first: once told, the reader may wait again.
    broadcast_reader_base* next = waiters->next_waiter_;
    waiters->subscriber.get_cell()->send_news(*waiters);
    waiters = next;
  }
}

}  // namespace troupe::detail
