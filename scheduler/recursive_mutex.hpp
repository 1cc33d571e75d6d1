#pragma once

#include <cstddef>
#include <string>

#include <troupe/scheduler/mutex.hpp>

namespace troupe {

/// A mutex that whoever holds it can take again, and gives up when it has unlocked it as often. Otherwise as `mutex`.
///
/// RM1. `again_` belongs to the party that holds `base_`.
class recursive_mutex : public detail::exclusive_lock<recursive_mutex> {
public:
  recursive_mutex() noexcept : recursive_mutex(std::string()) {}

  /// `name` is what errors and reports call it.
  explicit recursive_mutex(std::string name) noexcept : exclusive_lock("recursive mutex", std::move(name)) {}

  /// Internal: MX3.
  void disown(const void* party) noexcept { base_.disown(party); }

private:
  friend class detail::exclusive_lock<recursive_mutex>;
  template <class, class, bool>
  friend struct detail::lock_request;
  friend guard;

  spin_lock& line_guard() noexcept { return base_.line_guard(); }
  const void* owner() const noexcept { return base_.owner(); }
  bool try_take(const void* party) noexcept {
    if (owner() != party) return base_.try_take(party);
    ++again_;
    return true;
  }
  bool take_or_queue(detail::wait_node& n) noexcept { return base_.take_or_queue(n); }
  void hand_over(const void* from) noexcept {
    if (again_ != 0)
      --again_;
    else
      base_.hand_over(from);
  }
  void left(detail::wake_list&) noexcept {}

  mutex base_;
  std::size_t again_ = 0;  // RM1
};

}  // namespace troupe
