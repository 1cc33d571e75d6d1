#include <troupe/scheduler/blocking.hpp>

#include <utility>

#include <troupe/scheduler/trampoline.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe::detail {

std::shared_ptr<crew> blocking_crew(scheduler& home) {
  auto pool = home.roster()->blocking_pool([&] {
    const thread_roster& r = *home.roster();
    crew_options o;
    o.what = "the pool for blocking calls";
    o.prefix = r.name() + "/block-";
    o.lanes = r.limits().threads;
    o.threads = !home.deterministic();
    o.role = thread_role::blocking;
    o.keep = r.limits().keep;
    return crew::start(home, std::move(o));
  });
  return std::static_pointer_cast<crew>(std::move(pool));
}

const void* sender_of_call() noexcept { return current_sender(); }

scheduler& scheduler_of_caller() {
  if (this_trampoline) return this_trampoline->self->home().base();
  if (const worker* w = current_worker()) return w->owner().base();
  throw troupe_error(
      errc::invalid_argument,
      "blocking(f) outside of green threads, handlers and jobs: say whose threads, blocking(scheduler, f)");
}

}  // namespace troupe::detail
