#include <troupe/scheduler/strand_extras.hpp>

#include <memory>

namespace troupe::detail {

strand_extras& extras_slot::get() {
  static atomic<std::uint64_t> last_id{0};  // only counts
  strand_extras* there = block_.load(acquire);
  if (there) return *there;
  auto made = std::make_unique<strand_extras>(last_id.fetch_add(1, relaxed) + 1);
  if (block_.compare_exchange_strong(there, made.get(), acq_rel, acquire)) there = made.release();
  return *there;
}

}  // namespace troupe::detail
