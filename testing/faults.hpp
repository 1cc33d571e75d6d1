#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <source_location>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <troupe/testing/detail/fault_state.hpp>

namespace troupe::testing {

/// Which of the messages that could meet a fault do: a number n stands for the n-th from now on, from 1, and only that
/// one; or `each_one`, or `with_probability`.
class occurrence {
public:
  /// Throws `troupe_error` (`invalid_argument`) for less than 1.
  occurrence(std::int64_t n) {
    if (n < 1) throw troupe_error(errc::invalid_argument, "a fault is met by the n-th message: n counts from 1");
    choice_.n = static_cast<std::uint64_t>(n);
  }
  /// Internal.
  explicit occurrence(const detail::fault_choice& c) noexcept : choice_(c) {}
  const detail::fault_choice& choice() const noexcept { return choice_; }

private:
  detail::fault_choice choice_;
};

/// All of them.
inline occurrence each_one() { return occurrence(detail::fault_choice{detail::fault_choice::kind::each}); }

/// Each with this probability, drawn from the seed of the runtime. Throws `troupe_error` (`invalid_argument`) unless it
/// is from 0 to 1.
inline occurrence with_probability(double p) {
  if (!(p >= 0 && p <= 1)) throw troupe_error(errc::invalid_argument, "a probability is from 0 to 1");
  return occurrence(detail::fault_choice{detail::fault_choice::kind::random, 1, p});
}

namespace detail {

/// The class that a reference says it stands for; void if it does not say.
template <class A>
std::type_identity<A> target_class(const ref<A>*);
std::type_identity<void> target_class(const void*);

template <class M, class To>
consteval void check_target() {
  using target = typename decltype(target_class(static_cast<const To*>(nullptr)))::type;
  if constexpr (!std::is_void_v<target>) troupe::detail::require_handler<target, M>();
}

}  // namespace detail

/// What may go wrong with messages, in a deterministic runtime, for as long as this lives:
///
///     troupe::testing::faults f(rt);
///     f.drop<tick>(filter, 2);                                      // the second tick that is sent to it
///     f.delay<tick>(filter, 20ms, troupe::testing::each_one());
///     f.crash(filter, 3);                                           // as if its handler threw at the third message
///
/// The contracts hold: a message has one fate and is counted (`loss::fault` where it is dropped, also told to whoever
/// watches for losses), and nothing of one sender to one receiver is overtaken, but by what comes through an exchange,
/// which is never delayed nor doubled: no delivery starts once its subscription has ended. All that no actor sends,
/// such as the test and green threads, counts as one sender. Messages that wait in the line of a full mailbox, and
/// those read from the log of an exchange, meet no faults.
///
/// What is held back when this goes is let go. A fault for the n-th message that never came fails the test then: it has
/// tested something else. By the thread of the runtime, before which this must go; one for each runtime.
class faults {
public:
  /// Throws `troupe_error`: `invalid_argument` if the runtime has no seed, `already_exists` if it has faults.
  explicit faults(runtime& rt) : faults(rt, rt.core().seed()) {}
  /// The same with a seed of its own for what is drawn: where a recording is replayed, which has none.
  faults(runtime& rt, std::uint64_t seed)
      : rt_(&rt), exceptions_(std::uncaught_exceptions()), state_(std::make_shared<detail::fault_state>(rt, seed)) {
    rt.core().add_tap(*state_);
  }
  faults(const faults&) = delete;
  faults& operator=(const faults&) = delete;
  ~faults() {
    rt_->core().remove_tap(*state_);
    state_->let_go();
    if (std::uncaught_exceptions() == exceptions_) tell_of_unmet();
  }

  /// Messages of type M get lost on their way to `to`. The sender is not told; whoever asks gets `cancelled`.
  template <class M, class To>
  void drop(const To& to, occurrence which = 1, std::source_location where = std::source_location::current()) {
    detail::check_target<M, To>();
    add<M>(detail::fault_rule::kind::drop, to, which, where);
  }

  /// They arrive so much later, in virtual time, and what their sender sends after them behind them. Throws
  /// `troupe_error` (`invalid_argument`) for less than no time.
  template <class M, class To>
  void delay(const To& to, std::chrono::nanoseconds by, occurrence which = 1,
             std::source_location where = std::source_location::current()) {
    detail::check_target<M, To>();
    add<M>(detail::fault_rule::kind::delay, to, which, where).time = checked(by);
  }

  /// They arrive twice: a copy comes right before them, and counts as one more sent. Nobody gets the answer to the copy
  /// of a question. A copy that throws fails the test; the message itself arrives. What comes through an exchange is
  /// not copied, and not counted for `which`.
  template <class M>
  void duplicate(const address<M>& to, occurrence which = 1,
                 std::source_location where = std::source_location::current()) {
    static_assert(std::copy_constructible<M>, "troupe: only a message that can be copied can be duplicated");
    add<M>(detail::fault_rule::kind::duplicate, to, which, where).send_copy = [to](const void* message) {
      to.send(*static_cast<const M*>(message));
    };
  }
  template <class M, class A>
  void duplicate(const ref<A>& to, occurrence which = 1, std::source_location where = std::source_location::current()) {
    detail::check_target<M, ref<A>>();
    if constexpr (handles<A, M>) duplicate<M>(address<M>(to), which, where);
  }

  /// Messages of all types arrive up to so much later, each for a time of its own, drawn from the seed: those of
  /// different senders overtake each other. Throws `troupe_error` (`invalid_argument`) for less than no time.
  void reorder(const any_ref& to, std::chrono::nanoseconds within = std::chrono::milliseconds(1),
               occurrence which = each_one(), std::source_location where = std::source_location::current()) {
    add<void>(detail::fault_rule::kind::reorder, to, which, where).time = checked(within);
  }

  /// The actor crashes (`injected_crash`) when it has come to the message, in place of handling it.
  void crash(const any_ref& who, occurrence which = 1, std::source_location where = std::source_location::current()) {
    add<void>(detail::fault_rule::kind::crash, who, which, where);
  }
  /// The same, and only messages of type M are counted.
  template <class M, class To>
  void crash(const To& who, occurrence which = 1, std::source_location where = std::source_location::current()) {
    detail::check_target<M, To>();
    add<M>(detail::fault_rule::kind::crash, who, which, where);
  }

  /// How many faults have been met so far.
  std::uint64_t met() const noexcept {
    std::uint64_t n = 0;
    for (const detail::fault_rule& r : state_->rules) n += r.met;
    return n + cleared_;
  }

  /// No more of them from now on; what is held back comes when it is due.
  void clear() noexcept {
    cleared_ = met();
    state_->rules.clear();
  }

private:
  template <class M>
  detail::fault_rule& add(detail::fault_rule::kind what, const any_ref& to, const occurrence& which,
                          const std::source_location& where) {
    if (!to) throw troupe_error(errc::invalid_argument, "a fault for a reference that stands for nobody");
    detail::fault_rule rule{what, to, nullptr, "message", which.choice(), where};
    if constexpr (!std::is_void_v<M>) {
      rule.type = &typeid(M);
      rule.type_name = type_name<M>();
    }
    return state_->rules.emplace_back(std::move(rule));
  }

  static std::chrono::nanoseconds checked(std::chrono::nanoseconds t) {
    if (t.count() < 0) throw troupe_error(errc::invalid_argument, "a fault delays by less than no time");
    return t;
  }

  void tell_of_unmet() const {
    for (const detail::fault_rule& r : state_->rules) {
      if (r.which.how != detail::fault_choice::kind::nth || r.met != 0) continue;
      ADD_FAILURE_AT(r.where.file_name(), static_cast<int>(r.where.line()))
          << "this fault was never met: " << detail::to_text(r.what) << " " << r.type_name << " number " << r.which.n
          << " for " << r.to.name() << "; there were " << r.seen;
    }
  }

  runtime* rt_;
  int exceptions_;
  std::shared_ptr<detail::fault_state> state_;
  std::uint64_t cleared_ = 0;  // those met before `clear`
};

}  // namespace troupe::testing
