#include <troupe/actors/detail/idle_watch.hpp>

#include <fmt/format.h>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/actors/detail/handler_strand.hpp>

// IW1. The timer is armed whenever the actor is idle, for `since + after`; it may stay armed for an earlier moment, at
//      which the slice finds that messages have come since, and arms it anew. So a message costs nothing, and going
//      idle a look at the clock.
// IW2. An armed timer holds a reference to the cell, which whoever takes it back, or fires it, gives up.

namespace troupe {

namespace detail {

cell_extras::cell_extras() noexcept = default;
cell_extras::cell_extras(exit_kind kind) : gone(true), reason{kind, {}} {}
cell_extras::~cell_extras() = default;

namespace {

constexpr message_ops idle_ops{.handle = [](cell& c, envelope&) -> root_handle {
                                 c.idle_watch_fired();
                                 return {};
                               },
                               .size = sizeof(envelope),
                               .alignment = alignof(envelope),
                               .name = "idle timeout",
                               .system = true};

}  // namespace

void idle_watch::arm() {
  armed = true;
  whose->retain();
  whose->home().arm(*this, deadline_after(since, after));
}

void idle_watch::fire() noexcept {
  cell& c = *whose;  // IW2: this may go with the message
  (void)c.enqueue(*make_envelope<envelope>(idle_ops));
  c.release();
}

void idle_watch::dropped() noexcept { whose->release(); }

}  // namespace detail

void cell::set_idle_timeout(std::chrono::nanoseconds after) {
  if (!class_->on_idle)
    throw troupe_error(
        errc::invalid_argument,
        fmt::format("set_idle_timeout() of {}: its class has no on_idle() and no messages to wait for", name()));
  if (after <= std::chrono::nanoseconds(0))
    throw troupe_error(errc::invalid_argument, fmt::format("set_idle_timeout() of {}: not a positive time", name()));
  detail::cell_extras& x = own_extras();
  if (!x.idle) x.idle = std::make_unique<detail::idle_watch>(*this);
  end_idle_watch();
  x.idle->after = after;
  idles_ = after != forever;
  // What is under way now counts as a message: the time runs from its end.
  x.idle->since = home().now();
}

void cell::idle_watch_fired() noexcept {
  detail::idle_watch& w = *own_extras().idle;
  w.armed = false;
  w.woke = true;
}

/// The slice has nothing left to do; `handled`: it had something. False if it is over.
bool cell::watch_idleness(bool handled) noexcept {
  detail::idle_watch& w = *own_extras().idle;
  const bool woke = std::exchange(w.woke, false);
  if (overlapping_) return true;  // a handler that waits is at work; its end is a message
  if (std::exchange(w.busy, false) || handled || !woke) {
    w.since = home().now();
  } else if (const std::int64_t now = home().now(); now >= deadline_after(w.since, w.after)) {
    w.since = now;
    w.calling = true;
    current_worker()->show(this, "on_idle");
    try {
      class_->on_idle(object());
      w.calling = false;
    } catch (...) {
      w.calling = false;  // it stays, if the object is made anew
      crash(nullptr);
      return false;
    }
    if (!idles_) return true;
  }
  if (!w.armed) w.arm();
  return true;
}

/// A slice ends before the actor is idle, and has handled something.
void cell::note_message() noexcept { own_extras().idle->busy = true; }

void cell::end_idle_watch() noexcept {
  detail::idle_watch& w = *own_extras().idle;
  if (w.armed && home().cancel(w)) {
    w.armed = false;
    release();
  }
}

}  // namespace troupe
