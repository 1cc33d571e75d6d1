#pragma once

#include <memory>
#include <string>

#include <troupe/exchange/queue.hpp>
#include <troupe/exchange/subscribe_options.hpp>

namespace troupe {
struct binding;
}

namespace troupe::detail {

class exchange_state;

/// The name and the options of the queue that the members of a group take their messages from. Throws `troupe_error`
/// (`invalid_argument`) where the options of the subscription make no sense for a group.
std::string group_name(const exchange_state& from, const subscribe_options& o);
queue group_queue(const exchange_state& from, const subscribe_options& o);

/// One member's part in a consumer group: a queue that is attached to the exchange with what its members ask for, and
/// that they are attached to.
///
/// GR1. The queue is attached to the exchange for as long as there is a membership. With the last of them goes what
///      still waits there (`ack_queue_base::leave_group`): nobody would come for it.
class group_membership {
public:
  /// Throws as `exchange_state::attach_exchange`.
  group_membership(std::shared_ptr<exchange_state> from, std::shared_ptr<exchange_state> members, std::string key,
                   bool input);
  ~group_membership();
  group_membership(const group_membership&) = delete;
  group_membership& operator=(const group_membership&) = delete;

private:
  const std::shared_ptr<exchange_state> from_;
  const std::shared_ptr<exchange_state> members_;
  const binding* by_ = nullptr;
  const bool input_;
};

}  // namespace troupe::detail
