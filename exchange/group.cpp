#include <troupe/exchange/detail/group.hpp>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <troupe/exchange/detail/exchange_state.hpp>

namespace troupe::detail {

namespace {

// A message at which so many members have crashed is a dead letter, or it would end them all.
constexpr std::uint32_t group_deliveries = 5;

}  // namespace

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

// --- the groups of an exchange -------------------------------------------------------------------------------------

consumer_groups::queue_state consumer_groups::join(const exchange_state& from, const std::string& name,
                                                   const queue& options, maker make) {
  std::lock_guard guard(mutex_);
  auto found = all_.find(name);
  if (found == all_.end()) {
    found = all_.emplace(name, group{make(from, fmt::format("{}/{}", from.name(), name), options)}).first;
  } else if (found->second.members->acknowledged()->options() != options) {
    throw troupe_error(
        errc::invalid_argument,
        fmt::format("exchange '{}': the group '{}' has members with other options: give the same", from.name(), name));
  }
  ++found->second.memberships;
  return found->second.members;
}

bool consumer_groups::leave(const exchange_state& members) noexcept {
  std::lock_guard guard(mutex_);
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const auto& each) { return each.second.members.get() == &members; });
  if (--found->second.memberships != 0) return false;
  all_.erase(found);  // the caller has a reference of the queue
  return true;
}

void consumer_groups::append_to(std::vector<queue_state>& all) const {
  std::lock_guard guard(mutex_);
  for (const auto& [name, each] : all_) all.push_back(each.members);
}

// --- members -------------------------------------------------------------------------------------------------------

group_membership::group_membership(std::shared_ptr<exchange_state> from, const std::string& group, const queue& options,
                                   consumer_groups::maker make, std::string key, bool input)
    : from_(std::move(from)), members_(from_->groups().join(*from_, group, options, make)), input_(input) {
  try {
    by_ = from_->attach_exchange(members_, std::move(key), input_);
  } catch (...) {
    leave();
    throw;
  }
}

group_membership::~group_membership() { leave(); }

void group_membership::leave() noexcept {
  if (over_.exchange(true, relaxed)) return;
  const bool last = from_->groups().leave(*members_);
  if (by_) from_->detach_exchange(by_, input_);
  if (last) members_->acknowledged()->disband();
}

}  // namespace troupe::detail
