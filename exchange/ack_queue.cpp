#include <troupe/exchange/detail/ack_queue.hpp>

#include <utility>

#include <troupe/actors/cell.hpp>
#include <troupe/base/epoch.hpp>

namespace troupe::detail {

namespace {

// A batch stands in one array and is read without looking at what has come meanwhile.
constexpr std::size_t largest_batch = 256;

}  // namespace

// --- a member ------------------------------------------------------------------------------------------------------

ack_member_base::ack_member_base(any_ref to, std::shared_ptr<ack_queue_base> from, std::size_t prefetch)
    : binding(std::move(to), {}),
      queue_(std::move(from)),
      capacity_(std::min(prefetch, largest_batch)),
      share_((capacity_ + 1) / 2),
      batch_(std::make_unique<ack_node*[]>(capacity_)),
      credit_(prefetch) {}

ack_member_base::~ack_member_base() { settle(); }

std::size_t ack_member_base::finish_handled() noexcept {
  std::size_t n = 0;
  for (; settled_ != next_; ++settled_) {
    ack_node* const done = batch_[settled_];
    if (!done) continue;
    done->release();
    ++n;
  }
  return n;
}

void ack_member_base::settle() noexcept {
  if (settled_ == next_) return;
  const std::size_t n = finish_handled();
  ack_queue_base::afterwards then;
  {
    std::lock_guard guard(queue_->lock_);
    queue_->credit_came(*this, n);
    queue_->leave(then);
  }
  queue_->run(then);
}

bool ack_member_base::mark() noexcept {
  if (!placed_.load(acquire)) return false;
  if (!gate.is_open()) {
    mark_ = next_;
    settle();
    return false;
  }
  if (next_ != mark_) return true;
  if (!armed_ && queue_->waits_.load(acquire) == 0) return false;
  const std::size_t n = finish_handled();
  ack_queue_base::afterwards then;
  {
    std::lock_guard guard(queue_->lock_);
    // It is awake: others are told of what comes. If it has left the list already, news is on its way.
    if (linked()) {
      unlink();
      armed_ = false;
    } else if (std::exchange(starved_, false)) {
      armed_ = false;
    }
    queue_->credit_came(*this, n);
    if (!detached_) mark_ = queue_->refill(*this);
    queue_->leave(then);
  }
  queue_->run(then);
  return next_ != mark_;
}

bool ack_member_base::arm() noexcept {
  if (!placed_.load(acquire)) return true;  // attaching arms it
  if (!gate.is_open()) return settle(), true;
  if (armed_) return settle(), true;
  const std::size_t n = finish_handled();
  bool armed = true;
  ack_queue_base::afterwards then;
  {
    std::lock_guard guard(queue_->lock_);
    queue_->credit_came(*this, n);
    if (!detached_ && credit_ != 0 && !subscriber.get_cell()->closing()) {
      armed = queue_->waiting_.size() == 0;
      if (armed) queue_->waiters_.push_back(*this);
    } else {
      starved_ = true;
    }
    armed_ = armed;
    queue_->leave(then);
  }
  queue_->run(then);
  return armed;
}

// --- the queue -----------------------------------------------------------------------------------------------------

ack_queue_base::ack_queue_base(core& k, const std::string& name, queue options, const char* type_name)
    : core_(&k), name_(name), options_(std::move(options)), type_name_(type_name) {}

ack_queue_base::~ack_queue_base() {
  while (waiting_.size() != 0) waiting_.pop_front()->release();
}

bool ack_queue_base::push(ack_node& n) {
  bool tell = false;
  {
    std::unique_lock lock(lock_);
    if (closed_) {
      lock.unlock();
      n.release();
      return false;
    }
    try {
      waiting_.push_back(n);
    } catch (...) {
      lock.unlock();
      n.release();
      throw;
    }
    core_->count(&core::counters::sent);  // before anybody can count it as handled
    waits_.store(waiting_.size(), release);
    tell = !waiters_.empty();
  }
  if (tell) tell_next();
  return true;
}

/// Q2. News goes to the one who has waited longest, unless somebody has come for what waits.
void ack_queue_base::tell_next() noexcept {
  epoch_guard pinned;  // a member that is detached meanwhile is freed later
  ack_member_base* told = nullptr;
  {
    std::lock_guard guard(lock_);
    if (waiting_.size() != 0) told = waiters_.pop_front();
  }
  if (told) told->subscriber.get_cell()->send_news(*told);
}

std::size_t ack_queue_base::refill(ack_member_base& m) noexcept {
  m.size_ = m.next_ = m.settled_ = 0;
  if (m.subscriber.get_cell()->closing()) return 0;
  const std::size_t n = std::min({m.credit_, m.capacity_, waiting_.size()});
  for (; m.size_ != n; ++m.size_) m.batch_[m.size_] = waiting_.pop_front();
  m.credit_ -= n;
  unanswered_ += n;
  waits_.store(waiting_.size(), release);
  return n;
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
    if (closed_) return then.gone.push_back(n);
    if (options_.max_deliveries != 0 && times >= options_.max_deliveries) return then.dead.push_back(n);
    core_->count(&core::counters::sent);
  } else if (closed_) {
    core_->count(loss::dead_letter);
    return then.gone.push_back(n);
  }
  waiting_.push_front(n);
}

/// Q3. What the member has not begun with, in its order.
void ack_queue_base::put_back_rest(ack_member_base& m, afterwards& then) noexcept {
  const std::size_t rest = m.size_ - m.next_;
  while (m.size_ != m.next_) put_back(*m.batch_[--m.size_], false, then);
  m.credit_ += rest;
  unanswered_ -= rest;
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
  waits_.store(waiting_.size(), release);
  then.tell = waiting_.size() != 0 && !waiters_.empty();
  if (ending_ && empty()) then.ended = std::exchange(ending_, false);
}

void ack_queue_base::run(afterwards& then) noexcept {
  if (then.tell) tell_next();
  while (ack_node* n = then.gone.pop_front()) n->release();
  while (ack_node* n = then.dead.pop_front()) bury(*n);
  if (!then.ended) return;
  if (const auto owner = owner_.lock()) owner->end_inputs();
}

/// A delivery that has had its fate was its last one.
void ack_queue_base::bury(ack_node& n) noexcept {
  core_->count(&core::counters::sent);
  core_->lose(loss::dead_letter, type_name_);
  n.release();
}

void ack_queue_base::attach(ack_member_base& m) {
  // As with a log (broadcast.cpp): from here on it belongs to its actor, and nothing may fail.
  m.subscriber.get_cell()->add_stream(m);
  bool tell = false;
  {
    std::lock_guard guard(lock_);
    waiters_.push_back(m);
    m.armed_ = true;
    m.placed_.store(true, release);
    tell = waiting_.size() != 0;
  }
  if (tell) tell_next();
}

void ack_queue_base::detach(ack_member_base& m) noexcept {
  afterwards then;
  {
    std::lock_guard guard(lock_);
    m.detached_ = true;
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
  n.retain();
  m.take_last_out();
  std::lock_guard guard(lock_);
  n.holder = m.detached_ ? nullptr : &m;
  n.by_hand = by_hand;
  held_.push_back(n);
  return n.delivery;
}

bool ack_queue_base::answer_for(ack_node& n, std::uint32_t delivery, verdict what) noexcept {
  afterwards then;
  {
    std::lock_guard guard(lock_);
    if (n.delivery != delivery) return false;
    let_go(n);
    switch (what) {
      case verdict::acknowledged: then.gone.push_back(n); break;
      case verdict::requeued: put_back(n, true, then); break;
      case verdict::rejected: then.dead.push_back(n); break;
    }
    leave(then);
  }
  run(then);
  return true;
}

void ack_queue_base::give_back(ack_member_base& m) noexcept {
  ack_node* const thrown_at = std::exchange(m.batch_[m.next_ - 1], nullptr);  // null: it is held
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

void ack_queue_base::close() noexcept {
  afterwards then;
  {
    std::lock_guard guard(lock_);
    closed_ = true;
    core_->count(loss::dead_letter, waiting_.size());
    while (waiting_.size() != 0) then.gone.push_back(*waiting_.pop_front());
    while (!held_.empty()) {
      ack_node& n = held_.front();
      let_go(n);
      then.gone.push_back(n);
    }
    ending_ = false;
    leave(then);
  }
  run(then);
}

bool ack_queue_base::end_when_empty() noexcept {
  std::lock_guard guard(lock_);
  ending_ = !empty();
  return !ending_;
}

}  // namespace troupe::detail
