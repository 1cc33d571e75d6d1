#include <troupe/actors/cell.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <new>
#include <utility>

#include <fmt/format.h>

#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/actors/detail/last_words.hpp>
#include <troupe/actors/detail/message_envelopes.hpp>
#include <troupe/actors/detail/no_answer.hpp>
#include <troupe/actors/detail/slice_count.hpp>
#include <troupe/base/log.hpp>
#include <troupe/base/poison.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/side_thread.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe {

namespace detail {

constinit thread_local cell* cell_under_construction = nullptr;
constinit thread_local cell* running_cell __attribute__((tls_model("initial-exec"))) = nullptr;

const message_ops close_ops{.handle = [](cell& c, envelope&) -> root_handle {
                              c.mark_closed();
                              return {};
                            },
                            .size = sizeof(envelope),
                            .alignment = alignof(envelope),
                            .name = "close",
                            .system = true,
                            .after_all = true,
                            .in_turn = true};

const message_ops kill_ops{.handle = [](cell&, envelope&) -> root_handle { return {}; },
                           .size = sizeof(envelope),
                           .alignment = alignof(envelope),
                           .name = "kill",
                           .system = true};

const message_ops input_end_ops{.handle = [](cell& c, envelope&) -> root_handle {
                                  c.input_ended();
                                  return {};
                                },
                                .size = sizeof(envelope),
                                .alignment = alignof(envelope),
                                .name = "end of input",
                                .system = true,
                                .in_turn = true};

}  // namespace detail

using detail::envelope;
using detail::pause;

cell::cell(detail::core& k, const detail::actor_class& c)
    : strand(k.scheduler()), inbox_(reader_), core_(&k), class_(&c), id_(k.next_id()) {
  // Cells stand at multiples of 16, so that offsets below 64 and from 112 on are never in one line.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"  // conditionally supported, and supported by GCC and clang
  static_assert(offsetof(cell, core_) + sizeof core_ <= 64 && offsetof(cell, reader_) + sizeof(void*) >= 112);
  static_assert(sizeof(cell) == 144 && offsetof(cell, object_) + sizeof object_ == sizeof(cell));
#pragma GCC diagnostic pop
  core_->cell_made();
}

// Not in the header: what poisons memory and the pool that hands it out again are of one build.
void cell::free_object() noexcept {
  if (class_->inside)
    poison(inside(), class_->size);
  else
    pool_free(object_.outside, class_->size, class_->alignment);
}

void cell::destroy() noexcept {
  detail::core& k = *core_;
  const std::size_t bytes = bytes_of(*class_);
  this->~cell();
  pool_free(this, bytes);
  k.cell_freed();
}

template <class Envelope, class... Args>
void cell::push_system(Args&&... args) noexcept {
  (void)enqueue(*detail::make_envelope<Envelope>(std::forward<Args>(args)...));
}

void cell::begin() noexcept {
  if (worker* here = current_worker()) here->offer();  // whoever makes actors goes on for a while
  core_->count(&detail::core::counters::spawned);
  home().strands().add(*this);
  // A shutdown that began while it was constructed may have missed it: it says so before it looks through the list.
  if (home().spawning_ended()) [[unlikely]]
    kill();
  if (class_->on_start || class_->run || idles_ || !try_idle()) home().schedule(*this);
}

void cell::abandon() noexcept {
  // The constructor threw. What it sent to itself is lost; references that it handed out stay valid, and find it ended.
  core_->count(&detail::core::counters::spawned);
  flags_.fetch_or(closing_flag, relaxed);
  const exit_reason reason{exit_kind::crashed, detail::saying([] { return "the constructor threw"; })};
  detail::no_answer why(errc::crashed, "the actor's constructor threw");
  drain(loss::dead_letter, why);
  leave_the_living(reason, false);
}

// --- extras --------------------------------------------------------------------------------------------------------

namespace {

/// Stand in for the extras of actors that ended without any, so that whoever asks later finds them gone: by kind.
std::array<detail::cell_extras, 5>& tombstones() noexcept {
  static std::array<detail::cell_extras, 5> all{
      detail::cell_extras(exit_kind::normal), detail::cell_extras(exit_kind::killed),
      detail::cell_extras(exit_kind::crashed), detail::cell_extras(exit_kind::shutdown),
      detail::cell_extras(exit_kind::exited)};
  return all;
}

bool is_tombstone(const detail::cell_extras* x) noexcept {
  const auto& all = tombstones();
  return std::less_equal<>()(all.data(), x) && std::less<>()(x, all.data() + all.size());
}

/// What the reason says in full: such an end needs extras of its own, if there is memory for them.
bool has_words(const exit_reason& r) { return r.kind == exit_kind::crashed || r.kind == exit_kind::exited; }

}  // namespace

cell::~cell() {
  detail::cell_extras* x = extras_.load(acquire);
  if (x && !is_tombstone(x)) delete x;
}

detail::cell_extras& cell::own_extras() {
  detail::cell_extras* present = extras_.load(acquire);
  if (present) return *present;
  auto fresh = std::make_unique<detail::cell_extras>();
  if (extras_.compare_exchange_strong(present, fresh.get(), acq_rel, acquire)) present = fresh.release();
  return *present;
}

/// The same; null where there is no memory for them.
detail::cell_extras* cell::extras_if_memory() noexcept {
  try {
    return &own_extras();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

strand_extras& cell::extras() { return own_extras().of_strand.get(); }
strand_extras* cell::extras_if_any() const noexcept {
  const detail::cell_extras* x = extras_.load(acquire);
  return x ? x->of_strand.if_any() : nullptr;
}

void cell::prepare(actor_options options) {
  if (!options.name.empty()) {
    detail::cell_extras& x = own_extras();
    core_->names().add(options.name, *this);
    x.name = std::move(options.name);  // nothing throws between the two: by it the name is given back
  }
  if (options.own_thread) take_own_thread();
  const mailbox_options* mailbox = options.mailbox ? &*options.mailbox : class_->mailbox;
  detail::mailbox_budget* budget = core_->budget();
  if (!mailbox && !budget && !core_->counts_queues()) return;
  own_extras().inbox = std::make_unique<detail::bounded_inbox>(*this, mailbox ? *mailbox : mailbox_options(), budget);
  flags_.store(bounded_flag, relaxed);
}

std::string cell::name() const {
  const detail::cell_extras* x = extras_.load(acquire);
  return x && !x->name.empty() ? x->name : fmt::format("{}#{}", class_->name, id_);
}

void cell::notify_end(promise<exit_reason> p) {
  detail::cell_extras& x = own_extras();
  std::unique_lock lock(x.mutex);
  if (!x.gone) return x.watchers.push_back(std::move(p));
  exit_reason reason = x.reason;
  lock.unlock();
  p.give(std::move(reason));
}

void cell::add_end_hook(std::shared_ptr<detail::end_hook> hook) {
  detail::cell_extras& x = own_extras();
  {
    std::lock_guard guard(x.mutex);
    if (!x.gone) return x.hooks.push_back(std::move(hook));
  }
  hook->actor_ended(*this);
}

void cell::remove_end_hook(const detail::end_hook& hook) noexcept {
  detail::cell_extras* x = extras_.load(acquire);
  if (!x) return;
  std::shared_ptr<detail::end_hook> removed;  // destroyed outside the lock
  std::lock_guard guard(x->mutex);
  for (auto& h : x->hooks) {
    if (h.get() != &hook) continue;
    removed = std::move(h);
    h = std::move(x->hooks.back());
    x->hooks.pop_back();
    return;
  }
}

void cell::add_observer(std::shared_ptr<detail::end_observer> o) {
  detail::cell_extras& x = own_extras();
  std::unique_lock lock(x.mutex);
  if (!x.gone) return x.observers.push_back(std::move(o));
  const exit_reason reason = x.reason;
  lock.unlock();
  o->actor_gone(*this, reason);
}

void cell::remove_observer(const detail::end_observer& o) noexcept {
  detail::cell_extras* x = extras_.load(acquire);
  if (!x) return;
  std::shared_ptr<detail::end_observer> removed;  // destroyed outside the lock
  std::lock_guard guard(x->mutex);
  const auto at = std::find_if(x->observers.begin(), x->observers.end(), [&](const auto& i) { return i.get() == &o; });
  if (at == x->observers.end()) return;
  removed = std::move(*at);
  x->observers.erase(at);
}

void cell::add_input() {
  detail::cell_extras& x = own_extras();
  std::lock_guard guard(x.mutex);
  ++x.inputs;
}

void cell::send_input_end() noexcept { push_system<envelope>(detail::input_end_ops); }

void cell::input_ended() noexcept {
  detail::cell_extras& x = own_extras();
  std::unique_lock lock(x.mutex);
  const bool last = x.inputs != 0 && --x.inputs == 0;
  lock.unlock();
  if (last) close();
}

// --- from outside --------------------------------------------------------------------------------------------------

void cell::refuse_all() noexcept {
  detail::no_answer why(errc::closed, "the actor had been closed or had ended");
  drain(loss::dead_letter, why);
}

void cell::close(exit_kind how) noexcept {
  if (flags_.fetch_or(closing_flag, acq_rel) & closing_flag) return;
  if (how == exit_kind::shutdown) flags_.fetch_or(shutdown_flag, relaxed);  // the message orders it
  push_system<envelope>(detail::close_ops);
  flags_.fetch_or(refusing_flag, troupe::release);
  if (is_source()) cancel_waits();
}

void cell::kill() noexcept {
  if (flags_.fetch_or(closing_flag | killed_flag, acq_rel) & killed_flag) return;
  push_system<envelope>(detail::kill_ops);  // wakes it if it is idle
  flags_.fetch_or(refusing_flag, troupe::release);
  call_off_handler();  // wakes it if it waits in one
}

// --- the slice -----------------------------------------------------------------------------------------------------

namespace {

/// Says on this thread which actor runs.
class running {
public:
  explicit running(cell& c) noexcept : outer_(std::exchange(detail::running_cell, &c)) {}
  ~running() { detail::running_cell = outer_; }
  running(const running&) = delete;
  running& operator=(const running&) = delete;

private:
  cell* outer_;  // whose handler runs a loop of its own
};

}  // namespace

void cell::run() noexcept {
  if (core_->observed()) [[unlikely]]
    return run_slice<detail::observed_slice>();
  run_slice<detail::slice_count>();
}

template <class Slice>
void cell::run_slice() noexcept {
  worker& here = *current_worker();
  running this_one(*this);
  here.show(this, nullptr);  // also what runs before a message is taken, or without any, is this actor's
  unsigned left = here.budget();
  std::int64_t begun = 0;
  Slice handled(*core_, *class_);

  if (ending_) {
    end_wait();
    return end(std::move(own_extras().ending));
  }
  if (muting_) end_mute();
  if (!started_) {
    const bool anew = !has_object_;
    if (anew && !come_back()) return;
    if (killed()) return end_as_told();
    here.show(this, class_->on_start ? "on_start" : "run");
    if (!start()) return;
    if (root_) here.show(this, "run");
    if (root_ && !go_on(root_, handled)) return;
    if (anew && !retry(handled)) return;
  } else if (root_ && !receiving_) {
    end_wait();
    if (killed()) return end_as_told();
    here.show(this, root_.promise().message ? root_.promise().message->ops->name : "run");
    if (!go_on(resume_at, handled)) return;
  }
  left = handled.grant(left);
  for (;;) {
    if (flags_.load(acquire) & (killed_flag | told_flag | muted_flag)) [[unlikely]] {
      handled.rest();
      if (killed()) return end_as_told();
      handled.note(handled_);
      if (begin_mute()) return;
      continue;
    }
    if (draining_) {
      here.show(this, "run");
      if (overlapping_) {
        if (!take_when_closed(handled)) return;
      } else {
        if (!root_) return end(reason_when_closed());
        receiving_ = false;
        if (!go_on(resume_at, handled)) return;
      }
      --left;
    } else if (marked_) {
      handled.begin();
      if (!read_streams(left, handled)) return;
    } else if (has_streams_ && !front_marked_ && has_message()) {
      front_marked_ = true;
      marked_ = mark_streams();  // N1
    } else if (envelope* e = has_streams_ && !front_marked_ ? nullptr : take()) {
      // Fetched while this one is handled; what another thread has just written takes longer than most handlers.
      if (const envelope* next = e->next.load(relaxed)) __builtin_prefetch(next);
      if (has_streams_) front_marked_ = next_is_unstashed();
      here.show(this, e->ops->name);
      if constexpr (Slice::observed) {
        if (run_loop* recorder = core_->recorder(); recorder && !record(*recorder, *e)) return;
      }
      if (!e->ops->system) handled.begin();
      if (!handle(*e, handled)) return;
      --left;
    } else {
      handled.rest();
      if (has_streams_ && (marked_ = look_at_streams())) continue;
      if (idles_ && !watch_idleness(handled.any())) return;
      handled.note(handled_);
      if (has_streams_ && !arm_streams()) return home().reschedule(*this);  // there is more, after others
      if (try_idle()) return;
    }
    if (left == 0) {
      if (idles_ && handled.any()) note_message();
      handled.note(handled_);
      if ((left = handled.more()) != 0) continue;
      if (!here.extend_slice(begun)) return home().reschedule(*this);
      left = handled.grant(here.budget());
    }
  }
}

void cell::end_abandoned() noexcept {
  const sends_for it(this);
  if (ending_) return end(std::move(own_extras().ending));
  if (muting_) end_mute();
  end_as_told();
}

bool cell::start() noexcept {
  try {
    if (class_->on_start) class_->on_start(object());
    if (class_->run) {
      root_ = class_->run(object());
      root_.promise().is_run = true;
    }
    started_ = true;
    return true;
  } catch (...) {
    crash(nullptr);
    return false;
  }
}

namespace {

bool passed_on(envelope& e) noexcept { return e.ops->pass_on && e.ops->pass_on(e); }

}  // namespace

/// The handler is a coroutine. Out of line, so that those which are not pay nothing for it.
[[gnu::noinline]] bool cell::begin_handler(detail::root_handle handler, envelope& e, detail::slice_count& handled,
                                           detail::pause_hook& through) noexcept {
  if (class_->reentrant) return let_overlap(handler, &e, nullptr, handled, through);
  handler.promise().message = &e;
  root_ = handler;
  return go_on(handler, handled, &through);
}

/// Hands the message to its handler, or to the loop that waits for it. False if the slice is over.
bool cell::handle(envelope& e, detail::slice_count& handled) noexcept {
  detail::delivery_gate* const gate = e.ops->gate ? e.ops->gate(e) : nullptr;
  detail::delivery_gate::passage through(gate, true);
  if (!through) {
    through.leave();
    if (!passed_on(e)) {
      core_->lose(*this, loss::detached, e.ops->name);
      if (gate->account) gate->account->lost(loss::detached);
    }
    e.ops->destroy(e);
    return true;
  }
  detail::root_handle handler;
  try {
    handler = e.ops->handle(*this, e);
  } catch (...) {
    through.leave();
    crash(&e);
    return false;
  }
  if (handler) return begin_handler(handler, e, handled, through);
  through.leave();
  bool received = false;
  if (receiving_) {
    received = (!e.ops->system || taken_) && e.ops != &detail::stashed_ops;
    taken_ = false;
  }
  if (!e.ops->system) handled.add(1);
  e.ops->destroy(e);
  if (!received) return true;
  receiving_ = false;
  return go_on(resume_at, handled);
}

/// Resumes the coroutine of a handler or of `run`. False if the slice is over: it waits for something, has used up its
/// slice, or the actor has ended; the cell must not be touched then.
bool cell::go_on(std::coroutine_handle<> at, detail::slice_count& handled, detail::pause_hook* hook) noexcept {
  handled.note_as_it_is(handled_);
  detail::trampoline loop(*this);
  loop.hook = hook;
  switch (loop.run(at)) {
    case pause::suspended: return false;
    case pause::yielded: home().reschedule(*this); return false;
    case pause::receiving: receiving_ = true; return true;
    case pause::none: break;
  }
  envelope* message = root_.promise().message;
  const bool was_run = root_.promise().is_run;
  if (std::exception_ptr failure = root_.promise().failure) {
    root_.promise().message = nullptr;
    if (!message && !was_run) note_failure(own_extras().of_root);  // a message of a stream
    root_.promise().is_run = true;                                 // accounted for
    try {
      std::rethrow_exception(failure);
    } catch (...) {
      crash(message);
    }
    return false;
  }
  root_.destroy();
  root_ = {};
  if (was_run) {
    end(reason_when_closed());
    return false;
  }
  if (!message || !message->ops->system) handled.add(1);
  if (retrying_) retrying_ = false;
  if (message) message->ops->destroy(*message);
  return true;
}

// --- the end -------------------------------------------------------------------------------------------------------

/// Called while the exception is being handled; `e` is the message whose handler threw, if any.
void cell::crash(envelope* e) noexcept {
  exit_reason reason{exit_kind::crashed, detail::current_exception_text(), 0, std::current_exception()};
  detail::log_saying([&] {
    return fmt::format("actor {} crashed{}: {}", name(), e ? fmt::format(" at message {}", e->ops->name) : "",
                       reason.text);
  });
  if (e && !keep_for_retry(*e, reason)) {
    if (!e->ops->system) note_failure(detail::account_of(*e));
    if (e->ops->refuse) e->ops->refuse(*e, detail::error_saying(errc::crashed, [&] { return about(reason.text, *e); }));
    e->ops->destroy(*e);
  }
  end(std::move(reason));
}

exit_reason cell::reason_when_closed() const noexcept {
  return {(flags_.load(relaxed) & shutdown_flag) != 0 ? exit_kind::shutdown : exit_kind::normal};
}

void cell::end_as_told() noexcept {
  if (flags_.load(relaxed) & killed_flag) return end({exit_kind::killed});
  detail::cell_extras& x = own_extras();
  std::unique_lock lock(x.mutex);
  exit_reason reason = detail::copy_of(*x.told);
  lock.unlock();
  end(std::move(reason));
}

void cell::end(exit_reason reason) noexcept {
  detail::no_answer why(reason);
  if (overlapping_ && !end_handlers(reason, why)) return;
  if (root_ && !root_.done()) {
    // The last of its children wakes it, perhaps before `abandon_forks` returns. What was killed knows why it ends, and
    // what finds no memory to remember it ends as if it were.
    if (reason.kind != exit_kind::killed) {
      if (detail::cell_extras* const x = extras_if_memory()) {
        x->ending = detail::copy_of(reason);
        ending_ = true;
      } else {
        flags_.fetch_or(closing_flag | killed_flag, acq_rel);
      }
    }
    if (!abandon_forks()) return;
  }
  if (root_) {
    envelope* message = root_.promise().message;
    if (!message && !root_.promise().is_run) lose_begun(own_extras().of_root, loss::killed, "message of an exchange");
    root_.destroy();
    root_ = {};
    if (message) {
      if (detail::delivery_account* const account = detail::account_of(*message)) account->undone();
      lose(*message, loss::killed, why);
    }
  }
  if (held_by_kin(reason)) return;
  draining_ = true;  // nothing is handled any more
  if (worker* here = current_worker()) here->show(this, class_->on_stop ? "on_stop" : "destructor");
  if (!reason.abnormal() && class_->on_stop && has_object_) {
    try {
      class_->on_stop(object());
    } catch (...) {
      reason = {exit_kind::crashed, detail::current_exception_text(), 0, std::current_exception()};
      detail::log_saying([&] { return fmt::format("actor {} crashed in on_stop: {}", name(), reason.text); });
    }
  }
  leave_object_behind();
  if (has_object_) class_->destroy(object());
  has_object_ = false;
  free_object();
  if (detail::membership* m = place(); m && m->retry)
    lose(*std::exchange(m->retry, nullptr), reason.abnormal() ? loss::killed : loss::dead_letter, why);
  flags_.fetch_or(closing_flag, relaxed);
  lose_stash(reason.abnormal() ? loss::killed : loss::dead_letter, why);
  drain(reason.abnormal() ? loss::killed : loss::dead_letter, why);
  leave_the_living(reason, true);
}

/// C5: first whoever holds on to the actor lets go, then it leaves the list of the living, then its end is told.
void cell::leave_the_living(const exit_reason& reason, bool registered) noexcept {
  core_->note_end(*this);
  const auto unregister = [&] {
    if (std::exchange(registered, false)) home().strands().remove(*this);
    flags_.fetch_or(ended_flag, troupe::release);
  };
  detail::cell_extras* x = has_words(reason) ? extras_if_memory() : extras_.load(acquire);
  if (!x) {
    unregister();
    detail::cell_extras& stone = tombstones()[static_cast<std::size_t>(reason.kind)];
    if (extras_.compare_exchange_strong(x, &stone, acq_rel, acquire)) return release();
  }
  x->muted.reset();  // not begun yet; by its own mailbox it would keep this cell for ever
  std::unique_lock lock(x->mutex);
  const auto call_hooks = [&] {
    while (!x->hooks.empty()) {
      auto hooks = std::exchange(x->hooks, {});
      lock.unlock();
      for (const auto& h : hooks) h->actor_ended(*this);
      hooks.clear();
      lock.lock();
    }
  };
  call_hooks();
  lock.unlock();
  if (!x->name.empty()) core_->names().remove(x->name, *this);
  unregister();
  lock.lock();
  call_hooks();  // those that were added meanwhile; whoever sees it gone sees none of them (C5)
  x->gone = true;
  x->reason = detail::copy_of(reason);
  auto watchers = std::exchange(x->watchers, {});
  const auto observers = std::exchange(x->observers, {});
  lock.unlock();
  for (auto& p : watchers) p.give(detail::copy_of(reason));
  for (const auto& o : observers) o->actor_gone(*this, reason);
  if (x->children) std::exchange(x->children, nullptr)->abandon();
  if (x->place) x->place->parent->child_is_gone(*this);
  if (x->thread) x->thread->retire();
  release();
}

void cell::drain(loss how, detail::no_answer& why) noexcept {
  if (is_bounded()) bounded()->refuse_more();
  do {
    while (envelope* e = take()) {
      // What a kill overtakes is lost, also where others would take it (C4).
      if (e->ops->system || (why.code() != errc::killed && passed_on(*e)))
        e->ops->destroy(*e);
      else
        lose(*e, how, why);
    }
  } while (!(is_bounded() ? bounded()->try_close() : reader_.try_close(inbox_)));
}

/// Whoever asked learns what will not be answered, and by whom.
void cell::lose(envelope& e, loss how, detail::no_answer& no_answer) noexcept {
  if (e.ops->system) return e.ops->destroy(e);
  core_->refuse(*this, e, how, [&] {
    const error& why = no_answer.why();
    return detail::error_saying(why.code(), [&] { return about(why.message(), e); });
  });
}

/// What whoever asked is told.
std::string cell::about(const std::string& why, const envelope& asked) const {
  return fmt::format("{} ({} asked of {})", why, asked.ops->name, name());
}

}  // namespace troupe
