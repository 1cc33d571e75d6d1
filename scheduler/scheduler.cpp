#include <troupe/scheduler/scheduler.hpp>

#include <chrono>

#include <fmt/format.h>

#include <troupe/base/log.hpp>

namespace troupe {

namespace detail {
constinit thread_local worker* this_worker = nullptr;
}

std::string scheduler::label(const strand& s) const { return fmt::format("{}", static_cast<const void*>(&s)); }

std::vector<worker_info> scheduler::inspect() const {
  std::vector<worker_info> all = base_->inspect_workers();
  roster_->inspect(all);
  return all;
}

void scheduler::report_dropped_calls() noexcept {
  const std::size_t n = dropped_calls_.exchange(0, relaxed);
  if (n != 0)
    log_line(fmt::format("the end of a runtime has dropped {} call{} that {} still to come", n, n == 1 ? "" : "s",
                         n == 1 ? "was" : "were"));
}

std::int64_t steady_now() noexcept {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::int64_t deadline_after(std::int64_t start, std::chrono::nanoseconds timeout) noexcept {
  std::int64_t deadline = 0;
  return __builtin_add_overflow(start, timeout.count(), &deadline) ? timers::never : deadline;
}

}  // namespace troupe
