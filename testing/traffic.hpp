#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <troupe/base/type_name.hpp>
#include <troupe/testing/detail/drive.hpp>

namespace troupe::testing {

/// A message on its way between two actors.
struct sent_message {
  /// Stands for nobody if it was no actor: the test, a green thread, a timer, the log of an exchange.
  any_ref sender;
  any_ref receiver;
  std::string type;             ///< as the source spells it
  std::chrono::nanoseconds at;  ///< when it came to the mailbox: virtual time since the record began

  /// One line for people: "broker -> filter: tick at 20 ms".
  friend std::ostream& operator<<(std::ostream& out, const sent_message& m) {
    return out << detail::name_of(m.sender) << " -> " << detail::name_of(m.receiver) << ": " << m.type << " at "
               << detail::time_text(m.at);
  }
};

/// Records all messages of users in a deterministic runtime in the order in which they come to the mailboxes, from now
/// on:
///
///     troupe::testing::traffic t(rt);
///     broker.send(order{"ACME", 10});
///     t.expect<order>(broker, depot);
///     EXPECT_EQ(t.between(broker, depot).size(), 2u);
///
/// Replies are no messages, and are not in it, nor is what a full mailbox has refused (`send_status::full`); who waits
/// for room is noted when there is some. What is read from the log of an exchange (`fanout`) is noted when it is read.
/// By the thread of the runtime, before which this must go.
class traffic final : private detail::sender_book {
public:
  /// Throws `troupe_error` (`invalid_argument`) if the runtime has no seed.
  explicit traffic(runtime& rt) : sender_book(rt), begun_(rt.scheduler().now()) { rt.core().add_tap(*this); }
  traffic(const traffic&) = delete;
  traffic& operator=(const traffic&) = delete;
  ~traffic() { rt_->core().remove_tap(*this); }

  /// All so far, in order.
  const std::vector<sent_message>& all() const noexcept { return all_; }

  /// What one has sent to the other, and the other to the one, in order.
  std::vector<sent_message> between(const any_ref& one, const any_ref& other) const {
    std::vector<sent_message> some;
    for (const sent_message& m : all_)
      if ((m.sender == one && m.receiver == other) || (m.sender == other && m.receiver == one)) some.push_back(m);
    return some;
  }

  /// An M passes from the one to the other, behind those that were expected before; runs the runtime until then, at
  /// most for so long in virtual time. Otherwise the test fails with what has passed between the two, and is left.
  template <class M>
  sent_message expect(const any_ref& from, const any_ref& to, std::chrono::nanoseconds within = detail::patience,
                      std::source_location where = std::source_location::current()) {
    const searched s = search<M>(from, to, within);
    if (s.in_vain)
      detail::fail(*rt_,
                   wanted<M>(from, to) + " within " + detail::time_text(within) + ", but none did" + *s.in_vain +
                       text(between(from, to)),
                   where);
    expected_ = s.at + 1;
    return all_[s.at];
  }

  /// No M passes from the one to the other within that time, behind those that were expected before.
  template <class M>
  void expect_none(const any_ref& from, const any_ref& to, std::chrono::nanoseconds within = detail::patience,
                   std::source_location where = std::source_location::current()) {
    const searched s = search<M>(from, to, within);
    if (!s.in_vain)
      detail::fail(*rt_,
                   wanted<M>(from, to) + ", which was not to be: at " + detail::time_text(all_[s.at].at) +
                       text(between(from, to)),
                   where);
  }

  /// Forgets what has been recorded.
  void clear() noexcept {
    all_.clear();
    expected_ = 0;
  }

private:
  template <class M>
  static bool is(const sent_message& m, const any_ref& from, const any_ref& to) {
    return m.sender == from && m.receiver == to && m.type == type_name<M>();
  }
  /// Where it found one, or, if it did not, what else is to be said.
  struct searched {
    std::size_t at;
    std::optional<std::string> in_vain{};
  };
  template <class M>
  searched search(const any_ref& from, const any_ref& to, std::chrono::nanoseconds within) {
    searched s{expected_};
    const auto found = [&] {
      while (s.at != all_.size() && !is<M>(all_[s.at], from, to)) ++s.at;
      return s.at != all_.size();
    };
    if (!found()) s.in_vain = detail::drive(*rt_, within, found);
    return s;
  }
  template <class M>
  static std::string wanted(const any_ref& from, const any_ref& to) {
    return std::string("traffic: a ") + type_name<M>() + " from " + detail::name_of(from) + " to " +
           detail::name_of(to);
  }
  static std::string text(const std::vector<sent_message>& some) {
    std::string lines = some.empty() ? "\nnothing has passed between the two" : "\nwhat has passed between the two:";
    for (const sent_message& m : some) lines += "\n  " + ::testing::PrintToString(m);
    return lines;
  }

  void note(any_ref sender, cell& to, const char* type) {
    all_.push_back({std::move(sender), any_ref(&to), type, std::chrono::nanoseconds(rt_->scheduler().now() - begun_)});
  }
  void passed(cell& to, const troupe::detail::envelope& e) noexcept override {
    note(sender_of(e.trace), to, e.ops->name);
  }
  void reading(cell& by, const char* message) noexcept override { note({}, by, message); }

  std::int64_t begun_;
  std::vector<sent_message> all_;
  std::size_t expected_ = 0;  // how many of them the expectations have come by
};

}  // namespace troupe::testing
