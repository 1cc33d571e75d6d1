#include <troupe/exchange/detail/group.hpp>

#include <utility>

#include <fmt/format.h>

#include <troupe/exchange/detail/exchange_state.hpp>

namespace troupe::detail {

namespace {

// A message at which so many members have crashed is a dead letter, or it would end them all.
constexpr std::uint32_t group_deliveries = 5;

}  // namespace

std::string group_name(const exchange_state& from, const subscribe_options& o) {
  return fmt::format("{}/{}", from.name(), o.group);
}

queue group_queue(const exchange_state& from, const subscribe_options& o) {
  if (from.kind().competing())
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}': those attached to a {} share its messages already: leave out the "
                                   "group '{}'",
                                   from.name(), to_string(from.kind()), o.group));
  if (auto good = check(o); !good)
    throw troupe_error(good.error().code(), fmt::format("exchange '{}': {}", from.name(), good.error().message()));
  queue made{.max_deliveries = group_deliveries, .limit = o.limit};
  if (o.policy == subscription_policy::drop_oldest) made.when_full = overflow::drop_oldest;
  if (o.policy == subscription_policy::drop_newest) made.when_full = overflow::drop_newest;
  return made;
}

group_membership::group_membership(std::shared_ptr<exchange_state> from, std::shared_ptr<exchange_state> members,
                                   std::string key, bool input)
    : from_(std::move(from)), members_(std::move(members)), input_(input) {
  members_->acknowledged()->join_group([&] { by_ = from_->attach_exchange(members_, std::move(key), input_); });
}

group_membership::~group_membership() {
  members_->acknowledged()->leave_group([&]() noexcept { from_->detach_exchange(by_, input_); });
}

}  // namespace troupe::detail
