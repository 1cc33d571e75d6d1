#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include <troupe/actors/address.hpp>
#include <troupe/actors/runtime.hpp>

// Named groups of actors.
//
// GR1. Who has ended is in no group before its end is told (C5): its end hook takes it out. A member that is added
//      while it ends is taken out by the hook that is added then.
// GR2. Changes are told under the mutex, so that each listener hears of them in the order in which they happened.

namespace troupe {

/// A message that says who has come into a group or left it.
struct group_change {
  std::string group;
  any_ref who;
  bool joined;  ///< else it has left, or ended
};

namespace detail {

template <class M>
class group_state final : public std::enable_shared_from_this<group_state<M>> {
public:
  explicit group_state(std::string name) : name_(std::move(name)) {}

  bool join(const address<M>& a) {
    auto h = std::make_shared<hook>(this->shared_from_this());
    {
      std::lock_guard guard(mutex_);
      if (find(*a.get_cell()) != members_.end()) return false;
      members_.push_back({a, h});
      tell(a, true);
    }
    a.get_cell()->add_end_hook(std::move(h));
    return true;
  }

  bool leave(cell& c) {
    std::shared_ptr<hook> h;
    {
      std::lock_guard guard(mutex_);
      const auto at = find(c);
      if (at == members_.end()) return false;
      h = std::move(at->second);
      members_.erase(at);
      tell(any_ref(&c), false);
    }
    c.remove_end_hook(*h);
    return true;
  }

  std::vector<address<M>> members() const {
    std::vector<address<M>> all;
    std::lock_guard guard(mutex_);
    for (const auto& m : members_) all.push_back(m.first);
    return all;
  }

  void listen(const address<group_change>& a) {
    std::lock_guard guard(mutex_);
    std::erase_if(listeners_, [](const auto& l) { return !l.alive(); });
    if (std::find(listeners_.begin(), listeners_.end(), a) == listeners_.end()) listeners_.push_back(a);
  }
  void ignore(const any_ref& a) {
    std::lock_guard guard(mutex_);
    std::erase_if(listeners_, [&](const auto& l) { return l == a; });
  }

private:
  class hook final : public end_hook {
  public:
    explicit hook(std::weak_ptr<group_state> g) : group_(std::move(g)) {}
    void actor_ended(cell& c) noexcept override {
      if (const auto g = group_.lock()) g->leave(c);
    }

  private:
    std::weak_ptr<group_state> group_;
  };
  using member = std::pair<address<M>, std::shared_ptr<hook>>;

  typename std::vector<member>::iterator find(const cell& c) {
    return std::find_if(members_.begin(), members_.end(), [&](const member& m) { return m.first.get_cell() == &c; });
  }
  void tell(const any_ref& who, bool joined) {
    for (const auto& l : listeners_) l.send({name_, who, joined});
  }

  const std::string name_;
  mutable std::mutex mutex_;
  std::vector<member> members_;  // in the order of joining
  std::vector<address<group_change>> listeners_;
};

/// The groups of a runtime, by name.
class group_registry {
public:
  template <class M>
  std::shared_ptr<group_state<M>> get(const std::string& name) {
    std::lock_guard guard(mutex_);
    const auto [at, fresh] = groups_.try_emplace(name, entry{typeid(M), type_name<M>(), nullptr});
    if (fresh) at->second.state = std::make_shared<group_state<M>>(name);
    if (at->second.type != typeid(M))
      throw troupe_error(errc::type_mismatch, "the group \"" + name + "\" is one of actors that take " +
                                                  at->second.message + ", not " + type_name<M>());
    return std::static_pointer_cast<group_state<M>>(at->second.state);
  }

private:
  struct entry {
    std::type_index type;
    const char* message;
    std::shared_ptr<void> state;
  };
  std::mutex mutex_;
  std::map<std::string, entry> groups_;
};

}  // namespace detail

/// A handle on a named group of actors that take an M; the group is made at first use, and lives as long as the
/// runtime. Members leave by themselves when they end. Copies stand for the same group. Any thread.
template <class M>
class group {
public:
  /// Throws `troupe_error` (`type_mismatch`) if there is a group of that name whose members take another message.
  group(runtime& rt, const std::string& name)
      : state_(rt.core()
                   .service<detail::group_registry>([] { return std::make_shared<detail::group_registry>(); })
                   ->template get<M>(name)) {}

  /// False if it is a member already.
  bool join(const address<M>& who) const { return state_->join(who); }
  /// False if it was none.
  bool leave(const any_ref& who) const { return state_->leave(*who.get_cell()); }
  /// In the order of joining.
  std::vector<address<M>> members() const { return state_->members(); }

  /// Sends a copy to each of the members, and says to how many.
  std::size_t send(const M& message) const {
    const auto all = state_->members();
    for (const auto& a : all) a.send(message);
    return all.size();
  }

  /// Sends a `group_change` to this actor whenever one joins or leaves, from now on. Twice is once.
  void listen(const address<group_change>& who) const { state_->listen(who); }
  /// Takes that back.
  void ignore(const any_ref& who) const { state_->ignore(who); }

private:
  std::shared_ptr<detail::group_state<M>> state_;
};

}  // namespace troupe
