#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <troupe/actors/ref.hpp>
#include <troupe/scheduler/timed_call.hpp>

// How one learns of the end of another.
//
// L1. A monitor or link stands in the lists of both actors, so that the end of either takes it out of the other's, and
//     nothing is left of those who have gone.
// L2. What is delivered is looked at again in the slice of the one who gets it: after `demonitor` or `unlink` nothing
//     comes, also if it was in the inbox already.
// L3. They belong to the actor, not to the object: one that a supervisor makes anew keeps them, and those who watch it
//     are not told.

namespace troupe {

/// The message that says that an actor has ended, to one that has called `monitor`: `void on(const down&)`. It comes
/// behind what the actor had sent before, when its object has been destroyed, its subscriptions and its name are gone
/// (C5).
struct down {
  any_ref who;         ///< that has ended
  exit_reason reason;  ///< and how
};

/// The message that says that a linked actor has ended, to one whose class has a handler for it, as Erlang's
/// `trap_exit`: `void on(const exit_signal&)`. Those that came to their end in peace are told of too.
struct exit_signal {
  any_ref from;        ///< that has ended
  exit_reason reason;  ///< and how
};

namespace detail {

/// A message of the runtime's own for a handler, and what has to hold at that time for it to be handled (L2).
template <class M, class Record>
struct notice_envelope : own_envelope<M> {
  notice_envelope(const message_ops& o, std::shared_ptr<Record> r, M m)
      : own_envelope<M>(o, std::move(m)), record(std::move(r)) {}
  std::shared_ptr<Record> record;
};

template <class A, class M, class Record>
root_handle handle_notice(cell& c, envelope& e) {
  if (!static_cast<notice_envelope<M, Record>&>(e).record->deliver(c)) return {};
  if constexpr (loop_takes<A, M>) c.system_message_taken();
  return handle_own<A, M>(c, e);
}

template <class M, class Record>
void destroy_notice(envelope& e) noexcept {
  auto& n = static_cast<notice_envelope<M, Record>&>(e);
  n.~notice_envelope();
}

template <class A, class M, class Record>
inline constexpr message_ops notice_ops{.handle = &handle_notice<A, M, Record>,
                                        .destroy = &destroy_notice<M, Record>,
                                        .size = sizeof(notice_envelope<M, Record>),
                                        .alignment = alignof(notice_envelope<M, Record>),
                                        .name = type_name<M>(),
                                        .system = true,
                                        .in_turn = true};

/// One actor wants to know of the end of another.
class monitor_record final : public end_observer, public std::enable_shared_from_this<monitor_record> {
public:
  monitor_record(cell& watcher, cell& target, const message_ops& ops)
      : watcher_(&watcher), target_(&target), ops_(&ops) {}

  /// Puts it into both lists (L1). In the watcher's slice, as are the next two.
  void begin();
  void end() noexcept;
  bool deliver(cell& c) noexcept;

  void actor_gone(cell& who, const exit_reason& reason) noexcept override;

private:
  any_ref watcher_;
  any_ref target_;
  const message_ops* ops_;
  bool active_ = true;
};

/// Two actors that end together.
class link_record final : public end_observer, public std::enable_shared_from_this<link_record> {
public:
  link_record(cell& a, cell& b) : a_(&a), b_(&b) {}

  /// Puts it into both lists (L1); takes it out again. In the slice of one of the two.
  void begin();
  void end() noexcept;
  bool deliver(cell& c) noexcept;
  bool joins(const cell& a, const cell& b) const noexcept {
    return (a_.get_cell() == &a && b_.get_cell() == &b) || (a_.get_cell() == &b && b_.get_cell() == &a);
  }

  void actor_gone(cell& who, const exit_reason& reason) noexcept override;

private:
  any_ref a_;
  any_ref b_;
  atomic<bool> told_{false};      // one of the two has ended: false -> true, by whoever is first
  atomic<bool> unlinked_{false};  // false -> true; what is in the inbox is not delivered any more
};

template <class A>
constexpr const message_ops* exit_signal_ops() noexcept {
  if constexpr (handles<A, exit_signal>)
    return &notice_ops<A, exit_signal, link_record>;
  else
    return nullptr;
}

template <class F>
class callback_observer final : public end_observer {
public:
  explicit callback_observer(F f) : f_(std::move(f)) {}
  void actor_gone(cell& who, const exit_reason& reason) noexcept override {
    call_soon(who.core().scheduler(), [f = std::move(f_), reason]() mutable { f(reason); });
  }

private:
  F f_;
};

}  // namespace detail

/// What `monitor` gives, for `demonitor`. Dropping it ends nothing.
class monitor_handle {
public:
  /// Stands for nothing.
  monitor_handle() = default;
  /// Internal.
  explicit monitor_handle(std::shared_ptr<detail::monitor_record> r) noexcept : record_(std::move(r)) {}

private:
  friend class actor;
  std::shared_ptr<detail::monitor_record> record_;
};

template <class A>
monitor_handle actor::monitor(A* me, const any_ref& other) {
  static_assert(
      handles<A, down>,
      "troupe: an actor that monitors another needs a handler on(const troupe::down&) for the news of its end");
  cell& watcher = *static_cast<actor*>(me)->cell_;
  auto record = std::make_shared<detail::monitor_record>(watcher, *other.get_cell(),
                                                         detail::notice_ops<A, down, detail::monitor_record>);
  record->begin();
  return monitor_handle(std::move(record));
}

template <class F>
void any_ref::on_end(F f) const {
  static_assert(std::is_invocable_v<F&, const exit_reason&>,
                "troupe: what is called at the end of an actor takes a const troupe::exit_reason&");
  cell_->add_observer(std::make_shared<detail::callback_observer<F>>(std::move(f)));
}

}  // namespace troupe
