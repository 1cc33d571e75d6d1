#include <troupe/exchange/detail/ack_queue.hpp>

#include <utility>

#include <fmt/format.h>

#include <troupe/actors/cell.hpp>
#include <troupe/base/epoch.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe::detail {

namespace {

void finish(node_list& all, const error* why) noexcept {
  settlement told(why);
  while (ack_node* n = all.pop_front()) {
    told.add(*n);
    n->release();
  }
}

}  // namespace

ack_queue_base::ack_queue_base(core& k, const std::string& name, queue options, const char* type_name, bool levelled)
    : core_(&k),
      name_(name),
      options_(std::move(options)),
      type_name_(type_name),
      in_order_(levelled || options_.limit != queue::unbounded || options_.message_ttl != forever),
      crowded_(k.scheduler().size() > 1),
      intake_(crowded_) {
  const auto wrong = [&](const std::string& what) {
    throw troupe_error(errc::invalid_argument, fmt::format("queue '{}': {}", name_, what));
  };
  if (options_.limit == 0) wrong("with a limit of 0 it would take nothing: give 1 or more");
  if (options_.when_full == overflow::block)
    wrong("it cannot block its publishers: let them wait for room with a publish_window");
  if (options_.ack_timeout.count() <= 0) wrong("an ack_timeout must be positive");
  if (options_.message_ttl.count() <= 0) wrong("a message_ttl must be positive");
  if (!options_.dead_letters.empty() && options_.dead_letters == name_)
    wrong("its dead letters cannot go to itself: they would come back for ever");
}

ack_queue_base::~ack_queue_base() {
  close_intake();
  while (waiting_.size() != 0) waiting_.pop_front()->release();
}

std::int64_t ack_queue_base::now() const noexcept {
  const bool timed = options_.ack_timeout != forever || options_.message_ttl != forever;
  return timed ? core_->scheduler().now() : 0;
}

ack_queue_base::pushed ack_queue_base::push(ack_node& n) {
  try {
    epoch_prepare();  // for tell_next, when it is too late to fail
  } catch (...) {
    n.release();
    throw;
  }
  if (n.was_dead && has_been_here(*n.died())) [[unlikely]] {
    core_->count(&core::counters::refused);
    account_->refused();
    n.release();
    return pushed::refused;
  }
  if (in_order_) return push_in_order(n);
  queue_intake::pushed how = queue_intake::pushed::closed;
  try {
    // Letters have no publisher.
    how = intake_.push(n, n.was_dead ? nullptr : current_sender(), [&] {
      core_->count(&core::counters::sent);  // before anybody can count it as handled
    });
  } catch (...) {
    n.release();
    throw;
  }
  switch (how) {
    case queue_intake::pushed::closed: n.release(); return pushed::closed;
    case queue_intake::pushed::here_tell: tell_next(); break;
    case queue_intake::pushed::here: break;
  }
  return pushed::accepted;
}

ack_queue_base::pushed ack_queue_base::push_in_order(ack_node& n) {
  if (options_.message_ttl != forever) n.expires = deadline_after(core_->scheduler().now(), options_.message_ttl);
  bool tell = false;
  afterwards then;
  {
    std::unique_lock lock(lock_);
    if (closed_ || disbanded_) {
      lock.unlock();
      n.release();
      return pushed::closed;
    }
    if (waiting_.size() >= options_.limit) [[unlikely]] {
      if (options_.when_full == overflow::fail) {
        core_->count(&core::counters::refused);
        account_->refused();
        lock.unlock();
        n.release();
        return pushed::refused;
      }
      core_->count(&core::counters::sent);
      ++routed_;
      if (options_.when_full == overflow::drop_newest) {
        n.confirm = nullptr;  // its publisher learns it from here
        give_up(n, dead_reason::limit, then);
        leave(then);
        lock.unlock();
        run(then);
        return pushed::refused;
      }
    }
    try {
      waiting_.push_back(n);
    } catch (...) {
      lock.unlock();
      n.release();
      throw;
    }
    ++published_;
    if (waiting_.size() > options_.limit) [[unlikely]] {
      give_up(*waiting_.pop_least(), dead_reason::limit, then);
    } else {
      core_->count(&core::counters::sent);  // before anybody can count it as handled
      ++routed_;
    }
    intake_.say_waiting(waiting_.size());
    tell = !waiters_.empty();
    then.arm_expiry = expiry_alarm_.wanted(n.expires);
  }
  if (tell) tell_next();
  if (then.dead.first() || then.arm_expiry) run(then);
  return pushed::accepted;
}

/// Q2. News goes to the one who has waited longest, unless somebody has come for what waits.
void ack_queue_base::tell_next() noexcept {
  epoch_guard pinned;  // a member that is detached meanwhile is freed later
  ack_member_base* told = nullptr;
  {
    std::lock_guard guard(lock_);
    if (any_waits()) told = waiters_.pop_front();
    intake_.say_idle(!waiters_.empty());
  }
  if (told) told->subscriber.get_cell()->send_news(*told);
}

// --- under the lock ------------------------------------------------------------------------------------------------

/// One that handles its messages quickly takes all that it may: whoever comes next does not wait for long. Another one
/// takes the part that falls to it if all members take as much.
std::size_t ack_queue_base::share_of(const ack_member_base& m) const noexcept {
  const std::size_t waiting = waiting_.size();
  const std::size_t part = m.quick_ || member_count_ < 2 ? waiting : (waiting + member_count_ - 1) / member_count_;
  return std::min({m.credit_, m.capacity_, part});
}

std::size_t ack_queue_base::refill(ack_member_base& m, std::int64_t now, afterwards& then) noexcept {
  m.size_ = m.next_ = m.settled_ = 0;
  if (m.subscriber.get_cell()->closing()) return 0;
  if (waiting_.size() < m.capacity_) intake_.take([this](node_fifo&& all) { append(std::move(all)); });
  const std::size_t share = share_of(m);
  while (m.size_ != share && waiting_.size() != 0) {
    ack_node& each = *waiting_.pop_front();
    if (each.expires <= now) [[unlikely]]
      give_up(each, dead_reason::expired, then);
    else
      m.batch_[m.size_++] = &each;
  }
  const std::size_t n = m.size_;
  m.credit_ -= n;
  unanswered_ += n;
  if (m.claims_ && n != 0) {
    for (std::size_t i = 0; i != n; ++i) m.claims_[i].store(ack_member_base::place::given, relaxed);
    m.due_ = deadline_after(now, options_.ack_timeout);
    then.arm_answers |= answers_alarm_.wanted(m.due_);
  }
  return n;
}

/// What came through the intake.
void ack_queue_base::append(node_fifo&& all) noexcept { waiting_.append(priority::normal().level(), std::move(all)); }

void ack_queue_base::close_intake() noexcept {
  intake_.close([this](node_fifo&& all) { append(std::move(all)); });
}

void ack_queue_base::credit_came(ack_member_base& m, std::size_t n) noexcept {
  if (n == 0) return;
  m.credit_ += n;
  unanswered_ -= n;
  if (!m.starved_ || m.detached_) return;
  m.starved_ = false;
  waiters_.push_back(m);
}

/// `begun`: the delivery has had a fate (Q4).
void ack_queue_base::put_back(ack_node& n, bool begun, afterwards& then) noexcept {
  if (begun) {
    const std::uint32_t times = n.returned.load(relaxed) + 1;
    n.returned.store(times, relaxed);
    if (closed_) return then.lost.push_back(n);
    if (options_.max_deliveries != 0 && times >= options_.max_deliveries)
      return give_up(n, dead_reason::max_deliveries, then);
    if (!disbanded_) ++redelivered_;
    ++routed_;
    core_->count(&core::counters::sent);
  } else if (closed_) {
    core_->count(loss::dead_letter);
    account_->lost(loss::dead_letter);
    return then.lost.push_back(n);
  }
  if (disbanded_) return then.left.push_back(n);
  waiting_.push_front(n);
  then.arm_expiry |= expiry_alarm_.wanted(n.expires);
}

void ack_queue_base::give_up(ack_node& n, dead_reason why, afterwards& then) noexcept {
  n.reason = why;
  ++dead_letters_;
  then.dead.push_back(n);
}

/// Q3. What the member has not begun with, in its order.
void ack_queue_base::put_back_rest(ack_member_base& m, afterwards& then) noexcept {
  while (m.size_ != m.next_) {
    const std::size_t i = --m.size_;
    if (m.claims_ && !m.claim(i, ack_member_base::place::given, ack_member_base::place::taken_back)) continue;
    put_back(*m.batch_[i], false, then);
    credit_came(m, 1);
  }
}

void ack_queue_base::let_go(ack_node& n) noexcept {
  ++n.delivery;
  n.unlink();
  if (ack_member_base* const m = std::exchange(n.holder, nullptr))
    credit_came(*m, 1);
  else
    --unanswered_;
}

void ack_queue_base::leave(afterwards& then) noexcept {
  intake_.say_waiting(waiting_.size());
  intake_.say_idle(!waiters_.empty());
  then.tell = !waiters_.empty() && any_waits();
  if (ending_ && empty()) then.ended = std::exchange(ending_, false);
}

// --- after it ------------------------------------------------------------------------------------------------------

void ack_queue_base::run(afterwards& then) noexcept {
  if (then.tell) tell_next();
  if (then.arm_answers) answers_alarm_.start();
  if (then.arm_expiry) expiry_alarm_.start();
  if (then.acknowledged.first()) finish(then.acknowledged, nullptr);
  if (then.lost.first()) {
    const error ended(errc::shutdown, "the runtime has ended before the message was acknowledged");
    finish(then.lost, &ended);
  }
  if (then.left.first()) drop(then.left);
  if (then.dead.first()) bury(then.dead);
  if (!then.ended) return;
  if (const auto owner = owner_.lock()) owner->end_inputs();
}

// --- members -------------------------------------------------------------------------------------------------------

void ack_queue_base::attach(ack_member_base& m) {
  // As with a log (broadcast.cpp): from here on it belongs to its actor, and nothing may fail.
  m.subscriber.get_cell()->add_stream(m);
  bool tell = false;
  {
    std::lock_guard guard(lock_);
    members_.push_back(m);
    ++member_count_;
    waiters_.push_back(m);
    m.armed_ = true;
    m.placed_.store(true, release);
    intake_.say_idle(!waiters_.empty());
    tell = any_waits();
  }
  if (tell) tell_next();
}

void ack_queue_base::detach(ack_member_base& m) noexcept {
  afterwards then;
  {
    std::lock_guard guard(lock_);
    m.detached_ = true;
    m.list_hook<members_tag>::unlink();
    --member_count_;
    if (m.list_hook<ack_member_base>::linked()) m.list_hook<ack_member_base>::unlink();
    put_back_rest(m, then);
    for (auto i = held_.end(); i != held_.begin();) {
      ack_node& n = *--i;
      if (n.holder != &m) continue;
      if (!n.by_hand) {
        n.holder = nullptr;  // the coroutine answers for it
        continue;
      }
      ++i;
      let_go(n);
      put_back(n, true, then);
    }
    leave(then);
  }
  run(then);
}

std::uint32_t ack_queue_base::hold(ack_member_base& m, ack_node& n, bool by_hand) noexcept {
  using place = ack_member_base::place;
  std::lock_guard guard(lock_);
  m.batch_[m.next_ - 1] = nullptr;
  if (m.claims_ && !m.claim(m.next_ - 1, place::begun, place::answered)) return n.delivery - 1;  // Q6
  n.retain();
  n.holder = m.detached_ ? nullptr : &m;
  n.by_hand = by_hand;
  n.due = m.due_;
  held_.push_back(n);
  return n.delivery;
}

bool ack_queue_base::answer_for(ack_node& n, std::uint32_t delivery, verdict what) noexcept {
  afterwards then;
  {
    std::lock_guard guard(lock_);
    if (n.delivery != delivery) {
      late_.fetch_add(1, relaxed);
      return false;
    }
    let_go(n);
    switch (what) {
      case verdict::acknowledged: then.acknowledged.push_back(n); break;
      case verdict::requeued: put_back(n, true, then); break;
      case verdict::rejected:
        n.returned.store(n.returned.load(relaxed) + 1, relaxed);
        give_up(n, dead_reason::rejected, then);
        break;
    }
    leave(then);
  }
  run(then);
  return true;
}

void ack_queue_base::give_back(ack_member_base& m) noexcept {
  using place = ack_member_base::place;
  ack_node* thrown_at = m.batch_[m.next_ - 1];  // null: it is held
  if (thrown_at && m.claims_ && !m.claim(m.next_ - 1, place::begun, place::answered)) {
    m.came_late();
    thrown_at = nullptr;
  }
  m.batch_[m.next_ - 1] = nullptr;
  const std::size_t handled = m.finish_handled();
  afterwards then;
  {
    std::lock_guard guard(lock_);
    put_back_rest(m, then);
    if (thrown_at) put_back(*thrown_at, true, then);
    credit_came(m, handled + (thrown_at ? 1 : 0));
    m.mark_ = m.next_;
    leave(then);
  }
  run(then);
}

// --- the end -------------------------------------------------------------------------------------------------------

void ack_queue_base::close() noexcept {
  afterwards then;
  {
    std::lock_guard guard(lock_);
    closed_ = true;
    close_intake();
    core_->count(loss::dead_letter, waiting_.size());
    account_->lost(loss::dead_letter, waiting_.size());
    while (waiting_.size() != 0) then.lost.push_back(*waiting_.pop_front());
    while (!held_.empty()) {
      ack_node& n = held_.front();
      let_go(n);
      then.lost.push_back(n);
    }
    ending_ = false;
    leave(then);
  }
  run(then);
  answers_alarm_.stop();
  expiry_alarm_.stop();
}

void ack_queue_base::disband() noexcept {
  afterwards then;
  {
    std::lock_guard guard(lock_);
    disbanded_ = true;
    close_intake();
    while (waiting_.size() != 0) then.left.push_back(*waiting_.pop_front());
    leave(then);
  }
  run(then);
}

void ack_queue_base::drop(node_list& nobody_comes_for) noexcept {
  const error gone(errc::unhandled, "the last member of the group has left");
  std::uint64_t n = 0;
  for (const ack_node* each = nobody_comes_for.first(); each; each = each->next) ++n;
  core_->lose(loss::detached, type_name_, n);
  account_->lost(loss::detached, n);
  finish(nobody_comes_for, &gone);
}

bool ack_queue_base::end_when_empty() noexcept {
  std::lock_guard guard(lock_);
  ending_ = !empty();
  return !ending_;
}

ack_queue_base::figures ack_queue_base::published() const noexcept {
  std::lock_guard guard(lock_);
  const std::uint64_t taken = intake_.pushed_so_far();
  return {published_ + taken, routed_ + taken + routed_to_die_.load(relaxed)};
}

queue_counts ack_queue_base::counts() const noexcept {
  std::lock_guard guard(lock_);
  return {waiting_.size() + intake_.size(), unanswered_, redelivered_, dead_letters_, late_.load(relaxed)};
}

}  // namespace troupe::detail
