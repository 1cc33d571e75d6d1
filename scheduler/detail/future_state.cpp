#include <troupe/scheduler/detail/future_state.hpp>

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include <troupe/base/log.hpp>

namespace troupe::detail {

namespace {

[[noreturn]] void two_wait() noexcept {
  std::fputs("troupe: two wait for one future at the same time\n", stderr);
  std::abort();
}

}  // namespace

future_state_base::awaited future_state_base::await(completion& c, bool in_table) noexcept {
  std::uintptr_t was = word_.load(relaxed);
  while ((was & (done | given_up)) == 0) {
    if (completion_of(was) != nobody) two_wait();
    if (!in_table && (was & giver_waits_bit) != 0) return awaited::needs_edge;
    if (word_.compare_exchange_weak(was, was | reinterpret_cast<std::uintptr_t>(&c), acq_rel, acquire))
      return awaited::published;
  }
  return awaited::ready;
}

bool future_state_base::take_out(completion& c, std::uintptr_t to) noexcept {
  std::uintptr_t was = word_.load(relaxed);
  while ((was & (done | given_up)) == 0) {
    if (completion_of(was) == naming) {  // F6
      yield_thread();
      was = word_.load(relaxed);
      continue;
    }
    if (completion_of(was) != reinterpret_cast<std::uintptr_t>(&c)) return false;
    if (word_.compare_exchange_weak(was, (was & running) | to, acq_rel, acquire)) return true;
  }
  return false;
}

void future_state_base::begin_to_wait() noexcept {
  std::uintptr_t was = word_.load(relaxed);
  std::uintptr_t who = nobody;
  do {
    if ((was & (done | given_up | detached)) != 0) return;
    who = completion_of(was);
  } while (!word_.compare_exchange_weak(was, giver_waits_bit | (who == nobody ? nobody : naming), acq_rel, acquire));
  if (who == nobody) return;
  reinterpret_cast<completion*>(who)->enter_in_graph();
  word_.fetch_add(who - naming, acq_rel);  // its release pairs with the acquire of whoever takes it out
}

bool future_state_base::give_up(completion& c, errc why, std::unique_ptr<std::string>& text) {
  if (!named()) return take_out(c, as_given_up(why));
  if (!take_out(c, naming)) return false;
  text = std::make_unique<std::string>(circumstances());
  word_.fetch_add(as_given_up(why) - naming, acq_rel);  // its release pairs with the acquire of `complete`
  return true;
}

bool future_state_base::cancel() noexcept {
  const std::uintptr_t refuses = done | given_up | (giver() ? nobody : running);
  std::uintptr_t was = word_.load(acquire);
  reader_watch* watch = nullptr;
  bool cancels = true;
  do {
    while ((was & given_up) == 0 && completion_of(was) == naming && !named()) {  // F6
      yield_thread();
      was = word_.load(acquire);
    }
    cancels = (was & refuses) == 0 && completion_of(was) != naming;
    if (!cancels) break;
    if (!watch) watch = take_watch();  // F7: afterwards the reader may take the state with him
  } while (!word_.compare_exchange_weak(was, as_given_up(errc::cancelled), acq_rel, acquire));
  if (watch) watch->reader_gone();
  if (cancels && completion_of(was) != nobody) reinterpret_cast<completion*>(completion_of(was))->completed();
  return cancels;
}

bool future_state_base::abandon(errc why) noexcept {
  std::uintptr_t was = word_.load(acquire);
  do {
    if ((was & (done | given_up)) != 0) return false;
  } while (!word_.compare_exchange_weak(was, as_given_up(why), acq_rel, acquire));
  return true;
}

error future_state_base::gave_up(std::uintptr_t word) {
  const errc why = why_given_up(word);
  return why == errc::cancelled ? error(why, "the future was cancelled by cancel()") : error(why);
}

bool future_state_base::set_running() noexcept {
  std::uintptr_t was = word_.load(relaxed);
  do {
    if ((was & given_up) != 0) return false;
    if ((was & detached) != 0) return true;  // nobody is left who could give it up
  } while (!word_.compare_exchange_weak(was, was | running, acq_rel, acquire));
  return true;
}

bool future_state_base::complete_named() noexcept {
  std::uintptr_t was = word_.load(acquire);
  while (completion_of(was) == naming || !word_.compare_exchange_weak(was, was | done, acq_rel, acquire)) {
    if (completion_of(was) != naming) continue;
    yield_thread();
    was = word_.load(acquire);  // pairs with the release of `give_up`
  }
  return tell(this, was);
}

bool future_state_base::tell(future_state_base* state, std::uintptr_t was) noexcept {
  const bool in_time = (was & given_up) == 0;
  if ((was & detached) != 0)
    state->destroy();
  else if (in_time && completion_of(was) != nobody)
    reinterpret_cast<completion*>(completion_of(was))->completed();
  return in_time;
}

[[gnu::always_inline]] inline bool result_wait::prepare(const void* party) noexcept {
  const bool green = state_->giver() != nullptr;
  if (!green && !state_->owner()) return false;
  looks_ = true;
  announce_edge(party);
  if (green && !state_->giver_waits()) return false;  // WG6
  enter_graph();
  return true;
}

bool result_wait::publish(bool& in_table) noexcept {
  for (;;) {
    switch (state_->await(*this, in_table || !looks_)) {
      case future_state_base::awaited::published: return true;
      case future_state_base::awaited::ready: return false;
      case future_state_base::awaited::needs_edge: break;
    }
    enter_graph();
    in_table = true;
  }
}

void result_wait::suspend(std::coroutine_handle<> h, std::chrono::nanoseconds timeout) {
  strand& self = suspend_current(h);
  bool in_table = timeout == forever && prepare(&self);
  announce(self, timeout, state_->holds_up());
  if (self.waits_cancelled()) {  // RW1
    unpublished_.store(true, release);
    settle();
    if (!gives_up_ || state_->abandon(errc::cancelled)) outcome_ = wait_outcome::cancelled;
    return go_on(h);
  }
  if (!publish(in_table)) return go_on(h);
  // The strand may run again at this very moment: nothing of this may be touched any more.
  if (in_table) look_for_deadlock(&self);
}

void result_wait::block(std::chrono::nanoseconds timeout) {
  blocked_thread here(*this);
  bool in_table = timeout == forever && prepare(current_party());
  if (!publish(in_table)) return;
  if (in_table) look_for_deadlock(current_party());
  here.wait(timeout, &state_->provider());
}

bool result_wait::leave(wait_outcome how) noexcept {
  errc why = errc::cancelled;
  if (how == wait_outcome::timeout) why = errc::timeout;
  if (how == wait_outcome::deadlock) why = errc::deadlock;
  if (how == wait_outcome::would_deadlock) why = errc::would_deadlock;
  if (how == wait_outcome::cancelled && current_party() == waiting_strand()) return false;  // RW1: it looks itself
  if (leaving_.exchange(true, acq_rel)) return false;
  while (!(gives_up_ ? state_->give_up(*this, why, circumstances_) : state_->withdraw(*this))) {
    if (state_->ready() || unpublished_.load(acquire)) return false;
    yield_thread();  // RW1
  }
  outcome_ = how;
  return true;
}

bool result_wait::give_up(std::unique_ptr<std::string> story) noexcept {
  if (!leave(wait_outcome::deadlock)) return false;
  story_ = std::move(story);
  return true;
}

error result_wait::why_not() const {
  const std::string circumstances = circumstances_ ? *circumstances_ : std::string();
  switch (outcome_) {
    case wait_outcome::timeout: {
      const strand* giver = state_->giver();
      const bool has_name = giver && giver->extras_if_any() && !giver->extras_if_any()->name.empty();
      return error(errc::timeout,
                   (has_name ? "no result of " + title_of(*giver) : "no result") + " came in time" + circumstances);
    }
    case wait_outcome::deadlock:
      return error(errc::deadlock, (story_ ? *story_ : "nothing is left that could bring the result") + circumstances);
    case wait_outcome::would_deadlock:
      return error(errc::would_deadlock,
                   "get() would block a worker that the result may need; use co_await" + circumstances);
    default: return error(errc::cancelled, circumstances.empty() ? "" : "cancelled" + circumstances);
  }
}

error promise_dropped(const future_state_base& state) noexcept {
  try {
    return error(errc::cancelled,
                 "the promise was dropped without a result" + (state.named() ? state.circumstances() : ""));
  } catch (...) {  // there is no memory for more than the code
    return error(errc::cancelled);
  }
}

std::string title_of(const strand& green) {
  const strand_extras* x = green.extras_if_any();
  return x && !x->name.empty() ? fmt::format("green thread \"{}\"", x->name) : "a green thread";
}

void report_unread_failure(const strand* green, const error& e) noexcept {
  log_line(fmt::format("{} ended with an exception: {}", green ? title_of(*green) : "a job", e.message()));
}

}  // namespace troupe::detail
