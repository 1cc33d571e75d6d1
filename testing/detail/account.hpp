#pragma once

#include <cstdint>
#include <string>

#include <fmt/format.h>

#include <troupe/actors/runtime.hpp>
#include <troupe/exchange/exchange_accounts.hpp>

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

/// The same of an exchange whose runtime has ended, and of one at rest with what waits there.
inline std::string account_text(const std::string& name, const exchange_counts& c, std::uint64_t waiting = 0) {
  const std::uint64_t known = c.delivered + c.failed + c.dropped() + waiting;
  if (c.routed == known) return {};
  std::string why;
  for (std::size_t i = 0; i != c.lost.size(); ++i)
    if (c.lost[i] != 0) why += fmt::format(", {} {}", to_string(static_cast<loss>(i)), c.lost[i]);
  return fmt::format(
      "\n  exchange '{}': of {} deliveries {} are not accounted for: delivered {}, failed {}{}, waiting {}", name,
      c.routed, static_cast<std::int64_t>(c.routed - known), c.delivered, c.failed, why, waiting);
}

/// The account of a runtime with its exchanges.
inline std::string account_text(const shutdown_report& report, const message_counts& c,
                                const kept_exchanges& exchanges) {
  std::string wrong = account_text(report, c);
  if (!report.stuck.empty()) return wrong;
  for (const exchange_info& x : exchanges.look()) wrong += account_text(x.name, x.counts);
  return wrong;
}

}  // namespace troupe::testing::detail
