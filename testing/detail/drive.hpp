#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <source_location>
#include <string>

#include <gtest/gtest.h>

#include <troupe/actors/message_tap.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/run_loop.hpp>
#include <troupe/testing/seeds.hpp>

/// How expectations run a deterministic runtime, and fail.
namespace troupe::testing::detail {

/// How long an expectation waits if nothing else is said; virtual time costs nothing.
inline constexpr std::chrono::nanoseconds patience = std::chrono::seconds(3);

/// Fails the test that runs, and leaves it.
[[noreturn]] inline void fail(const runtime& rt, const std::string& what, const std::source_location& where) {
  std::string text = what;
  if (const run_loop* loop = rt.core().recorder()) text += "\nseed " + loop->schedule().text();
  const int line = static_cast<int>(where.line());
  ADD_FAILURE_AT(where.file_name(), line) << text;
  throw ::testing::AssertionException(
      ::testing::TestPartResult(::testing::TestPartResult::kFatalFailure, where.file_name(), line, text.c_str()));
}

/// What a test waits for.
template <class F>
class awaited final : public wait_condition {
public:
  explicit awaited(F& f) noexcept : f_(&f) {}
  bool holds() const noexcept override { return (*f_)(); }
  void sleep_until(std::int64_t) noexcept override {}  // nobody else runs a deterministic runtime

private:
  F* f_;
};

/// Runs the runtime, which is deterministic, until `holds()`. Empty if it does; otherwise, when the time is over or
/// nothing can run any more, what else is to be said. Throws `troupe_error` (`would_deadlock`) in a handler or green
/// thread.
template <class F>
std::optional<std::string> drive(const runtime& rt, std::chrono::nanoseconds within, F holds) {
  run_loop& loop = *rt.core().recorder();
  const bool stalled_before = !loop.stall().empty();
  awaited<F> condition(holds);
  const scheduler::waited how = loop.wait(condition, deadline_after(loop.now(), within));
  std::string why;
  if (!stalled_before) {
    if (!loop.stall().empty()) why = "\nnothing could run and nothing was due:\n" + loop.stall();
    loop.forget_stall();  // waiting in vain is what some expectations expect
  }
  if (how == scheduler::waited::refused)
    throw troupe_error(errc::would_deadlock,
                       "an expectation in a handler or green thread: it would wait for itself; expect in the test");
  if (how == scheduler::waited::held) return std::nullopt;
  return why;
}

/// The actor with that number; stands for nobody if it has gone.
inline any_ref actor_of(const runtime& rt, std::uint64_t id) {
  if (id == 0) return {};
  cell* const running = troupe::detail::running_cell;
  if (running && running->id() == id) return any_ref(running);
  return rt.find_actor(id);
}

/// A tap that knows who has sent messages, by their numbers: a message that is late may come when its sender has gone.
class sender_book : public troupe::detail::message_tap {
protected:
  explicit sender_book(runtime& rt) noexcept : rt_(&rt) {}
  ~sender_book() = default;

  /// Stands for nobody if it was no actor.
  any_ref sender_of(std::uint64_t id) const {
    const auto found = senders_.find(id);
    return found == senders_.end() ? any_ref() : found->second;
  }

  runtime* rt_;

private:
  void sending(const troupe::detail::envelope& e) noexcept final {
    if (e.trace != 0 && !senders_.contains(e.trace)) senders_.emplace(e.trace, actor_of(*rt_, e.trace));
  }

  std::map<std::uint64_t, any_ref> senders_;
};

inline std::string name_of(const any_ref& who) { return who ? who.name() : "no actor"; }

/// For people: "3 s", "20 ms".
inline std::string time_text(std::chrono::nanoseconds t) {
  const std::int64_t n = t.count();
  if (n % 1'000'000'000 == 0) return std::to_string(n / 1'000'000'000) + " s";
  if (n % 1'000'000 == 0) return std::to_string(n / 1'000'000) + " ms";
  if (n % 1'000 == 0) return std::to_string(n / 1'000) + " us";
  return std::to_string(n) + " ns";
}

/// The value in words, if it can be printed; its bytes would not be the same in each run.
template <class M>
std::string value_text(const M& message) {
  if constexpr (requires(std::ostream & out) { out << message; })
    return " " + ::testing::PrintToString(message);
  else
    return {};
}

}  // namespace troupe::testing::detail
