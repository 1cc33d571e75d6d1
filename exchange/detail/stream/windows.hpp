#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/exchange/detail/stream/sink.hpp>

/// Windows of so many items. Internal; users see `stream`.
namespace troupe::detail {

/// Each item is in one window. The memory of a window serves the next, unless somebody has moved it out.
template <class In, class Next>
class window_sink : public stage_sink<window_sink<In, Next>, Next> {
  using items = std::vector<std::remove_cvref_t<In>>;

public:
  template <class Stage>
  window_sink(const Stage& s, Next&& next) : window_sink::stage_sink(std::move(next)), count_(s.count) {}
  bool push(In item) {
    if (window_.empty()) window_.reserve(std::min<std::size_t>(count_, 4'096));
    window_.push_back(static_cast<In>(item));
    return window_.size() != count_ || pass_on();
  }
  void complete() {
    if (!window_.empty()) (void)pass_on();
    this->next_.complete();
  }
  void reset() { window_.clear(); }

private:
  // Empty again before anything can throw behind it (OP2).
  bool pass_on() {
    items whole = std::exchange(window_, {});
    const bool more = this->next_.push(std::move(whole));
    whole.clear();
    window_ = std::move(whole);
    return more;
  }

  std::size_t count_;
  items window_;
};

struct window_stage {
  std::size_t count;
  template <class In>
  using out = std::vector<std::remove_cvref_t<In>>&&;
  template <class In, class Next>
  using sink = window_sink<In, Next>;
};

/// The window moves on by `step` items, which may be fewer than it holds, or more. Only whole windows are passed on.
template <class In, class Next>
class sliding_sink : public stage_sink<sliding_sink<In, Next>, Next> {
  using items = std::vector<std::remove_cvref_t<In>>;

public:
  template <class Stage>
  sliding_sink(const Stage& s, Next&& next)
      : sliding_sink::stage_sink(std::move(next)), count_(s.count), step_(s.step) {}
  bool push(In item) {
    if (skip_ != 0) {
      --skip_;
      return true;
    }
    window_.push_back(static_cast<In>(item));
    if (window_.size() < count_) return true;
    bool more = false;
    try {
      more = this->next_.push(std::as_const(window_));
    } catch (...) {
      move_on();
      throw;
    }
    move_on();
    return more;
  }
  void reset() {
    window_.clear();
    skip_ = 0;
  }

private:
  /// Also when what stands behind has thrown: the next window is another one (OP2).
  void move_on() {
    const std::size_t leaving = std::min(step_, count_);
    skip_ = step_ - leaving;
    window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(leaving));
  }

  std::size_t count_;
  std::size_t step_;
  std::size_t skip_ = 0;
  items window_;
};

struct sliding_stage {
  std::size_t count;
  std::size_t step;
  template <class In>
  using out = const std::vector<std::remove_cvref_t<In>>&;
  template <class In, class Next>
  using sink = sliding_sink<In, Next>;
};

}  // namespace troupe::detail
