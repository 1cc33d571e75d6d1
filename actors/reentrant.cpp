#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <utility>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/bounded_inbox.hpp>
#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/actors/detail/handler_strand.hpp>
#include <troupe/actors/detail/last_words.hpp>
#include <troupe/actors/detail/message_envelopes.hpp>
#include <troupe/actors/detail/no_answer.hpp>
#include <troupe/actors/detail/slice_count.hpp>
#include <troupe/scheduler/lock_order.hpp>
#include <troupe/scheduler/trampoline.hpp>
#include <troupe/scheduler/worker.hpp>

// The slice of an actor whose class is reentrant: its handlers overlap (detail/handler_strand.hpp).
//
// RE1. While a coroutine runs `root_` is its own, and between that null: so what looks at the message at hand finds it,
//      and the actor goes on with the next one.
// RE2. The envelope of a handler that waits is out of the inbox, which goes on; it is freed with the handler, unless
//      that has put its message off, which then comes into the stash, and not before: nobody handles it a second time
//      meanwhile.
// RE3. An actor that has been closed takes, until its handlers are done, what lets them go on; what else comes is too
//      late. One that ends otherwise calls their waits off, and destroys their coroutines when all have come.

namespace troupe {

using detail::envelope;
using detail::handler_strand;
using detail::pause;

/// A handler that is a coroutine begins (`handler` is fresh), or goes on (`e` says so). `from` is the stream whose
/// message it handles, if there is no envelope. False if the slice is over.
bool cell::let_overlap(detail::root_handle handler, envelope* e, detail::stream_reader* from,
                       detail::slice_count& handled, detail::pause_hook& through) noexcept {
  if (e && e->ops == &detail::go_on_ops) {
    handler_strand& h = *static_cast<detail::go_on_message*>(e)->handler;
    e->ops->destroy(*e);  // the actor's own reference is left
    return run_handler(h, handled, nullptr);
  }
  handler.promise().message = e;
  handler_strand* h = nullptr;
  try {
    detail::cell_extras& x = own_extras();
    if (!x.handlers) x.handlers = std::make_unique<detail::overlapping_handlers>();
    h = handler_strand::make(*this, handler, from ? from->message_name() : e->ops->name);
    x.handlers->live.push_back(*h);
  } catch (...) {
    handler.destroy();
    through.paused();
    if (from) note_failure(from->account());
    crash(e);
    return false;
  }
  overlapping_ = true;
  if (from) {
    h->account = from->account();
    h->from_stream = from->hand_over();
  } else {
    // Its subscription may end while it waits, and the gate with that.
    h->account = detail::account_of(*e);
    if (e->ops->stashed) e->ops->stashed(*e);
  }
  return run_handler(*h, handled, &through);
}

/// Resumes the coroutine. False if the slice is over.
bool cell::run_handler(handler_strand& h, detail::slice_count& handled, detail::pause_hook* hook) noexcept {
  handled.note_as_it_is(handled_);
  detail::overlapping_handlers& all = *own_extras().handlers;
  current_worker()->show(this, h.message_name());
  root_ = h.root();  // RE1
  all.running = &h;
  h.leave();
  detail::trampoline loop(h);
  loop.hook = hook;
  const pause why = loop.run(h.resume_at);
  root_ = {};
  all.running = nullptr;
  switch (why) {
    case pause::none: return handler_is_done(h, handled);
    case pause::receiving:
      std::fputs("troupe: co_await receive() in a handler of a reentrant actor: only loop actors receive\n", stderr);
      std::abort();
    case pause::yielded: h.queue_again(); break;
    case pause::suspended: break;
  }
  // From here on its strand may do what HS1 allows it, but the coroutine is at rest.
  envelope* const e = h.root().promise().message;
  if (e && !std::exchange(h.loose, true)) detach_last();  // RE2: its first pause, at which it is what was taken last
  if (std::exchange(h.listed, true)) return true;
  handled.waits_as_it_is();
  home().strands().add(h);
  return true;
}

/// Lets the handler go, with its coroutine. Gives its message, if that came in an envelope and is not put off.
envelope* cell::leave_handler(handler_strand& h) noexcept {
  detail::overlapping_handlers& all = *own_extras().handlers;
  envelope* message = h.root().promise().message;
  h.destroy_root();
  if (h.listed)
    home().strands().remove(h);
  else
    detail::party_ended(static_cast<strand*>(&h));
  if (const detail::message_ops* true_ops = h.stashed_as) {
    if (!h.loose) detach_last();
    own_extras().stash.push_back({std::exchange(message, nullptr), true_ops});
  }
  h.unlink();
  overlapping_ = !all.live.empty();
  h.let_go();
  return message;
}

/// The coroutine has come to its end. False if it crashed.
bool cell::handler_is_done(handler_strand& h, detail::slice_count& handled) noexcept {
  const std::exception_ptr failure = h.root().promise().failure;
  const bool of_stream = !h.root().promise().message;
  const bool loose = h.loose;
  detail::delivery_account* const account = h.account;
  envelope* const message = leave_handler(h);
  if (failure) {
    if (of_stream)
      note_failure(account);
    else if (message && account)
      account->failed();
    try {
      std::rethrow_exception(failure);
    } catch (...) {
      crash(message);
    }
    if (message && loose) detail::free_envelope(message);
    return false;
  }
  if (of_stream || (message && !message->ops->system)) handled.add(1);
  if (!message) return true;
  message->ops->destroy(*message);
  if (loose) detail::free_envelope(message);
  return true;
}

/// ST1, RE2.
void cell::put_away_when_done(envelope& e) noexcept {
  handler_strand& h = *own_extras().handlers->running;
  h.stashed_as = e.ops;
  if (e.ops->stashed) e.ops->stashed(e);
  e.ops = &detail::stashed_ops;
}

// --- the end -------------------------------------------------------------------------------------------------------

/// RE3. False if the slice is over.
bool cell::take_when_closed(detail::slice_count& handled) noexcept {
  envelope* const e = take();
  if (!e) {
    handled.note_as_it_is(handled_);
    return !try_idle();
  }
  if (e->ops == &detail::go_on_ops) return handle(*e, handled);
  if (e->ops->system || (e->ops->pass_on && e->ops->pass_on(*e))) {
    e->ops->destroy(*e);
  } else {
    detail::no_answer why(errc::closed, "the actor was closed");
    lose(*e, loss::dead_letter, why);
  }
  return true;
}

/// RE3. False if the slice is over: the last handler that comes wakes the actor, perhaps before this returns. `why` is
/// what those learn who have asked.
bool cell::end_handlers(const exit_reason& reason, detail::no_answer& why) noexcept {
  detail::cell_extras& x = own_extras();
  detail::overlapping_handlers& all = *x.handlers;
  if (!std::exchange(all.ending, true)) {
    x.ending = detail::copy_of(reason);
    ending_ = true;
    all.awaited.store(1, relaxed);
    for (handler_strand& h : all.live) {
      all.awaited.fetch_add(1, acq_rel);
      if (h.doom()) all.awaited.fetch_sub(1, acq_rel);
    }
    if (all.awaited.fetch_sub(1, acq_rel) != 1) return false;
  }
  all.ending = false;
  ending_ = false;
  while (!all.live.empty()) {
    handler_strand& h = all.live.front();
    const bool of_stream = !h.root().promise().message;
    detail::delivery_account* const account = h.account;
    envelope* const message = leave_handler(h);
    if (of_stream) lose_begun(account, loss::killed, "message of an exchange");
    if (!message) continue;
    if (account) account->lost_in_handler(loss::killed);
    lose(*message, loss::killed, why);
    detail::free_envelope(message);
  }
  return true;
}

void cell::handler_came() noexcept {
  if (own_extras().handlers->awaited.fetch_sub(1, acq_rel) == 1) wake();
}

}  // namespace troupe
