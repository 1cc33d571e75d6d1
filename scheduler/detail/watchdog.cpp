#include <troupe/scheduler/detail/watchdog.hpp>

#include <utility>

#include <fmt/format.h>

#include <troupe/base/log.hpp>
#include <troupe/scheduler/detail/stack_trace.hpp>
#include <troupe/scheduler/green_thread.hpp>

namespace troupe::detail {

void watchdog::look(strand_registry& strands, std::size_t worker, std::uint64_t number, const long_slice& slice,
                    const std::function<bool()>& lasts) noexcept {
  if (options_.limit.count() <= 0 || slice.since < options_.limit) return;
  if (std::exchange(told_[worker], number) == number) return;
  try {
    tell(strands, slice, lasts);
  } catch (...) {
    log_line(fmt::format("a handler on thread {} does not return; the report of it threw: {}", slice.worker,
                         current_exception_text()));
  }
}

void watchdog::tell(strand_registry& strands, const long_slice& slice, const std::function<bool()>& lasts) const {
  stuck_handler found{slice.worker, "a job", slice.detail ? slice.detail : "", slice.since, {}};
  // What stands in the list cannot go while it is looked at.
  strands.for_each([&](strand& s) {
    if (&s == slice.subject) found.name = s.describe();
  });
  if (options_.stacks) found.stack = stack_of_thread(slice.thread_id);
  if (!lasts()) return;
  if (options_.on_stuck) return options_.on_stuck(found);
  log_line(fmt::format("{} has not returned from {} for {} ms, on thread {}{}{}", found.name, found.handler,
                       slice.since / std::chrono::milliseconds(1), found.worker, found.stack.empty() ? "" : ":\n",
                       found.stack));
}

}  // namespace troupe::detail
