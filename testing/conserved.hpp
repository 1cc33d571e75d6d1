#pragma once

#include <chrono>
#include <cstdint>
#include <source_location>
#include <string>

#include <gtest/gtest.h>

#include <troupe/actors/runtime.hpp>
#include <troupe/testing/seeds.hpp>

namespace troupe::testing {

/// At its end shuts the runtime down and fails the test unless all has ended and each message that was sent has one
/// fate (C3). For runtimes of all kinds; `explore` does the same by itself. Made right behind the runtime, so that all
/// that uses it goes before:
///
///     troupe::runtime rt;
///     troupe::testing::conserved guard(rt);
class [[nodiscard]] conserved {
public:
  /// `within` is what the shutdown may take.
  explicit conserved(runtime& rt, std::chrono::nanoseconds within = std::chrono::seconds(30),
                     std::source_location where = std::source_location::current()) noexcept
      : rt_(&rt), within_(within), where_(where) {}
  conserved(const conserved&) = delete;
  conserved& operator=(const conserved&) = delete;
  ~conserved() {
    const shutdown_report report = rt_->shutdown(within_);
    std::string failure;
    for (const stuck_actor& s : report.stuck)
      failure += "\n  " + s.name + " did not end" + (s.handler.empty() ? "" : ", in " + s.handler);
    const message_counts c = rt_->counts();
    if (c.queued() != 0)
      failure += "\n  " + std::to_string(static_cast<std::int64_t>(c.queued())) +
                 " messages were neither handled nor counted as lost: sent " + std::to_string(c.sent) + ", handled " +
                 std::to_string(c.handled) + ", failed " + std::to_string(c.failed) + ", dropped " +
                 std::to_string(c.dropped) + ", dead letters " + std::to_string(c.dead_letters);
    if (!failure.empty())
      ADD_FAILURE_AT(where_.file_name(), static_cast<int>(where_.line())) << "at the end of the runtime:" << failure;
  }

private:
  runtime* rt_;
  std::chrono::nanoseconds within_;
  std::source_location where_;
};

}  // namespace troupe::testing
