#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>

#include <troupe/base/error.hpp>
#include <troupe/exchange/detail/stream/functions.hpp>
#include <troupe/exchange/detail/stream/sink.hpp>

/// The operators that look at one item at a time. Internal; users see `stream`.
namespace troupe::detail {

template <class In, class F, class Next>
class map_sink : public stage_sink<map_sink<In, F, Next>, Next> {
public:
  template <class Stage>
  map_sink(const Stage& s, Next&& next) : map_sink::stage_sink(std::move(next)), f_(s.f) {}
  bool push(In item) { return this->next_.push(std::invoke(f_, static_cast<In>(item))); }

private:
  [[no_unique_address]] F f_;
};

template <class F>
struct map_stage {
  F f;
  template <class In>
  using out = passed_t<std::invoke_result_t<F&, In>>;
  template <class In, class Next>
  using sink = map_sink<In, F, Next>;
};

template <class In, class F, class Next>
class filter_sink : public stage_sink<filter_sink<In, F, Next>, Next> {
public:
  template <class Stage>
  filter_sink(const Stage& s, Next&& next) : filter_sink::stage_sink(std::move(next)), f_(s.f) {}
  bool push(In item) {
    if (!std::invoke(f_, std::as_const(item))) return true;
    return this->next_.push(static_cast<In>(item));
  }

private:
  [[no_unique_address]] F f_;
};

template <class F>
struct filter_stage {
  F f;
  template <class In>
  using out = In;
  template <class In, class Next>
  using sink = filter_sink<In, F, Next>;
};

template <class In, class T, class F, class Next>
class scan_sink : public stage_sink<scan_sink<In, T, F, Next>, Next> {
public:
  template <class Stage>
  scan_sink(const Stage& s, Next&& next)
      : scan_sink::stage_sink(std::move(next)), init_(s.init), sum_(s.init), f_(s.f) {}
  bool push(In item) {
    sum_ = std::invoke(f_, std::move(sum_), static_cast<In>(item));
    return this->next_.push(std::as_const(sum_));
  }
  void reset() { sum_ = init_; }

private:
  T init_;
  T sum_;
  [[no_unique_address]] F f_;
};

template <class T, class F>
struct scan_stage {
  T init;
  F f;
  template <class In>
  using out = const T&;
  template <class In, class Next>
  using sink = scan_sink<In, T, F, Next>;
};

template <class In, class Next>
class take_sink : public stage_sink<take_sink<In, Next>, Next> {
public:
  template <class Stage>
  take_sink(const Stage& s, Next&& next) : take_sink::stage_sink(std::move(next)), count_(s.count), left_(s.count) {}
  bool push(In item) {
    if (left_ == 0) return false;
    --left_;
    return this->next_.push(static_cast<In>(item)) && left_ != 0;
  }
  bool wants() const { return left_ != 0 && this->next_.wants(); }
  void reset() { left_ = count_; }

private:
  std::size_t count_;
  std::size_t left_;
};

struct take_stage {
  std::size_t count;
  template <class In>
  using out = In;
  template <class In, class Next>
  using sink = take_sink<In, Next>;
};

template <class In, class Next>
class skip_sink : public stage_sink<skip_sink<In, Next>, Next> {
public:
  template <class Stage>
  skip_sink(const Stage& s, Next&& next) : skip_sink::stage_sink(std::move(next)), count_(s.count), left_(s.count) {}
  bool push(In item) {
    if (left_ == 0) return this->next_.push(static_cast<In>(item));
    --left_;
    return true;
  }
  void reset() { left_ = count_; }

private:
  std::size_t count_;
  std::size_t left_;
};

struct skip_stage {
  std::size_t count;
  template <class In>
  using out = In;
  template <class In, class Next>
  using sink = skip_sink<In, Next>;
};

template <class In, class F, class Next>
class take_while_sink : public stage_sink<take_while_sink<In, F, Next>, Next> {
public:
  template <class Stage>
  take_while_sink(const Stage& s, Next&& next) : take_while_sink::stage_sink(std::move(next)), f_(s.f) {}
  bool push(In item) {
    if (over_) return false;
    over_ = !std::invoke(f_, std::as_const(item));
    return !over_ && this->next_.push(static_cast<In>(item));
  }
  bool wants() const { return !over_ && this->next_.wants(); }
  void reset() { over_ = false; }

private:
  [[no_unique_address]] F f_;
  bool over_ = false;
};

template <class F>
struct take_while_stage {
  F f;
  template <class In>
  using out = In;
  template <class In, class Next>
  using sink = take_while_sink<In, F, Next>;
};

template <class In, class Next>
class distinct_sink : public stage_sink<distinct_sink<In, Next>, Next> {
public:
  template <class Stage>
  distinct_sink(const Stage& s, Next&& next) : distinct_sink::stage_sink(std::move(next)), limit_(s.limit) {}
  bool push(In item) {
    if (seen_.contains(item)) return true;
    if (seen_.size() == limit_)
      throw troupe_error(errc::full, "stream: distinct remembers " + std::to_string(limit_) +
                                         " different items and met another; give it a higher limit, or let each window "
                                         "have one of its own");
    seen_.insert(std::as_const(item));
    return this->next_.push(static_cast<In>(item));
  }
  void reset() { seen_.clear(); }

private:
  std::size_t limit_;
  set_of<std::remove_cvref_t<In>> seen_;
};

struct distinct_stage {
  std::size_t limit;
  template <class In>
  using out = In;
  template <class In, class Next>
  using sink = distinct_sink<In, Next>;
};

template <class In, class Next>
class distinct_until_changed_sink : public stage_sink<distinct_until_changed_sink<In, Next>, Next> {
public:
  template <class Stage>
  distinct_until_changed_sink(const Stage&, Next&& next) : distinct_until_changed_sink::stage_sink(std::move(next)) {}
  bool push(In item) {
    if (last_ && *last_ == std::as_const(item)) return true;
    last_.emplace(std::as_const(item));
    return this->next_.push(static_cast<In>(item));
  }
  void reset() { last_.reset(); }

private:
  std::optional<std::remove_cvref_t<In>> last_;
};

struct distinct_until_changed_stage {
  template <class In>
  using out = In;
  template <class In, class Next>
  using sink = distinct_until_changed_sink<In, Next>;
};

/// An item of a range as it is passed on: what the range owns is not changed.
template <class Reference>
using range_item_t =
    std::conditional_t<std::is_reference_v<Reference>, const std::remove_reference_t<Reference>&, Reference&&>;

template <class F, class In>
using inner_range_t = std::remove_reference_t<std::invoke_result_t<F&, In>>;

template <class In, class F, class Next>
class flat_map_sink : public stage_sink<flat_map_sink<In, F, Next>, Next> {
public:
  template <class Stage>
  flat_map_sink(const Stage& s, Next&& next) : flat_map_sink::stage_sink(std::move(next)), f_(s.f) {}
  bool push(In item) {
    auto&& inner = std::invoke(f_, static_cast<In>(item));
    using passed = range_item_t<std::ranges::range_reference_t<inner_range_t<F, In>>>;
    for (auto&& each : inner) {
      if (!this->next_.push(static_cast<passed>(each))) return false;
    }
    return true;
  }

private:
  [[no_unique_address]] F f_;
};

template <class F>
struct flat_map_stage {
  F f;
  template <class In>
  using out = range_item_t<std::ranges::range_reference_t<inner_range_t<F, In>>>;
  template <class In, class Next>
  using sink = flat_map_sink<In, F, Next>;
};

}  // namespace troupe::detail
