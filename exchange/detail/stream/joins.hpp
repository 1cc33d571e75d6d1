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
  bool wants() const { return !stopped && sink.wants(); }
  Sink sink;
  bool stopped = false;  // the sink has said so
};

/// What `merge` and `zip` have in common; `ToLeft` and `ToRight` are the ends of the two sides.
template <class A, class B, class ToLeft, class ToRight, class Joint>
class joined_program {
  using left_program = typename A::template program<ToLeft>;
  using right_program = typename B::template program<ToRight>;

public:
  joined_program(const joined_program&) = delete;
  joined_program& operator=(const joined_program&) = delete;

  void complete() {
    if (!left_done_) complete_left();
    if (!right_done_) complete_right();
    in_joint_ = true;
    joint_.sink.complete();
    in_joint_ = false;
  }
  flow fail(std::exception_ptr why) {
    if (std::exchange(in_joint_, false)) return joint_.sink.fail(std::move(why));
    return in_left_ ? left_.fail(std::move(why)) : right_.fail(std::move(why));
  }
  bool wants() const { return joint_.wants() && (!left_done_ || !right_done_); }
  bool restart() {
    if (left_.restart()) {
      left_done_ = false;
      return true;
    }
    if (right_.restart()) {
      right_done_ = false;
      return true;
    }
    if (!joint_.sink.restart()) return false;
    reset_sides();
    return true;
  }
  void reset_all() {
    reset_sides();
    joint_.sink.reset_all();
  }

  // Over ranges.

  void skip() {
    if (in_left_)
      left_.skip();
    else
      right_.skip();
  }

  // Over exchanges.

  void start(stream_clock& clock) {
    left_.start(clock);
    right_.start(clock);
    joint_.sink.start(clock);
  }
  /// False if something in it is not wanted any more: `settle_sides` says what.
  template <std::size_t I, class In>
  bool push(const In& item) {
    in_left_ = I < A::inputs;
    if constexpr (I < A::inputs)
      return !left_done_ && left_.template push<I>(item) && !joint_.stopped;
    else
      return !right_done_ && right_.template push<I - A::inputs>(item) && !joint_.stopped;
  }
  /// Completes the sides that want no more.
  void settle_sides() {
    left_.settle_sides();
    right_.settle_sides();
    if (!left_done_ && !left_.wants()) complete_left();
    if (!right_done_ && !right_.wants()) complete_right();
  }
  template <std::size_t I>
  bool wants_input() const {
    if constexpr (I < A::inputs)
      return !left_done_ && left_.template wants_input<I>();
    else
      return !right_done_ && right_.template wants_input<I - A::inputs>();
  }

protected:
  template <class Sink>
  joined_program(const A& a, const B& b, Sink&& sink)
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

private:
  void reset_sides() {
    left_.reset_all();
    right_.reset_all();
    joint_.stopped = left_done_ = right_done_ = false;
    if constexpr (requires { joint_.forget(); }) joint_.forget();
  }
};

/// The end of a side of `merge`.
template <class In, class Sink>
class merge_end : public stream_end {
public:
  static constexpr bool restarts = Sink::restarts;
  explicit merge_end(joint<Sink>& j) noexcept : joint_(&j) {}
  bool push(In item) {
    joint_->stopped = joint_->stopped || !joint_->sink.push(static_cast<In>(item));
    return !joint_->stopped;
  }
  flow fail(std::exception_ptr why) { return joint_->sink.fail(std::move(why)); }
  bool wants() const { return joint_->wants(); }

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
    if (!this->joint_.wants()) return false;
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

  template <std::size_t First, class Visit>
  void visit_inputs(Visit& visit) const {
    left.template visit_inputs<First>(visit);
    right.template visit_inputs<First + A::inputs>(visit);
  }

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

  void forget() {
    left.clear();
    right.clear();
  }

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
class zip_end : public stream_end {
public:
  static constexpr bool restarts = decltype(Joint::sink)::restarts;
  explicit zip_end(Joint& j) noexcept : joint_(&j) {}
  bool push(In item) {
    if constexpr (is_left)
      return joint_->put(joint_->left, "left", static_cast<In>(item));
    else
      return joint_->put(joint_->right, "right", static_cast<In>(item));
  }
  flow fail(std::exception_ptr why) { return joint_->sink.fail(std::move(why)); }
  bool wants() const { return joint_->wants(); }

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

  bool wants() const {
    const auto& j = this->joint_;
    return j.wants() && !(this->left_done_ && j.left.empty()) && !(this->right_done_ && j.right.empty());
  }

  template <std::size_t I, class In>
  bool push(const In& item) {
    if (!zip_program::joined_program::template push<I>(item)) return false;
    return (!this->left_done_ && !this->right_done_) || wants();
  }

  /// Of the one that is behind.
  bool step() {
    if (!wants()) return false;
    auto& j = this->joint_;
    if (!this->left_done_ && j.left.size() <= j.right.size()) {
      this->in_left_ = true;
      if (!this->left_.step()) this->complete_left();
    } else {
      this->in_left_ = false;
      if (!this->right_.step()) this->complete_right();
    }
    return true;
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

  template <std::size_t First, class Visit>
  void visit_inputs(Visit& visit) const {
    left.template visit_inputs<First>(visit);
    right.template visit_inputs<First + A::inputs>(visit);
  }

  template <class Sink, class... Stages, class End>
  program<Sink> connect_to(const std::tuple<Stages...>& stages, End&& end) const {
    return program<Sink>(left, right, limit, stages, std::move(end));
  }
};

}  // namespace troupe::detail
