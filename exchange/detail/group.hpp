#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <troupe/actors/cell.hpp>
#include <troupe/base/atomic.hpp>
#include <troupe/exchange/queue.hpp>
#include <troupe/exchange/subscribe_options.hpp>

namespace troupe {
struct binding;
}

namespace troupe::detail {

class exchange_state;

/// The options of the queue that the members of a group take their messages from. Throws `troupe_error`
/// (`invalid_argument`) where those of the subscription make no sense for a group.
queue group_queue(const exchange_state& from, const subscribe_options& o);

/// The consumer groups of one exchange, by name: each a queue that is attached to the exchange with what its members
/// ask for, and that they are attached to.
///
/// GR1. A group is here, and its queue attached to the exchange, for as long as it has a membership; one ends with its
///      subscription or with its actor, whichever goes first. With the last of them the queue takes nothing any more,
///      and what waits there, or comes back to it later, is lost (`loss::detached`): nobody would come for it. Who
///      joins then begins another group of that name.
class consumer_groups {
public:
  using queue_state = std::shared_ptr<exchange_state>;
  /// Makes the queue of a group.
  using maker = queue_state (*)(const exchange_state& from, const std::string& name, const queue& options);

  /// One membership more. Throws `troupe_error` (`invalid_argument`) if the group has other options, and what `make`
  /// throws, which makes the queue.
  queue_state join(const exchange_state& from, const std::string& group, const queue& options, maker make);
  /// One less; true if that was the last.
  bool leave(const exchange_state& members) noexcept;

  /// Appends the queues of those that there are now.
  void append_to(std::vector<queue_state>& all) const;

private:
  struct group {
    queue_state members;
    std::size_t memberships = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, group> all_;
};

/// One subscription's part in a consumer group (GR1).
class group_membership final : public end_hook {
public:
  /// Joins. Throws as `consumer_groups::join` and `exchange_state::attach_exchange`.
  group_membership(std::shared_ptr<exchange_state> from, const std::string& group, const queue& options,
                   consumer_groups::maker make, std::string key, bool input);
  ~group_membership() override;
  group_membership(const group_membership&) = delete;
  group_membership& operator=(const group_membership&) = delete;

  /// The queue of the group.
  const std::shared_ptr<exchange_state>& members() const noexcept { return members_; }

  void actor_ended(cell&) noexcept override { leave(); }
  /// Ends it, if it has not ended. Any thread.
  void leave() noexcept;

private:
  const std::shared_ptr<exchange_state> from_;
  const std::shared_ptr<exchange_state> members_;
  const binding* by_ = nullptr;
  const bool input_;
  atomic<bool> over_{false};  // relaxed: whoever sets it does the rest
};

}  // namespace troupe::detail
