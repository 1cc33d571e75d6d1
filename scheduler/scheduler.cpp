#include <troupe/scheduler/scheduler.hpp>

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include <troupe/base/log.hpp>

namespace troupe {

namespace detail {
constinit thread_local worker* this_worker = nullptr;
constinit thread_local const void* spoken_for = nullptr;
}  // namespace detail

std::string scheduler::label(const strand& s) const { return fmt::format("{}", static_cast<const void*>(&s)); }

std::vector<worker_info> scheduler::inspect() const {
  std::vector<worker_info> all = base_->inspect_workers();
  roster_->inspect(all);
  return all;
}

void scheduler::note_dropped_call(std::string what) noexcept {
  constexpr std::size_t most = 3;
  scheduler& b = *base_;
  std::lock_guard guard(b.dropped_mutex_);
  ++b.dropped_calls_;
  if (what.empty() || b.dropped_names_.size() == most) return;
  try {
    b.dropped_names_.push_back(std::move(what));
  } catch (...) {  // no memory: it is counted all the same
  }
}

void scheduler::report_dropped_calls() noexcept {
  std::unique_lock lock(dropped_mutex_);
  const std::size_t n = std::exchange(dropped_calls_, 0);
  const auto names = std::exchange(dropped_names_, {});
  lock.unlock();
  if (n == 0) return;
  log_line(fmt::format("the end of a runtime has dropped {} call{} that {} still to come{}{}{}", n, n == 1 ? "" : "s",
                       n == 1 ? "was" : "were", names.empty() ? "" : ": ", fmt::join(names, ", "),
                       !names.empty() && names.size() < n ? ", ..." : ""));
}

std::int64_t steady_now() noexcept {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::int64_t deadline_after(std::int64_t start, std::chrono::nanoseconds timeout) noexcept {
  std::int64_t deadline = 0;
  return __builtin_add_overflow(start, timeout.count(), &deadline) ? timers::never : deadline;
}

}  // namespace troupe
