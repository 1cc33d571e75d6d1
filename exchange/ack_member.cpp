#include <algorithm>
#include <utility>

#include <troupe/actors/cell.hpp>
#include <troupe/exchange/detail/ack_queue.hpp>
#include <troupe/scheduler/worker.hpp>

// What an actor that is attached to a queue does in its slice.

namespace troupe::detail {

namespace {

// A batch stands in one array and is read without looking at what has come meanwhile.
constexpr std::size_t largest_batch = 256;

// Handlers are quick that take no longer, in ns. Whether they are is looked at once in so many batches, for the clock
// costs as much as a message.
constexpr std::int64_t quick_handler = 10'000;
constexpr unsigned batches_a_look = 8;

// Q8, in ns: a publisher leaves tens of messages meanwhile.
constexpr std::int64_t moment = 1'000;

/// The slice before this one, on this worker, was of a member that came for little too.
void let_a_moment_pass(const scheduler& s) noexcept {
  static thread_local std::uint64_t last = 0;
  const std::uint64_t present = current_worker()->slices();
  if (std::exchange(last, present) + 1 != present) return;
  const std::int64_t over = s.now() + moment;
  while (s.now() < over) cpu_relax();
}

}  // namespace

ack_member_base::ack_member_base(any_ref to, std::shared_ptr<ack_queue_base> from, std::size_t prefetch)
    : binding(std::move(to), {}),
      queue_(std::move(from)),
      prefetch_(prefetch),
      capacity_(std::min(prefetch, largest_batch)),
      share_((capacity_ + 1) / 2),
      batch_(std::make_unique<ack_node*[]>(capacity_)),
      claims_(queue_->options().ack_timeout != forever ? std::make_unique<atomic<place>[]>(capacity_) : nullptr),
      credit_(prefetch) {}

ack_member_base::~ack_member_base() { settle(); }

std::optional<std::uint64_t> ack_member_base::lag(std::uint64_t& bytes) const noexcept {
  std::lock_guard guard(queue_->lock_);
  const std::uint64_t unanswered = prefetch_ - credit_;
  bytes = unanswered * queue_->message_size();
  return unanswered;
}

std::size_t ack_member_base::finish_handled() noexcept {
  std::size_t n = 0;
  settlement all(nullptr);
  for (; settled_ != next_; ++settled_) {
    ack_node* const done = batch_[settled_];
    if (!done) continue;
    all.add(*done);
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

void ack_member_base::end_look_at_pace() noexcept {
  if (batch_began_ == 0) return;
  const std::int64_t took = queue_->core_->scheduler().now() - std::exchange(batch_began_, 0);
  if (size_ != 0) quick_ = took <= quick_handler * static_cast<std::int64_t>(size_);
}

void ack_member_base::look_at_pace() noexcept {
  end_look_at_pace();
  if (quick_ && ++unseen_batches_ != batches_a_look) return;
  batch_began_ = queue_->core_->scheduler().now();
  unseen_batches_ = 0;
}

bool ack_member_base::mark() noexcept {
  if (!placed_.load(acquire)) return false;
  stood_back_ = false;
  if (!gate.is_open()) {
    mark_ = next_;
    settle();
    return false;
  }
  if (next_ != mark_) return true;
  if (!armed_ && queue_->intake_.nothing_waits()) return false;
  look_at_pace();
  const std::size_t n = finish_handled();
  const std::int64_t now = queue_->now();
  ack_queue_base::afterwards then;
  {
    std::lock_guard guard(queue_->lock_);
    // It is awake: others are told of what comes. If it has left the list already, news is on its way.
    using waiter = list_hook<ack_member_base>;
    if (waiter::linked()) {
      waiter::unlink();
      armed_ = false;
    } else if (std::exchange(starved_, false)) {
      armed_ = false;
    }
    queue_->credit_came(*this, n);
    if (!detached_) mark_ = queue_->refill(*this, now, then);
    sipped_ = queue_->crowded_ && quick_ && size_ != 0 && size_ < share_ && queue_->waiting_.size() == 0;
    queue_->leave(then);
  }
  queue_->run(then);
  return next_ != mark_;
}

bool ack_member_base::look_again() noexcept {
  if (next_ == mark_ && gate.is_open()) {
    if (std::exchange(sipped_, false)) {
      stood_back_ = true;
      return false;
    }
    if (stood_back_ && !queue_->intake_.nothing_waits()) let_a_moment_pass(queue_->core_->scheduler());
  }
  return mark();
}

bool ack_member_base::arm() noexcept {
  if (!placed_.load(acquire)) return true;  // attaching arms it
  if (stood_back_ && !queue_->intake_.nothing_waits()) return false;
  stood_back_ = false;
  if (!gate.is_open() || armed_) return settle(), true;
  end_look_at_pace();
  const std::size_t n = finish_handled();
  bool armed = true;
  ack_queue_base::afterwards then;
  {
    std::lock_guard guard(queue_->lock_);
    queue_->credit_came(*this, n);
    if (!detached_ && credit_ != 0 && !subscriber.get_cell()->closing()) {
      armed = !queue_->any_waits();
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

/// Q6. The one that was begun last was taken back meanwhile.
void ack_member_base::came_late() noexcept {
  queue_->late_.fetch_add(1, relaxed);
  take_out(next_ - 1)->release();
}

ack_node* ack_member_base::take_out(std::size_t i) noexcept {
  std::lock_guard guard(queue_->lock_);
  return std::exchange(batch_[i], nullptr);
}

}  // namespace troupe::detail
