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
  const auto wrong = [&](std::string_view what) {
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}', group '{}': {}", from.name(), o.group, what));
  };
  if (from.kind().competing())
    wrong("those attached to a queue or work_queue share its messages already: leave out the group");
  if (auto good = check(o); !good) wrong(good.error().message());
  if (o.start != start_at::latest()) wrong("a group begins with what is published from now on: leave out the start");
  if (o.limit_bytes != o.unlimited) wrong("its limit is in messages: give .limit, not .limit_bytes");
  queue made{.max_deliveries = group_deliveries, .limit = o.limit};
  switch (o.policy) {
    case subscription_policy::block:
      if (o.limit != o.unlimited)
        wrong("a group cannot block its publishers: give another policy with the limit, or no limit");
      break;
    case subscription_policy::drop_oldest: made.when_full = overflow::drop_oldest; break;
    case subscription_policy::drop_newest: made.when_full = overflow::drop_newest; break;
    case subscription_policy::fail: made.when_full = overflow::fail; break;
    case subscription_policy::conflate:
    case subscription_policy::disconnect:
      wrong(fmt::format("the policy {} is not for groups: give drop_oldest, drop_newest or fail", to_string(o.policy)));
  }
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
