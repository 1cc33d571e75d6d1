#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/base/error.hpp>
#include <troupe/exchange/detail/stream/sink.hpp>

/// Two streams that become one. Internal; users see `stream`.
///
/// JN1. A program of two has one sink, and in each of the two an end that leads to it. Which of the two is at work is
///      known while anything can throw: a failure is that one's.
/// JN2. Over exchanges the inputs are numbered from left to right; a side is complete when all of its inputs are.
namespace troupe::detail {

/// What both sides of a program lead to.
template <class Sink>
struct joint {
  explicit joint(Sink&& s) : sink(std::move(s)) {}
  flow fail(std::exception_ptr why) {
    failed_behind = true;
    return sink.fail(std::move(why));
  }
  Sink sink;
  bool stopped = false;        // the sink wants no more
  bool failed_behind = false;  // the failure at hand is none of a side's own
};

/// What `merge` and `zip` have in common; `ToLeft` and `ToRight` are the ends of the two sides.
template <class A, class B, class ToLeft, class ToRight, class Joint>
class joined_program {
  using left_program = typename A::template program<ToLeft>;
  using right_program = typename B::template program<ToRight>;

public:
  joined_program(const joined_program&) = delete;
  joined_program& operator=(const joined_program&) = delete;

  void skip() {
    if (in_left_)
      left_.skip();
    else
      right_.skip();
  }
  void complete() {
    if (!left_done_) complete_left();
    if (!right_done_) complete_right();
    in_joint_ = true;
    joint_.sink.complete();
    in_joint_ = false;
  }
  flow fail(std::exception_ptr why) {
    joint_.failed_behind = false;
    if (std::exchange(in_joint_, false)) return joint_.fail(std::move(why));
    const flow next = in_left_ ? left_.fail(std::move(why)) : right_.fail(std::move(why));
    if (next != flow::stop || joint_.failed_behind) return next;
    // One side has come to its end, the other goes on.
    (in_left_ ? left_done_ : right_done_) = true;
    return flow::resume;
  }
  void restart() {
    if (!joint_.failed_behind) {
      if (in_left_)
        left_.restart();
      else
        right_.restart();
      return;
    }
    left_.restart();
    right_.restart();
    joint_.sink.restart();
    joint_.stopped = left_done_ = right_done_ = false;
  }

  // Over exchanges.

  static constexpr std::size_t inputs = A::inputs + B::inputs;

  void start(stream_clock& clock) {
    left_.start(clock);
    right_.start(clock);
    joint_.sink.start(clock);
  }
  /// False if this input is not wanted any more.
  template <std::size_t I, class In>
  bool push(const In& item) {
    constexpr bool left = I < A::inputs;
    in_left_ = left;
    if (left ? left_done_ : right_done_) return false;
    if constexpr (left)
      return left_.template push<I>(item) && !joint_.stopped;
    else
      return right_.template push<I - A::inputs>(item) && !joint_.stopped;
  }
  /// True if that was the last of its side.
  template <std::size_t I>
  bool input_over() {
    if constexpr (I < A::inputs) {
      in_left_ = true;
      if (!left_done_ && left_.template input_over<I>()) complete_left();
    } else {
      in_left_ = false;
      if (!right_done_ && right_.template input_over<I - A::inputs>()) complete_right();
    }
    return left_done_ && right_done_;
  }
  bool stopped() const noexcept { return joint_.stopped; }

protected:
  template <class End>
  joined_program(const A& a, const B& b, End&& sink)
      : joint_(std::move(sink)), left_(a.program_into(ToLeft(joint_))), right_(b.program_into(ToRight(joint_))) {}

  void complete_left() {
    in_left_ = true;
    left_.complete();
    left_done_ = true;
  }
  void complete_right() {
    in_left_ = false;
    right_.complete();
    right_done_ = true;
  }

  Joint joint_;
  left_program left_;
  right_program right_;
  bool in_left_ = true;
  bool in_joint_ = false;
  bool left_done_ = false;
  bool right_done_ = false;
};

/// The end of a side of `merge`.
template <class In, class Sink>
class merge_end {
public:
  static constexpr bool restarts = Sink::restarts;
  explicit merge_end(joint<Sink>& j) noexcept : joint_(&j) {}
  bool push(In item) {
    joint_->stopped = joint_->stopped || !joint_->sink.push(static_cast<In>(item));
    return !joint_->stopped;
  }
  void start(stream_clock&) noexcept {}
  void complete() noexcept {}
  flow fail(std::exception_ptr why) { return joint_->fail(std::move(why)); }
  void restart() noexcept {}

private:
  joint<Sink>* joint_;
};

template <class A, class B, class Sink, class Item>
class merge_program : public joined_program<A, B, merge_end<Item, Sink>, merge_end<Item, Sink>, joint<Sink>> {
public:
  template <class... Stages, class End>
  merge_program(const A& a, const B& b, const std::tuple<Stages...>& stages, End&& end)
      : merge_program::joined_program(a, b, connect<Item>(stages, std::move(end))) {}

  /// All of the left, then all of the right.
  bool step() {
    if (this->joint_.stopped) return false;
    if (!this->left_done_) {
      this->in_left_ = true;
      if (!this->left_.step()) this->complete_left();
      return true;
    }
    if (this->right_done_) return false;
    this->in_left_ = false;
    if (!this->right_.step()) this->complete_right();
    return true;
  }
};

template <class A, class B>
struct merge_source {
  static constexpr bool over_ranges = A::source_type::over_ranges;
  static constexpr std::size_t inputs = A::inputs + B::inputs;
  using item = std::conditional_t<std::is_same_v<typename A::reference, typename B::reference>, typename A::reference,
                                  const typename A::item&>;
  template <class Sink>
  using program = merge_program<A, B, Sink, item>;

  A left;
  B right;

  template <class Sink, class... Stages, class End>
  program<Sink> connect_to(const std::tuple<Stages...>& stages, End&& end) const {
    return program<Sink>(left, right, stages, std::move(end));
  }
};

/// What waits for its counterpart.
template <class X, class Y, class Sink>
struct zip_joint : joint<Sink> {
  zip_joint(Sink&& s) : joint<Sink>(std::move(s)) {}

  std::deque<X> left;
  std::deque<Y> right;
  std::size_t limit = 0;

  template <class Q, class In>
  bool put(Q& queue, const char* side, In&& item) {
    if (queue.size() == limit)
      throw troupe_error(errc::full, std::string("stream: zip holds ") + std::to_string(limit) + " items of its " +
                                         side +
                                         " stream, and the other has not come to them; give it a higher limit, "
                                         "or thin the faster one out before");
    queue.push_back(std::forward<In>(item));
    while (!left.empty() && !right.empty() && !this->stopped) {
      std::pair<X, Y> both(std::move(left.front()), std::move(right.front()));
      left.pop_front();
      right.pop_front();
      this->stopped = !this->sink.push(std::move(both));
    }
    return !this->stopped;
  }
};

/// The end of a side of `zip`.
template <class In, bool is_left, class Joint>
class zip_end {
public:
  static constexpr bool restarts = decltype(Joint::sink)::restarts;
  explicit zip_end(Joint& j) noexcept : joint_(&j) {}
  bool push(In item) {
    if constexpr (is_left)
      return joint_->put(joint_->left, "left", static_cast<In>(item));
    else
      return joint_->put(joint_->right, "right", static_cast<In>(item));
  }
  void start(stream_clock&) noexcept {}
  void complete() noexcept {}
  flow fail(std::exception_ptr why) { return joint_->fail(std::move(why)); }
  void restart() noexcept {}

private:
  Joint* joint_;
};

template <class A, class B, class Sink>
using zip_joint_of = zip_joint<typename A::item, typename B::item, Sink>;

template <class A, class B, class Sink>
class zip_program
    : public joined_program<A, B, zip_end<typename A::reference, true, zip_joint_of<A, B, Sink>>,
                            zip_end<typename B::reference, false, zip_joint_of<A, B, Sink>>, zip_joint_of<A, B, Sink>> {
public:
  template <class... Stages, class End>
  zip_program(const A& a, const B& b, std::size_t limit, const std::tuple<Stages...>& stages, End&& end)
      : zip_program::joined_program(a, b,
                                    connect<std::pair<typename A::item, typename B::item>&&>(stages, std::move(end))) {
    this->joint_.limit = limit;
  }

  /// Of the one that is behind.
  bool step() {
    auto& j = this->joint_;
    if (j.stopped || (this->left_done_ && j.left.empty()) || (this->right_done_ && j.right.empty())) return false;
    if (!this->left_done_ && j.left.size() <= j.right.size()) {
      this->in_left_ = true;
      if (!this->left_.step()) this->complete_left();
    } else {
      this->in_left_ = false;
      if (!this->right_.step()) this->complete_right();
    }
    return true;
  }
  void restart() {
    if (this->joint_.failed_behind) {
      this->joint_.left.clear();
      this->joint_.right.clear();
    }
    zip_program::joined_program::restart();
  }
};

template <class A, class B>
struct zip_source {
  static constexpr bool over_ranges = A::source_type::over_ranges;
  static constexpr std::size_t inputs = A::inputs + B::inputs;
  using item = std::pair<typename A::item, typename B::item>&&;
  template <class Sink>
  using program = zip_program<A, B, Sink>;

  A left;
  B right;
  std::size_t limit;

  template <class Sink, class... Stages, class End>
  program<Sink> connect_to(const std::tuple<Stages...>& stages, End&& end) const {
    return program<Sink>(left, right, limit, stages, std::move(end));
  }
};

}  // namespace troupe::detail
