#include <troupe/scheduler/detail/fork_record.hpp>

#include <algorithm>
#include <cassert>
#include <mutex>

#include <fmt/format.h>

#include <troupe/base/pool.hpp>
#include <troupe/scheduler/detail/coroutine_strand.hpp>

namespace troupe::detail {

/// The strand of a child that does not run on its parent's (B1). Lives until the child ends.
class fork_strand final : public coroutine_strand {
public:
  explicit fork_strand(fork_child& c) noexcept : coroutine_strand(c.record->self_->home()), record_(c.record) {
    resume_at = c.frame;
    forked_ = true;
    const auto* parent = dynamic_cast<fork_strand*>(record_->self_);
    root_ = parent ? parent->root_ : record_->self_;
    if (record_->locals_) set_locals(*this, *record_->locals_);
    home().strands().add(*this);
    std::lock_guard guard(record_->lock_);
    next_ = record_->strands_;
    if (next_) next_->previous_ = this;
    record_->strands_ = this;
    if (record_->cancelled_) cancel_waits();
  }

  std::string describe() const override { return "fork of " + root_->describe(); }

  /// A child has no fate of its own (B5).
  void request_kill() noexcept override { root_->request_kill(); }
  bool killed() const noexcept override { return root_->killed(); }
  strand& root() noexcept override { return *root_; }

private:
  friend class fork_record;

  ~fork_strand() = default;

  void end() noexcept override {
    home().strands().remove(*this);
    fork_record& record = *record_;
    {
      std::lock_guard guard(record.lock_);
      (previous_ ? previous_->next_ : record.strands_) = next_;
      if (next_) next_->previous_ = previous_;
    }
    this->~fork_strand();
    pool_free(this, sizeof(fork_strand));
    strand& parent = *record.self_;  // B4: read before it may go
    // Releases what the child has done to whoever sees zero: the acquire of the other strands and of the parent.
    if (record.pending_.fetch_sub(1, acq_rel) == 1) parent.wake();
  }

  fork_record* record_;
  strand* root_;                     // the green thread or actor that all this belongs to
  fork_strand* previous_ = nullptr;  // under the record's lock
  fork_strand* next_ = nullptr;
};

namespace {

fork_record* marked(std::coroutine_handle<> mark) noexcept {
  return reinterpret_cast<fork_record*>(reinterpret_cast<std::uintptr_t>(mark.address()) - fork_record::is_fork);
}

}  // namespace

job& fork_record::adopt(fork_child& c) noexcept { return *new (pool_allocate(sizeof(fork_strand))) fork_strand(c); }

void fork_record::remember_locals() noexcept { locals_ = self_->extras_if_any()->locals.newest(); }

void fork_record::offer(fork_deque& deque) noexcept {
  const std::size_t n = std::min(size_ - begun_, static_cast<std::size_t>(deque.room()));
  for (std::size_t i = begun_ + n; i != begun_; --i) deque.push(children_[i - 1]);
  // Many children are often large ones: a thief need not wait until this worker forks again.
  deque.publish_all();
  begun_ += n;
  offered_ = n;
}

/// Where jobs run in an order that is given, the children are jobs like others.
void fork_record::start_as_strands(trampoline& t) noexcept {
  t.self->resume_at = parent_;
  leave_behind(t);
  join(t);
}

void fork_record::join(trampoline& t) noexcept {
  const auto stolen = static_cast<std::ptrdiff_t>(stolen_);
  if (pending_.load(acquire) + stolen != 0) {  // pairs with the release of each strand's end
    strand& self = suspend_current(parent_);
    self.begin_wait(*this, false);
    joined_ = true;
    if (pending_.fetch_add(stolen, acq_rel) + stolen != 0) return;
    self.end_wait();
  }
  // All have ended. A child that was killed has left no result: then the parent must not go on, but ends (N5).
  if (t.self->killed() || t.self->waits_cancelled()) return yield_current(parent_);
  t.why = pause::none;
  t.next = parent_;
}

void fork_record::cancel_wait() noexcept {
  std::lock_guard guard(lock_);
  cancelled_ = true;
  for (fork_strand* s = strands_; s; s = s->next_) s->cancel_waits();
}

void fork_record::set_innermost(strand& self, fork_record* r) noexcept {
  self.resume_at = std::coroutine_handle<>::from_address(r ? reinterpret_cast<void*>(r->as_word()) : nullptr);
}

void fork_record::mark(trampoline& t) noexcept {
  t.innermost->resume_at_ = t.self->resume_at;
  set_innermost(*t.self, t.innermost);
}

void fork_record::carry(trampoline& t) noexcept {
  mark(t);
  fork_child* oldest = nullptr;
  while (fork_child* c = t.forks ? t.forks->pop() : nullptr) {
    c->next = oldest;
    oldest = c;
  }
  t.innermost->carried_ = oldest;
}

void fork_record::leave_behind(trampoline& t) noexcept {
  mark(t);
  scheduler& home = t.self->home();
  // Still counted as offered: when the parent does not find them in the deque, they are stolen.
  while (fork_child* c = t.forks ? t.forks->pop() : nullptr) home.schedule(adopt(*c));
  for (fork_record* r = t.innermost; r && !r->left_behind_; r = r->outer_) {
    r->left_behind_ = true;
    for (; r->begun_ != r->size_; ++r->stolen_) home.schedule(adopt(r->children_[r->begun_++]));
  }
}

std::coroutine_handle<> fork_record::take_up(trampoline& t, std::coroutine_handle<> mark) noexcept {
  t.innermost = marked(mark);
  for (fork_child* c = std::exchange(t.innermost->carried_, nullptr); c; c = c->next) {
    [[maybe_unused]] const bool fits = t.forks->push(*c);
    assert(fits);  // as it did before, in a deque that is empty now (B2)
  }
  return t.innermost->resume_at_;
}

bool fork_record::abandon(strand& self) noexcept {
  if (!is_marked(self.resume_at)) return true;
  fork_record* r = marked(self.resume_at);
  for (fork_child* c = std::exchange(r->carried_, nullptr); c; c = c->next) --c->record->offered_;
  for (fork_record* each = r; each; each = each->outer_) each->cancel_wait();
  for (; r; r = r->outer_) {
    if (std::exchange(r->joined_, true)) continue;  // this is what has woken the strand
    set_innermost(self, r);
    const auto stolen = static_cast<std::ptrdiff_t>(r->stolen_ + r->offered_);
    if (r->pending_.fetch_add(stolen, acq_rel) + stolen != 0) return false;
  }
  set_innermost(self, nullptr);
  return true;
}

}  // namespace troupe::detail
