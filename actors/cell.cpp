#include <troupe/actors/cell.hpp>

#include <fmt/format.h>

#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/base/log.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe {

namespace detail {

constinit thread_local cell* cell_under_construction = nullptr;

namespace {

constexpr message_ops system_message(root_handle (*handle)(cell&, envelope&), const char* name) {
  return {handle, nullptr, [](envelope&) noexcept {}, sizeof(envelope), alignof(envelope), name, true};
}

}  // namespace

const message_ops close_ops = system_message(
    [](cell& c, envelope&) -> root_handle {
      c.mark_closed();
      return {};
    },
    "close");

const message_ops kill_ops = system_message([](cell&, envelope&) -> root_handle { return {}; }, "kill");

const message_ops input_end_ops = system_message(
    [](cell& c, envelope&) -> root_handle {
      c.input_ended();
      return {};
    },
    "end of input");

}  // namespace detail

using detail::envelope;
using detail::pause;

cell::cell(detail::core& k, const detail::actor_class& c)
    : strand(k.scheduler()), core_(&k), class_(&c), id_(k.next_id()) {
  core_->cell_made();
}

void cell::destroy() noexcept {
  detail::core& k = *core_;
  this->~cell();
  pool_free(this, sizeof(cell));
  k.cell_freed();
}

void cell::begin() noexcept {
  core_->count(&detail::core::counters::spawned);
  home().strands().add(*this);
  if (class_->on_start || class_->run || !inbox_.try_idle()) home().schedule(*this);
}

void cell::abandon() noexcept {
  // The constructor threw. What it sent to itself is lost; references that it handed out stay valid, and find it closed.
  core_->count(&detail::core::counters::spawned);
  core_->count(&detail::core::counters::ended);
  drain(loss::dead_letter, error(errc::crashed, "the actor's constructor threw"));
  flags_.fetch_or(ended_flag, seq_cst);
  release();
}

// --- extras --------------------------------------------------------------------------------------------------------

namespace {

/// Stand in for the extras of actors that ended without any, so that whoever asks later finds them gone.
detail::cell_extras& tombstone(exit_kind kind) {
  static detail::cell_extras normal(exit_kind::normal);
  static detail::cell_extras killed(exit_kind::killed);
  return kind == exit_kind::killed ? killed : normal;
}

bool is_tombstone(const detail::cell_extras* x) {
  return x == &tombstone(exit_kind::normal) || x == &tombstone(exit_kind::killed);
}

}  // namespace

cell::~cell() {
  detail::cell_extras* x = extras_.load(acquire);
  if (x && !is_tombstone(x)) delete x;
}

detail::cell_extras& cell::extras() {
  detail::cell_extras* present = extras_.load(acquire);
  if (present) return *present;
  auto fresh = std::make_unique<detail::cell_extras>();
  if (extras_.compare_exchange_strong(present, fresh.get(), acq_rel, acquire)) present = fresh.release();
  return *present;
}

void cell::set_name(std::string name) { extras().name = std::move(name); }

std::string cell::name() const {
  const detail::cell_extras* x = extras_.load(acquire);
  return x && !x->name.empty() ? x->name : fmt::format("{}#{}", class_->name, id_);
}

void cell::notify_end(promise<exit_reason> p) {
  detail::cell_extras& x = extras();
  std::unique_lock lock(x.mutex);
  if (!x.gone) return x.watchers.push_back(std::move(p));
  exit_reason reason = x.reason;
  lock.unlock();
  p.give(std::move(reason));
}

void cell::add_end_hook(std::shared_ptr<detail::end_hook> hook) {
  detail::cell_extras& x = extras();
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

void cell::add_input() {
  detail::cell_extras& x = extras();
  std::lock_guard guard(x.mutex);
  ++x.inputs;
}

void cell::send_input_end() noexcept { push_system(detail::input_end_ops); }

void cell::input_ended() noexcept {
  detail::cell_extras& x = extras();
  std::unique_lock lock(x.mutex);
  const bool last = x.inputs != 0 && --x.inputs == 0;
  lock.unlock();
  if (last) close();
}

// --- from outside --------------------------------------------------------------------------------------------------

void cell::push_system(const detail::message_ops& ops) noexcept {
  auto* e = detail::make_envelope<envelope>(ops);
  switch (inbox_.push(*e)) {
    case detail::push_result::queued: return;
    case detail::push_result::woke: return home().schedule(*this);
    case detail::push_result::closed: return detail::free_envelope(e);
  }
}

void cell::bounce(envelope& e) noexcept {
  if (e.ops->system) return detail::dispose(&e);
  core_->refuse(e, loss::dead_letter, error(errc::closed, "the actor had been closed or had ended"));
  detail::free_envelope(&e);
}

void cell::close() noexcept {
  if (flags_.fetch_or(closing_flag, acq_rel) & closing_flag) return;
  push_system(detail::close_ops);
  if (is_source()) cancel_waits();
}

void cell::kill() noexcept {
  if (flags_.fetch_or(closing_flag | killed_flag, acq_rel) & killed_flag) return;
  push_system(detail::kill_ops);  // wakes it if it is idle
  cancel_waits();                 // wakes it if it waits in a handler
}

// --- the slice -----------------------------------------------------------------------------------------------------

/// Counts the messages of one slice and adds them up at its end.
class detail::slice_count {
public:
  explicit slice_count(detail::core& k) noexcept : core_(&k) {}
  ~slice_count() { flush(); }
  slice_count(const slice_count&) = delete;
  slice_count& operator=(const slice_count&) = delete;

  void one() noexcept { ++handled_; }
  void flush() noexcept {
    if (handled_ != 0) core_->count(&detail::core::counters::handled, std::exchange(handled_, 0));
  }

private:
  detail::core* core_;
  std::uint64_t handled_ = 0;
};

void cell::run() noexcept {
  worker& here = *current_worker();
  unsigned left = here.budget();
  run_loop* const recorder = core_->recorder();
  detail::slice_count handled(*core_);

  if (!started_) {
    if (!start()) return;
    if (root_ && !go_on(root_, handled)) return;
  } else if (root_ && !receiving_) {
    end_wait();
    if (killed()) return end({exit_kind::killed, {}});
    here.show(this, root_.promise().message ? root_.promise().message->ops->name : "run");
    if (!go_on(resume_at, handled)) return;
  }
  for (;;) {
    if (killed()) return end({exit_kind::killed, {}});
    if (draining_) {
      if (!root_) return end({});
      receiving_ = false;
      if (!go_on(resume_at, handled)) return;
    } else if (envelope* e = inbox_.take()) {
      here.show(this, e->ops->name);
      if (recorder) recorder->record(id_ ^ std::hash<std::string_view>()(e->ops->name));
      if (!handle(*e, handled)) return;
    } else {
      handled.flush();
      if (inbox_.try_idle()) return;
      continue;
    }
    if (--left == 0) {
      handled.flush();
      return home().reschedule(*this);
    }
  }
}

bool cell::killed() const noexcept { return (flags_.load(acquire) & killed_flag) != 0; }

bool cell::start() noexcept {
  started_ = true;
  try {
    if (class_->on_start) class_->on_start(object_);
    if (class_->run) root_ = class_->run(object_);
    return true;
  } catch (...) {
    crash(nullptr);
    return false;
  }
}

/// Hands the message to its handler, or to the loop that waits for it. False if the slice is over.
bool cell::handle(envelope& e, detail::slice_count& handled) noexcept {
  detail::root_handle handler;
  try {
    handler = e.ops->handle(*this, e);
  } catch (...) {
    crash(&e);
    return false;
  }
  if (handler) {
    handler.promise().message = &e;
    root_ = handler;
    return go_on(handler, handled);
  }
  const bool received = receiving_ && !e.ops->system;
  if (!e.ops->system) handled.one();
  e.ops->destroy(e);
  inbox_.done(e);
  if (!received) return true;
  receiving_ = false;
  return go_on(resume_at, handled);
}

/// Resumes the coroutine of a handler or of `run`. False if the slice is over: it waits for something, has used up its
/// slice, or the actor has ended; the cell must not be touched then.
bool cell::go_on(std::coroutine_handle<> at, detail::slice_count& handled) noexcept {
  detail::trampoline loop(*this);
  switch (loop.run(at)) {
    case pause::suspended: return false;
    case pause::yielded: home().reschedule(*this); return false;
    case pause::receiving: receiving_ = true; return true;
    case pause::none: break;
  }
  envelope* message = root_.promise().message;
  if (std::exception_ptr failure = root_.promise().failure) {
    root_.promise().message = nullptr;
    try {
      std::rethrow_exception(failure);
    } catch (...) {
      crash(message);
    }
    return false;
  }
  root_.destroy();
  root_ = {};
  if (!message) {
    end({});
    return false;
  }
  handled.one();
  message->ops->destroy(*message);
  inbox_.done(*message);
  return true;
}

// --- the end -------------------------------------------------------------------------------------------------------

/// Called while the exception is being handled; `e` is the message whose handler threw, if any.
void cell::crash(envelope* e) noexcept {
  exit_reason reason{exit_kind::crashed, detail::current_exception_text()};
  log_line(fmt::format("actor {} crashed{}: {}", name(), e ? fmt::format(" at message {}", e->ops->name) : "",
                       reason.text));
  if (e) {
    core_->count(&detail::core::counters::failed);
    if (e->ops->refuse) e->ops->refuse(*e, error(errc::crashed, reason.text));
    e->ops->destroy(*e);
    inbox_.done(*e);
  }
  end(std::move(reason));
}

void cell::end(exit_reason reason) noexcept {
  const error why = reason.kind == exit_kind::killed    ? error(errc::killed, "the actor was killed")
                    : reason.kind == exit_kind::crashed ? error(errc::crashed, "the actor crashed: " + reason.text)
                                                        : error(errc::closed, "the actor was closed");
  if (root_) {
    envelope* message = root_.promise().message;
    root_.destroy();
    root_ = {};
    if (message) {
      core_->refuse(*message, loss::killed, why);
      inbox_.done(*message);
    }
  }
  if (reason.kind == exit_kind::normal && class_->on_stop) {
    try {
      class_->on_stop(object_);
    } catch (...) {
      reason = {exit_kind::crashed, detail::current_exception_text()};
      log_line(fmt::format("actor {} crashed in on_stop: {}", name(), reason.text));
    }
  }
  class_->destroy(object_);
  pool_free(object_, class_->size, class_->alignment);
  object_ = nullptr;
  flags_.fetch_or(closing_flag, relaxed);
  drain(reason.kind == exit_kind::normal ? loss::dead_letter : loss::killed, why);
  core_->count(&detail::core::counters::ended);

  // C5: first whoever holds on to the actor lets go, then it leaves the list of the living, then its end is told.
  detail::cell_extras* x = extras_.load(acquire);
  if (reason.kind == exit_kind::crashed) x = &extras();
  if (!x && extras_.compare_exchange_strong(x, &tombstone(reason.kind), acq_rel, acquire)) {
    home().strands().remove(*this);
    flags_.fetch_or(ended_flag, troupe::release);
    return release();
  }
  std::unique_lock lock(x->mutex);
  const auto hooks = std::move(x->hooks);
  x->hooks.clear();
  lock.unlock();
  for (const auto& h : hooks) h->actor_ended(*this);
  home().strands().remove(*this);
  flags_.fetch_or(ended_flag, troupe::release);
  lock.lock();
  x->gone = true;
  x->reason = reason;
  const auto late_hooks = std::move(x->hooks);
  auto watchers = std::move(x->watchers);
  lock.unlock();
  for (const auto& h : late_hooks) h->actor_ended(*this);
  for (auto& p : watchers) p.give(reason);
  release();
}

void cell::drain(loss how, const error& why) noexcept {
  do {
    while (envelope* e = inbox_.take()) {
      if (e->ops->system)
        e->ops->destroy(*e);
      else
        core_->refuse(*e, how, why);
      inbox_.done(*e);
    }
  } while (!inbox_.try_close());
}

}  // namespace troupe
