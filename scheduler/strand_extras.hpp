#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/detail/local_binding.hpp>

namespace troupe {

class strand;

namespace detail {

class cancel_region;

/// Passes on to a strand what another one is told.
struct stop_follower {
  strand* to;
  void operator()() const noexcept;
};

}  // namespace detail

/// What only some strands have: a block of its own, made when it is first asked for, so that the others pay for a
/// pointer.
struct strand_extras {
  explicit strand_extras(std::uint64_t number) noexcept : id(number) {}

  std::uint64_t id;                         ///< no other strand of the process has or had it
  std::string name;                         ///< written before the strand is shared
  std::stop_source stop{std::nostopstate};  ///< of whoever asks the strand to stop; made when asked for (S3)
  detail::cancel_region* region = nullptr;  ///< the innermost that it is in (CR1)
  detail::local_chain locals;               ///< its task-local values, its own
  std::optional<std::stop_callback<detail::stop_follower>> follows;  ///< of `stop_with`; the slice's
};

namespace detail {

/// The place of a strand's extras, which go with it. Any thread that may touch the strand.
class extras_slot {
public:
  extras_slot() = default;
  extras_slot(const extras_slot&) = delete;
  extras_slot& operator=(const extras_slot&) = delete;
  ~extras_slot() { delete block_.load(relaxed); }

  strand_extras* if_any() const noexcept { return block_.load(acquire); }

  /// Makes them if there are none. Throws `std::bad_alloc`.
  strand_extras& get();

private:
  // null -> the block that was made first. The release of who makes it shows it to the acquire of who finds it.
  atomic<strand_extras*> block_{nullptr};
};

}  // namespace detail
}  // namespace troupe
