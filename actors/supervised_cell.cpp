#include <fmt/format.h>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/actors/detail/last_words.hpp>
#include <troupe/base/log.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/run_loop.hpp>

// The part of a cell's life that has to do with its supervisor and its children.
//
// U1. An actor that is to be made anew goes down (`retire`): its object is destroyed, its inbox, timers, subscriptions
//     and those who watch it stay. It is awake (M2) and parked, so what comes queues up. Its family tells it to `go`.
// U2. While it is down nothing of the time before reaches the new object: nobody can tell it to end (`down`), whoever
//     had begun to is waited for (`tellers`), and its waits are not called off any more. A kill counts at any time.

namespace troupe {

using detail::envelope;

detail::membership* cell::place() const noexcept {
  const detail::cell_extras* x = extras_.load(acquire);
  return x ? x->place.get() : nullptr;
}

void cell::join_family(std::unique_ptr<detail::membership> place) {
  detail::cell_extras& x = own_extras();
  x.place = std::move(place);  // before the family may give it orders
  x.place->parent->add(*this);
}

const std::shared_ptr<detail::family>& cell::own_family() {
  detail::cell_extras& x = own_extras();
  if (!x.children) x.children = std::make_shared<detail::family>(*this, supervisor_options{});
  return x.children;
}

const std::shared_ptr<detail::family>& cell::own_family(supervisor_options options) {
  detail::cell_extras& x = own_extras();
  if (!x.children || x.children->children().empty())
    x.children = std::make_shared<detail::family>(*this, std::move(options));
  return x.children;
}

void cell::end_with(exit_reason reason) noexcept { tell(std::move(reason), false); }

void cell::tell(exit_reason reason, bool anew) noexcept {
  detail::cell_extras& x = own_extras();
  detail::membership* const place = x.place.get();
  {
    std::lock_guard guard(x.mutex);
    if (x.gone || x.down || x.told) return;
    x.told = std::move(reason);
    if (place) {
      place->tellers.fetch_add(1, relaxed);
      if (anew) place->recycled.store(true, relaxed);
    }
  }
  flags_.fetch_or(told_flag, acq_rel);
  (void)enqueue(*detail::make_envelope<envelope>(detail::kill_ops));
  call_off_handler();
  if (place) place->tellers.fetch_sub(1, acq_rel);
}

void cell::come_down() noexcept { tell({exit_kind::shutdown}, true); }

/// Children end, or go down, before their parent; and the parent may be made anew itself. True if the slice is over.
bool cell::held_by_kin(exit_reason& reason) noexcept {
  detail::cell_extras* x = extras_.load(acquire);
  if (!x || (!x->children && !x->place)) return false;
  const bool anew = x->place && made_anew_after(reason);
  if (const std::shared_ptr<detail::family> children = x->children) {
    using mode = detail::family::mode;
    x->ending = detail::copy_of(reason);
    ending_ = true;
    const bool kept = anew && children->keeps_over_restarts();
    // Unless it was closed its children end at once: one that drains might wait for those who wait for this one.
    if (!children->settle(kept ? mode::suspending : mode::ending, !reason.abnormal() && !killed())) return true;
    ending_ = false;
  }
  if (!anew) return false;
  retire(reason);
  return true;
}

bool cell::made_anew_after(const exit_reason& reason) const noexcept {
  const detail::membership& m = *place();
  if (was_killed() || draining_ || (closing() && is_source())) return false;
  if (core_->is_down() || !m.parent->makes_anew()) return false;
  if (m.recycled.load(relaxed)) return true;
  switch (m.options.restart) {
    case restart_type::permanent: return true;
    case restart_type::transient: return reason.abnormal();
    case restart_type::temporary: break;
  }
  return false;
}

void cell::retire(const exit_reason& reason) noexcept {
  detail::cell_extras& x = own_extras();
  detail::membership& m = *x.place;
  started_ = false;  // its destructor is no handler
  if (has_object_) {
    if (worker* here = current_worker()) here->show(this, "destructor");
    leave_object_behind();
    put_in_front(x.stash.size());  // the new object is in none of the states in which they were put off
    class_->destroy(object());
    has_object_ = false;
  }
  {
    std::lock_guard guard(x.mutex);
    x.down = true;
    x.told.reset();
  }
  while (m.tellers.load(acquire) != 0) yield_thread();
  flags_.fetch_and(static_cast<std::uint8_t>(~told_flag), acq_rel);
  forget_stop();  // U2; `park` forgets only that its waits were called off
  m.recycled.store(false, relaxed);
  m.go.store(false, relaxed);
  ending_ = false;
  receiving_ = false;
  retrying_ = false;
  m.parent->child_is_down(*this, reason);
  wait_to_be_made_anew();
}

void cell::wait_to_be_made_anew() noexcept {
  detail::membership& m = *place();
  const auto ready = [&] { return m.go.load(seq_cst) || was_killed() || (closing() && is_source()); };
  if (!park(m.waits, ready)) home().reschedule(*this);
}

/// The slice of an actor that is down. True if there is an object again.
bool cell::come_back() noexcept {
  end_wait();
  detail::cell_extras& x = own_extras();
  detail::membership& m = *x.place;
  if (was_killed()) return end({exit_kind::killed}), false;
  if (closing() && is_source()) return end(reason_when_closed()), false;
  if (!m.go.exchange(false, acq_rel)) return wait_to_be_made_anew(), false;
  {
    std::lock_guard guard(x.mutex);
    x.down = false;
  }
  if (x.children) x.children->resume();
  current_worker()->show(this, "constructor");
  cell* const outer = std::exchange(detail::cell_under_construction, this);
  exit_reason failure;
  try {
    m.remake(object());
  } catch (...) {
    failure = {exit_kind::crashed,
               detail::saying([] { return "the constructor threw: " + detail::current_exception_text(); }), 0,
               std::current_exception()};
  }
  detail::cell_under_construction = outer;
  if (failure.kind == exit_kind::crashed) {
    detail::log_saying([&] { return fmt::format("actor {} crashed when it was made anew: {}", name(), failure.text); });
    if (x.children) std::exchange(x.children, nullptr)->abandon();
    made_anew_after(failure) ? retire(failure) : end(std::move(failure));
    return false;
  }
  has_object_ = true;
  core_->note_restart(*this);
  m.parent->child_is_up(*this);
  return true;
}

// --- messages at which it crashes ----------------------------------------------------------------------------------

/// True if the message at which the handler has crashed is kept to be handled once more.
bool cell::keep_for_retry(envelope& e, const exit_reason& reason) noexcept {
  detail::membership* m = place();
  if (!m || m->options.poison_after < 2 || e.ops->system || !e.ops->kept) return false;
  // Where handlers overlap, one that has waited comes too late: others may have changed the actor since.
  if (class_->reentrant && last_taken() != &e) {
    retrying_ = false;
    return false;
  }
  m->tries = retrying_ ? m->tries + 1 : 1;
  retrying_ = false;
  if (m->tries >= m->options.poison_after) {
    const auto text = [&] { return about(reason.text, e); };
    core_->refuse(*this, e, loss::poison, [&] { return detail::error_saying(errc::crashed, text, reason.exception); });
    detail::log_saying(
        [&] { return fmt::format("actor {} gave message {} up after {} crashes", name(), e.ops->name, m->tries); });
    return true;
  }
  if (!made_anew_after(reason)) return false;
  m->retry = &e;
  return true;
}

/// Handles the message that was kept, if one was. False if the slice is over.
bool cell::retry(detail::slice_count& handled) noexcept {
  detail::membership& m = *place();
  if (!m.retry) return true;
  envelope& e = *std::exchange(m.retry, nullptr);
  retrying_ = true;
  current_worker()->show(this, e.ops->name);
  if (run_loop* recorder = core_->recorder()) recorder->record(id_ ^ std::hash<std::string_view>()(e.ops->name));
  if (!handle(e, handled)) return false;
  retrying_ = false;
  return true;
}

}  // namespace troupe
