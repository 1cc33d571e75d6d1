#include <troupe/actors/detail/bounded_inbox.hpp>

#include <mutex>

#include <fmt/format.h>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/last_words.hpp>
#include <troupe/actors/detail/message_queues.hpp>
#include <troupe/base/log.hpp>
#include <troupe/scheduler/green_thread.hpp>

namespace troupe {

namespace detail {

namespace {

std::unique_ptr<message_queue> make_queue(const mailbox_options& o) {
  if (o.queue) return o.queue();
  switch (o.order) {
    case mailbox_order::fifo: break;
    case mailbox_order::lifo: return std::make_unique<message_queue_of<lifo_queue>>();
    case mailbox_order::priority: return std::make_unique<message_queue_of<priority_queue>>();
  }
  return nullptr;
}

}  // namespace

envelope* envelope_list::pop_message() noexcept {
  envelope* before = nullptr;
  for (envelope* e = first_; e; before = e, e = e->next.load(relaxed)) {
    if (e->ops->system) continue;
    envelope* after = e->next.load(relaxed);
    if (before)
      before->next.store(after, relaxed);
    else
      first_ = after;
    if (!after) last_ = before;
    return e;
  }
  return nullptr;
}

bounded_inbox::bounded_inbox(cell& owner, const mailbox_options& o, mailbox_budget* budget)
    : owner_(&owner), options_(o), budget_(budget), queue_(make_queue(o)) {
  if (o.capacity == 0)
    throw troupe_error(errc::invalid_argument, "mailbox_options: a mailbox needs a capacity of at least 1");
}

// --- room ----------------------------------------------------------------------------------------------------------

bool bounded_inbox::has_room(const envelope& e) const noexcept {
  return count_.load(relaxed) < options_.capacity && (!budget_ || budget_->has_room(e.ops->size));
}

bool bounded_inbox::half_free() const noexcept {
  const std::size_t count = count_.load(relaxed);
  return count == 0 || (count <= options_.capacity / 2 && (!budget_ || budget_->has_room(1)));
}

/// Drops what is oldest until the message fits. False if it never will.
bool bounded_inbox::make_room(const envelope& e) noexcept {
  while (!has_room(e)) {
    envelope* oldest = queue_ ? queue_->drop().release() : line_.pop_message();
    if (!oldest) return false;
    removed(*oldest);
    gone_.push_back(*oldest);
  }
  return true;
}

void bounded_inbox::insert(envelope& e) noexcept {
  if (owner_->core().tapped()) [[unlikely]]
    owner_->note_passage(e);
  count_.store(count_.load(relaxed) + 1, relaxed);
  if (budget_) budget_->use(e.ops->size);
  stalled_ = false;
  if (!queue_) return line_.push_back(e);
  try {
    queue_->push(queued_message(e, *this));
  } catch (...) {  // on its way out the message has come to let_go()
    log_saying([&] {
      return fmt::format("the mailbox of {} could not take a {}: {}", owner_->name(), e.ops->name,
                         current_exception_text());
    });
  }
}

void bounded_inbox::removed(const envelope& e) noexcept {
  count_.store(count_.load(relaxed) - 1, relaxed);
  if (budget_) budget_->give_back(e.ops->size);
}

void bounded_inbox::let_go(envelope& e) noexcept {
  removed(e);
  gone_.push_back(e);
}

/// Those who wait come in as far as there is room.
void bounded_inbox::let_in(wake_list& woken) noexcept {
  do {
    while (!refusing_ && !senders_.empty() && has_room(*static_cast<envelope*>(senders_.front().place))) {
      wait_node* n = senders_.grant_one();
      if (!n) break;
      owner_->core().count(&core::counters::sent);
      insert(*static_cast<envelope*>(n->place));
      woken.add(*n);
    }
    if (half_free()) muted_.grant_all(woken);
  } while ((!senders_.empty() || !muted_.empty()) && ask_for_budget());
}

/// True if the budget has only now been asked to tell when there is room: then there may be some already (BG1).
bool bounded_inbox::ask_for_budget() noexcept {
  if (!budget_ || asked_) return false;
  asked_ = true;
  budget_->await_room(*this);
  return true;
}

void bounded_inbox::budget_has_room() noexcept {
  bool woke = false;
  {
    wake_list woken;
    std::lock_guard lock(guard_);
    asked_ = false;
    const std::size_t before = count_.load(relaxed);
    let_in(woken);
    woke = count_.load(relaxed) != before && wake_reader();
  }
  if (woke) owner_->wake();
}

bounded_inbox::entry bounded_inbox::enter_or_wait(envelope& e, wait_node& n) noexcept {
  if (closed_ || refusing_) return entry::closed;
  while (!senders_.empty() || !has_room(e)) {
    if (ask_for_budget()) continue;
    n.place = &e;
    senders_.push(n);
    return entry::waits;
  }
  owner_->core().count(&core::counters::sent);
  insert(e);
  if (wake_reader()) owner_->wake();
  return entry::entered;
}

bool bounded_inbox::mute(wait_node& n) noexcept {
  do {
    if (closed_ || refusing_ || half_free()) return false;
  } while (ask_for_budget());
  muted_.push(n);
  return true;
}

std::string bounded_inbox::describe_room() const { return "room in the mailbox of " + owner_->name(); }
void bounded_inbox::keep_room() noexcept { owner_->retain(); }
void bounded_inbox::let_room_go() noexcept { owner_->release(); }

// --- pushing -------------------------------------------------------------------------------------------------------

bool bounded_inbox::wake_reader() noexcept {
  if (!idle_.load(relaxed)) return false;
  idle_.store(false, relaxed);
  return true;
}

bounded_inbox::pushed bounded_inbox::push(envelope& e, bool may_refuse, bool counted, bool& beyond) noexcept {
  bool woke = false;
  envelope_list gone;
  {
    wake_list woken;
    std::lock_guard lock(guard_);
    if (closed_) return pushed::closed;
    if (e.ops->system) {
      (queue_ && e.ops->after_all ? behind_ : line_).push_back(e);
      if (e.ops == &close_ops) refuse(woken);
    } else {
      if (refusing_) return pushed::closed;
      if (!has_room(e)) {
        const bool own_limit = count_.load(relaxed) >= options_.capacity;
        switch (own_limit ? options_.when_full : budget_->when_full()) {
          case overflow::block:
            if (may_refuse) return pushed::full;
            beyond = true;
            break;
          case overflow::fail: return pushed::full;
          case overflow::drop_newest: return pushed::dropped;
          case overflow::drop_oldest:
            if (!make_room(e)) return pushed::dropped;
            break;
        }
      } else if (may_refuse && !senders_.empty()) {
        return pushed::full;
      }
      if (!counted) owner_->core().count(&core::counters::sent);  // before anybody can count it as handled
      insert(e);
    }
    woke = wake_reader();
    gone = std::exchange(gone_, {});
  }
  lose(gone);
  return woke ? pushed::woke : pushed::queued;
}

// --- the reader ----------------------------------------------------------------------------------------------------

void bounded_inbox::free_last() noexcept {
  if (envelope* e = std::exchange(last_, nullptr)) free_envelope(e);
}

envelope* bounded_inbox::next() noexcept {
  if (envelope* e = line_.pop_front()) return e;
  if (!queue_) return nullptr;
  if (count_.load(relaxed) != 0 && !stalled_) {
    if (envelope* e = queue_->pop().release()) return e;
    stalled_ = true;
    log_line(fmt::format("the mailbox of {} gives nothing although it holds {} messages: they wait for the next",
                         owner_->name(), count_.load(relaxed)));
  }
  return count_.load(relaxed) == 0 || refusing_ ? behind_.pop_front() : nullptr;
}

envelope* bounded_inbox::take() noexcept {
  envelope* e = nullptr;
  envelope_list gone;
  {
    wake_list woken;
    std::lock_guard lock(guard_);
    free_last();
    e = front_.pop_front();
    const bool was_in_front = e != nullptr;
    if (!e) e = next();
    last_ = e;
    if (e && !was_in_front && !e->ops->system) {
      removed(*e);
      let_in(woken);
    }
    gone = std::exchange(gone_, {});
  }
  lose(gone);
  if (budget_) budget_->tell_starved();
  return e;
}

bool bounded_inbox::holds_anything() const noexcept {
  return !front_.empty() || !line_.empty() || (count_.load(relaxed) != 0 && !stalled_) ||
         (!behind_.empty() && (count_.load(relaxed) == 0 || refusing_));
}

bool bounded_inbox::has_message() const noexcept {
  std::lock_guard lock(guard_);
  return holds_anything();
}

bool bounded_inbox::try_idle() noexcept {
  envelope_list gone;
  {
    wake_list woken;
    std::lock_guard lock(guard_);
    if (holds_anything()) return false;
    let_in(woken);  // it may be empty for what has been dropped, and not taken
    if (holds_anything()) return false;
    gone = std::exchange(gone_, {});
    if (gone.empty()) {
      free_last();
      idle_.store(true, relaxed);
      return true;
    }
  }
  lose(gone);
  return false;
}

void bounded_inbox::refuse(wake_list& woken) noexcept {
  refusing_ = true;
  senders_.grant_all(woken, wait_outcome::closed);
  muted_.grant_all(woken);
}

void bounded_inbox::refuse_more() noexcept {
  wake_list woken;
  std::lock_guard lock(guard_);
  refuse(woken);
}

bool bounded_inbox::try_close() noexcept {
  envelope_list gone;
  {
    std::lock_guard lock(guard_);
    if (holds_anything()) return false;
    free_last();
    closed_ = true;
    queue_.reset();  // what it has kept comes to let_go()
    gone = std::exchange(gone_, {});
  }
  lose(gone);
  if (budget_) budget_->tell_starved();
  return true;
}

/// Outside of the lock: whoever asked is answered, and destructors are users' code.
void bounded_inbox::lose(envelope_list gone) noexcept {
  while (envelope* e = gone.pop_front()) owner_->lose_for_overflow(*e);
}

// --- the budget ----------------------------------------------------------------------------------------------------

void mailbox_budget::await_room(bounded_inbox& in) noexcept {
  in.owner_->retain();
  in.next_starved_ = starved_.load(relaxed);
  while (!starved_.compare_exchange_weak(in.next_starved_, &in, seq_cst, relaxed)) {
  }
}

void mailbox_budget::tell_starved() noexcept {
  if (!starved_.load(seq_cst) || !has_room(1)) return;
  bounded_inbox* each = starved_.exchange(nullptr, seq_cst);
  while (each) {
    bounded_inbox& in = *std::exchange(each, each->next_starved_);
    cell* owner = in.owner_;
    in.budget_has_room();
    owner->release();
  }
}

}  // namespace detail

void queued_message::lose() noexcept { inbox_->let_go(*std::exchange(envelope_, nullptr)); }

}  // namespace troupe
