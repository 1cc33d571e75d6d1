#pragma once

#include <cstdint>
#include <string>

#include <troupe/actors/runtime.hpp>

namespace troupe::testing::detail {

/// What is wrong with the account of a runtime that has been shut down: who has not ended, and messages without a fate
/// (C3). Empty if nothing is.
inline std::string account_text(const shutdown_report& report, const message_counts& c) {
  std::string wrong;
  for (const stuck_actor& s : report.stuck)
    wrong += "\n  " + s.name + " did not end" + (s.handler.empty() ? "" : ", in " + s.handler);
  if (c.queued() != 0)
    wrong += "\n  " + std::to_string(static_cast<std::int64_t>(c.queued())) +
             " messages were neither handled nor counted as lost: sent " + std::to_string(c.sent) + ", handled " +
             std::to_string(c.handled) + ", failed " + std::to_string(c.failed) + ", dropped " +
             std::to_string(c.dropped) + ", dead letters " + std::to_string(c.dead_letters);
  return wrong.empty() ? wrong : "at the end of the runtime:" + wrong;
}

}  // namespace troupe::testing::detail
