#include <troupe/scheduler/detail/coroutine_strand.hpp>

#include <cstdio>
#include <cstdlib>

#include <troupe/scheduler/trampoline.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe::detail {

void coroutine_strand::run() noexcept {
  end_wait();
  if (worker* w = current_worker()) w->show(this, kind());
  if (killed()) {
    if (abandon_forks()) end();
    return;
  }
  trampoline loop(*this);
  switch (loop.run(resume_at)) {
    case pause::suspended: return;
    case pause::yielded: return home().reschedule(*this);
    case pause::receiving:
      std::fprintf(stderr, "troupe: co_await receive() in a %s: only the actor itself can receive\n", kind());
      std::abort();
    case pause::none: return end();
  }
}

void coroutine_strand::abandoned() noexcept {
  end_wait();
  // One that has begun, and was not killed, may stand for what has gone: it is left alone.
  const bool never_ran = !resume_at;
  if ((killed() || never_ran) && abandon_forks()) end();
}

}  // namespace troupe::detail
