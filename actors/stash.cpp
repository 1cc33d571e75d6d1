#include <utility>

#include <fmt/format.h>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/bounded_inbox.hpp>
#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/actors/detail/idle_watch.hpp>
#include <troupe/actors/detail/message_envelopes.hpp>
#include <troupe/actors/detail/no_answer.hpp>
#include <troupe/actors/detail/receive_timer.hpp>

// Messages that are put off: by `stash` in a handler, and by a loop that waits for others.
//
// ST1. A stashed message is out of the inbox, and its envelope says so by its `ops`: the slice that delivered it counts
//      and destroys nothing then. The true ones stand beside it in the stash, until it is put in front of the inbox.
// ST2. Whoever asked is not answered while his question is stashed: its promise stays in it.

namespace troupe {

namespace detail {

const message_ops stashed_ops{.system = true};

namespace {

struct timeout_envelope : envelope {
  timeout_envelope(const message_ops& o, std::uint64_t n) noexcept : envelope(o), number(n) {}
  std::uint64_t number;
};

constexpr message_ops receive_timeout_ops{.handle = [](cell& c, envelope& e) -> root_handle {
                                            c.receive_timed_out(static_cast<timeout_envelope&>(e).number);
                                            return {};
                                          },
                                          .size = sizeof(timeout_envelope),
                                          .alignment = alignof(timeout_envelope),
                                          .name = "timeout",
                                          .system = true};

}  // namespace

void receive_timer::start(cell& c, std::chrono::nanoseconds timeout) {
  cell_ = &c;
  in_background = true;
  number_ = c.receive_number();
  c.home().arm(*this, deadline_after(c.home().now(), timeout));
}

void receive_timer::fire() noexcept {
  cell_->send_receive_timeout(number_);
  fired_.store(true, release);
}

receive_timer::~receive_timer() {
  if (!cell_) return;
  if (!cell_->home().cancel(*this))
    while (!fired_.load(acquire)) yield_thread();
  cell_->end_receive();
}

}  // namespace detail

using detail::envelope;

namespace {

troupe_error nothing_to_stash(const cell& c) {
  return troupe_error(errc::invalid_argument,
                      fmt::format("stash() of {} outside of the handler of a message, or twice in one", c.name()));
}

}  // namespace

/// The memory of the envelope taken last is the caller's from now on.
void cell::detach_last() noexcept { is_bounded() ? bounded()->detach_last() : reader_.detach_last(inbox_); }

/// ST1. Strong guarantee.
void cell::put_away(envelope& e) {
  detail::cell_extras& x = own_extras();
  x.stash.push_back({&e, e.ops});
  if (last_taken() == &e) detach_last();
  if (e.ops->stashed) e.ops->stashed(e);
  e.ops = &detail::stashed_ops;
  x.stashed_last = &e;
}

/// A copy of the message of a stream that is being handled; that one, which is not counted as handled then, becomes
/// this one.
void cell::put_away_copy() {
  detail::cell_extras& x = own_extras();
  if (x.progress->at_hand_is_put_off()) throw nothing_to_stash(*this);
  x.stash.reserve(x.stash.size() + 1);
  envelope* e = x.reading->copy();
  if (!e)
    throw troupe_error(errc::invalid_argument, fmt::format("{} puts off {} of an exchange, which cannot be copied",
                                                           name(), x.reading->message_name()));
  x.stash.push_back({e, e->ops});
  e->ops = &detail::stashed_ops;
  x.progress->put_off_at_hand();
}

void cell::stash() {
  if (!root_ && own_extras().reading) return put_away_copy();
  envelope* const e = at_hand();
  if (!e || e->ops->system) throw nothing_to_stash(*this);
  if (e->ops->consumed)
    throw troupe_error(errc::invalid_argument,
                       fmt::format("stash() of {} in a handler that takes the message itself, or its promise: let it "
                                   "take const {}&",
                                   name(), e->ops->name));
  if (root_ && class_->reentrant) return put_away_when_done(*e);
  put_away(*e);
}

void cell::unstash_all() {
  detail::cell_extras* x = extras_.load(acquire);
  if (!x || x->stash.empty()) return;
  // The one that is being handled stays: it would come again and again.
  const envelope* const last = x->stash.back().message;
  const bool handled_now = root_        ? root_.promise().message == last
                           : x->reading ? x->progress->at_hand_is_put_off()
                                        : !last_taken() && x->stashed_last == last;
  const std::size_t n = x->stash.size() - (handled_now ? 1 : 0);
  if (n != 0 && draining_ && overlapping_) before_close();
  put_in_front(n);
}

/// The close has been reached, and something is to be handled before it.
void cell::before_close() noexcept {
  draining_ = false;
  put_in_front(*detail::make_envelope<envelope>(detail::close_ops));
}

envelope* cell::last_taken() const noexcept { return is_bounded() ? bounded()->last_taken() : reader_.last_taken(); }

/// The message whose handler runs; null if none does, and if it is that of a stream. What was taken last may have been
/// destroyed long before, as the one at which the object before this one crashed.
envelope* cell::at_hand() const noexcept {
  if (root_) return root_.promise().message;
  const detail::cell_extras* x = extras_.load(acquire);
  const bool in_a_handler = started_ && !draining_ && !(x && (x->reading || (x->idle && x->idle->calling)));
  return in_a_handler ? last_taken() : nullptr;
}

void cell::put_in_front(envelope& e) noexcept {
  is_bounded() ? bounded()->put_in_front(e) : reader_.put_in_front(inbox_, e);
}

void cell::put_in_front(std::size_t n) noexcept {
  if (n == 0) return;
  detail::cell_extras& x = own_extras();
  for (std::size_t i = n; i-- != 0;) {
    x.stash[i].message->ops = x.stash[i].ops;
    put_in_front(*x.stash[i].message);
  }
  x.stash.erase(x.stash.begin(), x.stash.begin() + static_cast<std::ptrdiff_t>(n));
  if (!has_streams_) return;
  // They come before what is left of the streams, which is read when they have been taken.
  x.marks_left = x.marks_left || marked_;
  marked_ = false;
  x.unstashed += n;
  front_marked_ = true;
}

/// A message has been taken, of an actor with streams. True if the next one is to be taken before they are looked at.
bool cell::next_is_unstashed() noexcept {
  detail::cell_extras& x = own_extras();
  if (x.unstashed == 0) return false;
  if (--x.unstashed != 0) return true;
  marked_ = std::exchange(x.marks_left, false);
  return false;
}

void cell::lose_stash(loss how, detail::no_answer& why) noexcept {
  detail::cell_extras* x = extras_.load(acquire);
  if (!x) return;
  for (const detail::stashed_message& s : std::exchange(x->stash, {})) {
    s.message->ops = s.ops;
    if (why.code() == errc::killed || !s.ops->pass_on || !s.ops->pass_on(*s.message))
      lose(*s.message, how, why);
    else
      s.ops->destroy(*s.message);
    detail::free_envelope(s.message);
  }
}

void cell::leave_object_behind() noexcept {
  if (idles_) end_idle_watch();
  idles_ = false;
  detail::cell_extras* x = extras_.load(acquire);
  if (!x) return;
  x->states.clear();
  x->reading = nullptr;
  x->set_aside = false;
}

// --- of a loop -----------------------------------------------------------------------------------------------------

void cell::set_aside() {
  detail::cell_extras& x = own_extras();
  if (!x.reading) return put_away(*last_taken());
  put_away_copy();
  x.set_aside = true;
}

void cell::bring_back() noexcept {
  detail::cell_extras* x = extras_.load(acquire);
  if (!x || x->stash.empty()) return;
  // What was sent before the close is received before the loop learns of it.
  if (draining_) before_close();
  put_in_front(x->stash.size());
}

std::uint64_t cell::receive_number() const noexcept {
  const detail::cell_extras* x = extras_.load(acquire);
  return x ? x->receives : 0;
}

void cell::end_receive() noexcept { ++own_extras().receives; }

void cell::send_receive_timeout(std::uint64_t number) noexcept {
  (void)enqueue(*detail::make_envelope<detail::timeout_envelope>(detail::receive_timeout_ops, number));
}

void cell::receive_timed_out(std::uint64_t number) noexcept {
  if (number == receive_number()) system_message_taken();
}

}  // namespace troupe
