#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace troupe {

namespace detail {
class tap_state;
}

/// Gets the number and the text of each message that a tap shows.
template <class F>
concept tap_function = std::invocable<F&, std::uint64_t, std::string_view>;

/// What a tap does with what it sees: on the pool, one call at a time. Where a function throws, the tap ends and the
/// log says so.
struct tap_output {
  /// A message: its number from 1, the key that it was published with, and its text, see `to_text`.
  std::function<void(std::uint64_t number, std::string_view key, std::string_view text)> show;
  /// So many were missed since the last one, which have numbers too; may be empty.
  std::function<void(std::uint64_t missed)> missed{};

  /// `ticks[1]: 'some'`, with the key behind the number if there is one, and `ticks: ... 12 not shown`: a line each.
  static tap_output to_file(std::string name, std::FILE* to = stdout);
  /// The same to a stream that nobody else uses meanwhile.
  static tap_output to_stream(std::string name, std::ostream& to);
};

/// Shows what is published on an exchange for as long as it lives: see `exchange::tap`. Move only; may outlive exchange
/// and runtime.
class [[nodiscard]] tap {
public:
  tap() = default;
  /// Internal; users call `exchange::tap`.
  explicit tap(std::shared_ptr<detail::tap_state> s) noexcept : state_(std::move(s)) {}
  tap(tap&& other) noexcept : state_(std::move(other.state_)) {}
  tap& operator=(tap&& other) noexcept {
    tap taken(std::move(other));
    std::swap(state_, taken.state_);
    return *this;
  }
  ~tap() { stop(); }

  /// What is published from now on is not shown, and what was has been when this returns: unless that takes longer than
  /// a second, or this is a thread of the runtime. Then it is shown later, and until the runtime has been shut down
  /// what it is shown by must live. Any thread.
  void stop() noexcept;

  /// True until it is stopped or moved from.
  explicit operator bool() const noexcept { return state_ != nullptr; }

  /// Messages that wait to be shown, at most: the oldest make room for newer ones.
  static constexpr std::size_t limit = 1000;

private:
  std::shared_ptr<detail::tap_state> state_;
};

}  // namespace troupe
