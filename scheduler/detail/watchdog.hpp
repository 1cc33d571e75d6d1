#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/watchdog.hpp>

namespace troupe::detail {

/// A slice that lasts, as the housekeeper sees it.
struct long_slice {
  const std::string& worker;
  const void* subject;  ///< the strand that runs; only to compare
  const char* detail;   ///< what it does; null: not known
  int thread_id;        ///< the system's
  std::chrono::nanoseconds since;
};

/// Tells of each slice that lasts too long, once. The housekeeper's.
class watchdog {
public:
  watchdog(const watchdog_options& options, std::size_t workers) : options_(options), told_(workers) {}

  /// `number`: of the slice. `lasts` is asked last: a slice that has ended meanwhile is not told of.
  void look(strand_registry& strands, std::size_t worker, std::uint64_t number, const long_slice& slice,
            const std::function<bool()>& lasts) noexcept;

private:
  void tell(strand_registry& strands, const long_slice& slice, const std::function<bool()>& lasts) const;

  watchdog_options options_;
  std::vector<std::uint64_t> told_;  // by worker: the slice that was told of last
};

}  // namespace troupe::detail
