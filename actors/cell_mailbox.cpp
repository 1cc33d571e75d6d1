// The functions of a cell whose mailbox has a limit or an order of its own (A4).

#include <troupe/actors/cell.hpp>

#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/actors/detail/last_words.hpp>
#include <troupe/actors/detail/no_answer.hpp>

namespace troupe {

using detail::envelope;

detail::bounded_inbox* cell::bounded() const noexcept {
  return is_bounded() ? extras_.load(acquire)->inbox.get() : nullptr;
}

detail::envelope* cell::take_bounded() noexcept { return bounded()->take(); }
bool cell::has_message_bounded() const noexcept { return bounded()->has_message(); }
bool cell::try_idle_bounded() noexcept { return bounded()->try_idle(); }

bool cell::waits_for_message() const noexcept {
  return is_bounded() ? bounded()->reader_is_idle() : inbox_.reader_is_idle();
}

send_status cell::push_bounded(envelope& e, bool may_refuse, bool counted) noexcept {
  const bool system = e.ops->system;
  if (!counted && core_->attended()) [[unlikely]] {
    note_sender(e);
    if (core_->tapped() && taken_by_tap(e)) {
      if (!system) core_->count(&detail::core::counters::sent);
      return send_status::queued;
    }
  }
  bool beyond = false;
  const auto outcome = bounded()->push(e, may_refuse, counted, beyond);
  using pushed = detail::bounded_inbox::pushed;
  if (!system && !counted && (outcome == pushed::closed || outcome == pushed::dropped))
    core_->count(&detail::core::counters::sent);
  switch (outcome) {
    case pushed::woke: wake(); [[fallthrough]];
    case pushed::queued:
      if (beyond && detail::running_cell) detail::running_cell->mute(*bounded());
      return send_status::queued;
    case pushed::closed:
      note_passage(e);
      if (system) {
        e.ops->destroy(e);
      } else {
        detail::no_answer why(errc::closed, "the actor had been closed or had ended");
        lose(e, loss::dead_letter, why);
      }
      break;
    case pushed::full:
      if (!counted) {
        core_->count(&detail::core::counters::refused);
        if (detail::delivery_account* const account = detail::account_of(e)) account->refused();
        if (core_->watched()) core_->tell_of_loss(*this, loss::overflow, e.ops->name, e.trace, 1);
        if (e.ops->refuse)
          e.ops->refuse(e, detail::error_saying(errc::full, [&] { return "the mailbox of " + name() + " is full"; }));
        e.ops->destroy(e);
        break;
      }
      [[fallthrough]];
    case pushed::dropped:
      note_passage(e);
      lose_for_overflow(e);
      return send_status::dropped;
  }
  detail::free_envelope(&e);
  return outcome == pushed::full ? send_status::full : send_status::closed;
}

void cell::note_sender(envelope& e) noexcept {
  if (detail::running_cell) e.trace = detail::running_cell->id_;
}

void cell::lose_for_overflow(envelope& e) noexcept {
  const auto text = [this] { return "the mailbox of " + name() + " was full: the message was dropped"; };
  core_->refuse(*this, e, loss::overflow, [&] { return detail::error_saying(errc::full, text); });
  detail::free_envelope(&e);
}

void cell::mute(detail::room& full) noexcept {
  detail::cell_extras& x = own_extras();
  if (x.muted) return;
  x.muted = std::make_unique<detail::mute>(*this, full);
  flags_.fetch_or(muted_flag, relaxed);
}

/// True if the slice is over: it waits.
bool cell::begin_mute() noexcept {
  muting_ = true;
  if (own_extras().muted->begin()) return true;
  end_mute();
  return false;
}

void cell::end_mute() noexcept {
  const std::unique_ptr<detail::mute> over = std::move(own_extras().muted);
  muting_ = false;
  flags_.fetch_and(static_cast<std::uint8_t>(~muted_flag), relaxed);
  if (over->end(*this)) core_->count(&detail::core::counters::mutes_broken);
}

}  // namespace troupe
