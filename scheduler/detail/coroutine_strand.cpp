#include <troupe/scheduler/detail/coroutine_strand.hpp>

#include <cstdio>
#include <cstdlib>

#include <troupe/scheduler/detail/fork_record.hpp>
#include <troupe/scheduler/trampoline.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe::detail {

namespace {

/// C8: ready awaitables alone must not keep the thread for ever. False if the strand has to let others run.
[[gnu::noinline]] bool may_have_more(trampoline& t, worker* here) noexcept {
  if (here && here->may_stay() && !t.self->killed()) {
    t.left = trampoline::share;
    return true;
  }
  yield_current(std::exchange(t.next, {}));
  return false;
}

/// `trampoline::run` as a part of its caller: each slice comes through here.
[[gnu::always_inline]] inline pause run_chain(trampoline& t, std::coroutine_handle<> h, worker* here) noexcept {
  trampoline* outer = std::exchange(this_trampoline, &t);
  t.forks = here ? here->forks() : nullptr;
  t.why = pause::none;
  if (!h) [[unlikely]]
    h = t.self->first_coroutine();
  t.next = fork_record::is_marked(h) ? fork_record::take_up(t, h) : h;
  while (t.next) {
    if (t.left == 0 && !may_have_more(t, here)) [[unlikely]]
      break;
    --t.left;
    std::exchange(t.next, {}).resume();
  }
  this_trampoline = outer;
  if (t.hook) [[unlikely]]
    t.hook->paused();
  return t.why;
}

}  // namespace

pause trampoline::run(std::coroutine_handle<> h) noexcept { return run_chain(*this, h, current_worker()); }

void coroutine_strand::run() noexcept {
  if (!forked_) [[likely]]
    return run_slice("green thread");
  // What a child sends is sent by who has forked it: its order (C1) does not depend on whether it was stolen.
  const sends_for whose(root().sender());
  run_slice("forked task");
}

void coroutine_strand::run_slice(const char* kind) noexcept {
  end_wait();
  worker* const here = current_worker();
  if (here) [[likely]]
    here->show(this, kind);
  if (to_end()) [[unlikely]] {
    if (abandon_forks()) end();
    return;
  }
  trampoline loop(*this);
  switch (run_chain(loop, resume_at, here)) {
    case pause::suspended: return;
    case pause::yielded: return home().reschedule(*this);
    case pause::receiving:
      std::fprintf(stderr, "troupe: co_await receive() in a %s: only the actor itself can receive\n", kind);
      std::abort();
    case pause::none: return end();
  }
}

}  // namespace troupe::detail
