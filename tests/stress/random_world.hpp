#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <troupe/actors/exit_reason.hpp>
#include <troupe/actors/monitor.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/actors/runtime.hpp>

#include "stress.hpp"

// What is known of a random program on a deterministic runtime (`random_program.hpp`), and what is wrong with it. One
// thread.
//
// RW1. Whatever an actor is, its account stands here and not in the object, which is made anew or has gone.
// RW2. A number whose message may or may not have been sent (refused, or the sender ended while it waited for room) is
//      `unsure`: it may be missing, but if it comes it comes in its place.

namespace stress {

/// Counts the messages that exist: each is destroyed once, whatever its fate.
class cargo {
public:
  explicit cargo(std::int64_t& alive) noexcept : alive_(&alive) { ++alive; }
  cargo(const cargo& other) noexcept : cargo(*other.alive_) {}
  cargo& operator=(const cargo&) noexcept { return *this; }
  ~cargo() { --*alive_; }

private:
  std::int64_t* alive_;
};

/// What each message says of itself.
struct slip {
  std::uint32_t from;
  std::uint32_t to;
  std::uint32_t lane;    ///< within which its order is kept: a priority, or the type that a loop waits for
  std::uint64_t serial;  ///< of all messages
  std::uint64_t number;  ///< within its flow, from 1; 0: delayed, so without an order
  std::uint64_t plain;   ///< the same of those that nobody can take back, as a question; 0: none of them
  cargo weight;
};

/// From one to another, in one lane.
struct flow {
  std::uint64_t numbers = 0, seen = 0;       ///< given, and the last that came
  std::uint64_t plains = 0, plain_seen = 0;  ///< likewise, of those that cannot be taken back
  std::uint64_t plain_arrived = 0;           ///< how many of these came
  std::set<std::uint64_t> unsure{};          ///< of `plains`: RW2
};

/// What is known of one actor.
struct record {
  bool lossy = false;   ///< its mailbox may lose what was sent
  bool ordered = true;  ///< its mailbox keeps order
  bool prioritised = false;
  bool loop = false;
  bool supervised = false;
  bool late = false;     ///< what is sent to it may be held back
  bool doubled = false;  ///< what is sent to it may come twice
  bool stashes = true;   ///< false where it would not be known what has become of that
  bool retries = false;  ///< a message at which it crashes comes again
  int objects = 0;
  bool busy = false;                  ///< C2
  bool left = false;                  ///< a loop that has returned by itself
  std::uint64_t crashed_at = 0;       ///< serial of the message
  std::set<std::uint64_t> put_off{};  ///< serials of what it has stashed
  std::optional<troupe::exit_reason> ended{};
  std::map<std::array<std::uint32_t, 2>, std::uint64_t> due{};  ///< at its close, for each sender and lane: C4
  bool closed = false;
  std::uint64_t answers_due = 0;           ///< to questions whose replies come as messages
  std::map<std::uint32_t, int> watched{};  ///< whose end it is still to be told, and how often
  std::vector<std::uint32_t> linked{};
  troupe::any_ref who{};
};

/// All of it.
class ledger {
public:
  explicit ledger(troupe::runtime& rt) noexcept : rt_(&rt) {}
  ledger(const ledger&) = delete;
  ledger& operator=(const ledger&) = delete;

  record& at(std::uint32_t i) { return records_[i]; }
  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(records_.size()); }
  std::uint32_t add() { return records_.emplace_back(), size() - 1; }
  troupe::runtime& rt() const noexcept { return *rt_; }

  /// The first complaint counts: the others follow from it.
  void complain(std::string text) {
    if (complaint_.empty()) complaint_ = std::move(text);
  }
  const std::string& complaint() const noexcept { return complaint_; }

  // --- messages -----------------------------------------------------------------------------------------------------

  /// A message that is about to be sent.
  slip write(std::uint32_t from, std::uint32_t to, std::uint32_t lane, bool plain);
  slip write_without_order(std::uint32_t from, std::uint32_t to);
  /// It was not sent, or perhaps not.
  void doubt(const slip& s) {
    if (s.plain != 0) flows_[{s.from, s.to, s.lane}].unsure.insert(s.plain);
  }
  void no_doubt(const slip& s) { flows_[{s.from, s.to, s.lane}].unsure.erase(s.plain); }
  /// Its handler begins: C1.
  void arrived(const slip& s, std::uint32_t at);
  void handled() noexcept { ++handled_; }
  void thrown(const slip& s, std::uint32_t by) {
    at(by).crashed_at = s.serial;
    ++thrown_;
    if (at(by).retries) retried_ = true;
  }
  void put_off(const slip& s, std::uint32_t by) { at(by).put_off.insert(s.serial); }

  // --- lives --------------------------------------------------------------------------------------------------------

  void made(std::uint32_t i);
  void destroyed(std::uint32_t i) { --at(i).objects; }
  /// From now on `who` is told of; C5 and C4 are checked at its end.
  void watch(std::uint32_t i, const troupe::any_ref& who);
  /// Closes it, and notes what is to come before: C4.
  void close(std::uint32_t i);
  /// `watcher` was told of an end: C5.
  void told(std::uint32_t watcher, const troupe::down& d);

  // --- the end ------------------------------------------------------------------------------------------------------

  /// Nothing runs and nothing is due.
  void check_at_rest();
  /// A shutdown, which had time enough or perhaps not, has come back with this: C6.
  void check_report(const troupe::shutdown_report& report, bool in_time);
  /// All have ended.
  void check_at_the_end();
  std::int64_t& messages_alive() noexcept { return messages_alive_; }
  std::string the_living() const;
  std::uint64_t& losses_told() noexcept { return losses_told_; }
  std::uint64_t& news_handled() noexcept { return news_handled_; }
  void watch_losses() noexcept { watches_losses_ = true; }
  /// Actors crash that did not throw.
  void crash_by_faults() noexcept { crashes_by_faults_ = true; }
  /// All mailboxes share a memory, and perhaps drop what does not fit.
  void share_memory(bool shared, bool drops) noexcept {
    shared_memory_ = shared;
    losses_by_budget_ = shared && drops;
  }
  bool shared_memory() const noexcept { return shared_memory_; }
  bool losses_by_budget() const noexcept { return losses_by_budget_; }

private:
  void gone(std::uint32_t i, const troupe::exit_reason& reason);
  std::string name(std::uint32_t i) const { return "actor " + std::to_string(i); }

  troupe::runtime* rt_;
  std::deque<record> records_;
  std::map<std::array<std::uint32_t, 3>, flow> flows_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_id_;
  std::string complaint_;
  std::uint64_t serials_ = 0, handled_ = 0, thrown_ = 0, losses_told_ = 0, news_handled_ = 0;
  std::int64_t messages_alive_ = 0;
  bool retried_ = false;
  bool watches_losses_ = false;
  bool losses_by_budget_ = false;
  bool shared_memory_ = false;
  bool crashes_by_faults_ = false;
};

/// C2: notes whether two handlers of one actor overlap.
class alone {
public:
  alone(ledger& l, std::uint32_t who) : record_(&l.at(who)) {
    if (std::exchange(record_->busy, true))
      l.complain("two handlers of actor " + std::to_string(who) + " overlap (C2)");
  }
  ~alone() { record_->busy = false; }
  alone(const alone&) = delete;
  alone& operator=(const alone&) = delete;

private:
  record* record_;
};

}  // namespace stress
