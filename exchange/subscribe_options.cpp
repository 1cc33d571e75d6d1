#include <troupe/exchange/subscribe_options.hpp>

#include <fmt/format.h>

namespace troupe {

std::string_view to_string(subscription_policy p) noexcept {
  switch (p) {
    case subscription_policy::block: return "block";
    case subscription_policy::drop_oldest: return "drop_oldest";
    case subscription_policy::drop_newest: return "drop_newest";
    case subscription_policy::conflate: return "conflate";
    case subscription_policy::disconnect: return "disconnect";
    case subscription_policy::fail: return "fail";
  }
  return "unknown";
}

namespace {

/// What a queue, which a group is, does not do.
result<void> check_group(const subscribe_options& o) {
  const auto wrong = [&](std::string_view what) {
    return error(errc::invalid_argument, fmt::format("the group '{}': {}", o.group, what));
  };
  if (o.start != start_at::latest()) return wrong("it begins with what is published from now on: leave out the start");
  if (o.limit_bytes != o.unlimited) return wrong("its limit is in messages: give a limit, not limit_bytes");
  if (o.policy == subscription_policy::block && o.limit != o.unlimited)
    return wrong("it cannot block its publishers: give another policy with the limit, or no limit");
  if (o.policy == subscription_policy::conflate || o.policy == subscription_policy::disconnect)
    return wrong(
        fmt::format("the policy {} is not for groups: give drop_oldest, drop_newest or fail", to_string(o.policy)));
  return {};
}

}  // namespace

result<void> check(const subscribe_options& o) {
  if (o.policy > subscription_policy::fail)  // the last of them
    return error(errc::invalid_argument,
                 fmt::format("subscribe_options: there is no policy {}", static_cast<int>(o.policy)));
  if (o.limit == 0 || o.limit_bytes == 0)
    return error(errc::invalid_argument, "subscribe_options: a limit is at least 1; leave it out for none");
  const bool limited = o.limit != o.unlimited || o.limit_bytes != o.unlimited;
  if (!limited && o.policy != subscription_policy::block && o.policy != subscription_policy::conflate)
    return error(errc::invalid_argument, fmt::format("subscribe_options: the policy {} needs a limit: give .limit "
                                                     "(messages) or .limit_bytes",
                                                     to_string(o.policy)));
  if (o.group_prefetch == 0)
    return error(
        errc::invalid_argument,
        "subscribe_options: with a prefetch of 0 no message would come to a member of a group: give 1 or more");
  if (!o.group.empty()) return check_group(o);
  if (o.group_prefetch != subscribe_options().group_prefetch)
    return error(errc::invalid_argument, "subscribe_options: only members of a group have a prefetch: give the group");
  return {};
}

std::string to_string(const subscribe_options& o) {
  std::string text = fmt::format("{{{}", to_string(o.policy));
  if (o.limit != o.unlimited) text += fmt::format(", {} messages", o.limit);
  if (o.limit_bytes != o.unlimited) text += fmt::format(", {} bytes", o.limit_bytes);
  if (!o.group.empty()) text += fmt::format(", group '{}'", o.group);
  return text + "}";
}

}  // namespace troupe
