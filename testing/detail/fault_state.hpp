#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <troupe/actors/message_tap.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/base/splitmix.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/testing/detail/drive.hpp>

namespace troupe::testing {

/// What a handler seems to have thrown where a test has its actor crash.
class injected_crash : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

namespace detail {

/// Which of the messages that could meet a fault do.
struct fault_choice {
  enum class kind : std::uint8_t { nth, each, random };
  kind how = kind::nth;
  std::uint64_t n = 1;       // of `nth`; counts from 1
  double probability = 1.0;  // of `random`
};

struct fault_rule {
  enum class kind : std::uint8_t { drop, delay, duplicate, reorder, crash };
  kind what;
  any_ref to;
  const std::type_info* type;  ///< null: any
  const char* type_name;
  fault_choice which;
  std::source_location where;
  std::chrono::nanoseconds time{};                       ///< of `delay`, and the longest of `reorder`
  std::function<void(const void* message)> send_copy{};  ///< of `duplicate`
  std::uint64_t seen = 0;
  std::uint64_t met = 0;
};

inline const char* to_text(fault_rule::kind what) noexcept {
  switch (what) {
    case fault_rule::kind::drop: return "drop";
    case fault_rule::kind::delay: return "delay";
    case fault_rule::kind::duplicate: return "duplicate";
    case fault_rule::kind::reorder: return "reorder";
    case fault_rule::kind::crash: break;
  }
  return "crash at";
}

/// What `faults` does. Outlives it in the calls that are due.
///
/// FT1. What is held back stands in a lane, one for each pair of receiver and sender. While a lane is not empty all
///      that its sender sends, closes or answers there goes to its end, so that nothing of one sender overtakes
///      anything (C1, C4). Only what ends an actor at once does, as it does otherwise, and what comes through an
///      exchange: it must not come behind the end of its subscription, nor past it as a copy of its own (C5).
/// FT2. Each message that is taken is lost with a count or pushed: when it is due, or when the faults end (C3).
class fault_state final : public troupe::detail::message_tap, public std::enable_shared_from_this<fault_state> {
public:
  fault_state(runtime& rt, std::uint64_t seed) : core_(&rt.core()), home_(&rt.scheduler()), random_(seed) {}

  std::vector<fault_rule> rules;

  bool takes() const noexcept override { return true; }

  bool take(cell& to, troupe::detail::envelope& e) noexcept override {
    const bool waits = may_wait(e);
    std::int64_t due = home_->now();
    bool late = false;
    if (!copying_ && !e.ops->system) {
      bool drops = false;
      for (std::size_t i = 0; i != rules.size(); ++i) {
        fault_rule& r = rules[i];
        if (r.what == fault_rule::kind::crash || !fits(r, to, e)) continue;
        if (r.what != fault_rule::kind::drop && !waits) continue;
        if (!meets(r)) continue;
        switch (r.what) {
          case fault_rule::kind::drop: drops = true; break;
          case fault_rule::kind::delay: late = true, due = deadline_after(due, r.time); break;
          case fault_rule::kind::reorder:
            late = true, due = deadline_after(due, std::chrono::nanoseconds(draw(r.time)));
            break;
          case fault_rule::kind::duplicate: copy(r, e); break;
          case fault_rule::kind::crash: break;
        }
      }
      if (drops) {
        lose(to, e);
        return true;
      }
    }
    return waits && hold(to, e, due, late);
  }

  void handling(cell& by, troupe::detail::envelope& e) override {
    if (e.ops->system || rules.empty()) return;
    const troupe::detail::delivery_gate* const gate = e.ops->gate ? e.ops->gate(e) : nullptr;
    if (gate && !gate->is_open()) return;  // it will not be handled
    bool crashes = false;                  // all of them count it
    for (fault_rule& r : rules)
      if (r.what == fault_rule::kind::crash && fits(r, by, e)) crashes = meets(r) || crashes;
    if (crashes) throw injected_crash(std::string("a fault of the test: crash at a ") + e.ops->name);
  }

  /// Lets go of all that is held back, in the order of its times as far as senders allow.
  void let_go() noexcept {
    while (!lanes_.empty()) {
      auto first = lanes_.begin();
      for (auto i = lanes_.begin(); i != lanes_.end(); ++i)
        if (i->second.line.front().due < first->second.line.front().due) first = i;
      push_front(first);
    }
  }

private:
  struct held {
    troupe::detail::envelope* message;
    std::int64_t due;
  };
  struct lane {
    any_ref to;
    std::deque<held> line;  // not empty
  };
  using lane_key = std::pair<std::uint64_t, std::uint64_t>;  // the numbers of receiver and sender
  using lane_map = std::map<lane_key, lane>;

  static bool fits(const fault_rule& r, const cell& to, const troupe::detail::envelope& e) noexcept {
    return r.to.get_cell() == &to && (!r.type || (e.ops->type && *e.ops->type == *r.type));
  }

  static bool may_wait(troupe::detail::envelope& e) noexcept {
    if (e.ops->system) return e.ops->in_turn;
    return !e.ops->gate || !e.ops->gate(e);
  }

  bool meets(fault_rule& r) noexcept {
    ++r.seen;
    bool does = true;
    if (r.which.how == fault_choice::kind::nth)
      does = r.seen == r.which.n;
    else if (r.which.how == fault_choice::kind::random)
      does = static_cast<double>(next() >> 11) < r.which.probability * 9007199254740992.0;  // of 53 bits
    if (does) ++r.met;
    return does;
  }

  /// A time from 0 to `longest`.
  std::int64_t draw(std::chrono::nanoseconds longest) noexcept {
    return static_cast<std::int64_t>(next() % (static_cast<std::uint64_t>(longest.count()) + 1));
  }

  std::uint64_t next() noexcept { return troupe::detail::next_splitmix(random_); }

  /// Whoever sends the message does not know of the copy: it gets no exception from there.
  void copy(const fault_rule& r, const troupe::detail::envelope& e) noexcept {
    copying_ = true;
    try {
      r.send_copy(e.ops->payload(e));
    } catch (...) {
      ADD_FAILURE_AT(r.where.file_name(), static_cast<int>(r.where.line()))
          << "this fault could not be: duplicate " << r.type_name << " number " << r.seen << " for " << r.to.name()
          << ": the copy threw: " << troupe::detail::current_exception_text();
    }
    copying_ = false;
  }

  void lose(cell& to, troupe::detail::envelope& e) {
    core_->refuse(to, e, loss::fault, [&] {
      return error(errc::cancelled,
                   std::string("a fault of the test dropped the message (") + e.ops->name + " for " + to.name() + ")");
    });
    troupe::detail::free_envelope(&e);
  }

  bool hold(cell& to, troupe::detail::envelope& e, std::int64_t due, bool late) {
    const lane_key key(to.id(), e.trace);
    const auto found = lanes_.find(key);
    if (found != lanes_.end()) {
      std::deque<held>& line = found->second.line;
      line.push_back({&e, std::max(due, line.back().due)});
      return true;
    }
    if (!late) return false;
    lane& fresh = lanes_[key];
    fresh.to = any_ref(&to);
    fresh.line.push_back({&e, due});
    call_at(key, due);
    return true;
  }

  void call_at(lane_key key, std::int64_t due) {
    const std::chrono::nanoseconds after(std::max<std::int64_t>(due - home_->now(), 0));
    (void)call_later(*home_, after, [weak = weak_from_this(), key] {
      if (const auto self = weak.lock()) self->let_go_of_due(key);
    });
  }

  void let_go_of_due(lane_key key) {
    for (;;) {
      const auto i = lanes_.find(key);
      if (i == lanes_.end()) return;
      const std::int64_t due = i->second.line.front().due;
      if (due > home_->now()) return call_at(key, due);
      push_front(i);
    }
  }

  /// The lane goes with its last message, before that is pushed: what that sends may open it anew.
  void push_front(lane_map::iterator at) noexcept {
    const any_ref to = at->second.to;
    troupe::detail::envelope& e = *at->second.line.front().message;
    at->second.line.pop_front();
    if (at->second.line.empty()) lanes_.erase(at);
    (void)to.get_cell()->enqueue_again(e);
  }

  troupe::detail::core* core_;
  scheduler* home_;
  std::uint64_t random_;
  bool copying_ = false;
  lane_map lanes_;  // FT1
};

}  // namespace detail
}  // namespace troupe::testing
