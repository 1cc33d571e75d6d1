#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/base/error.hpp>
#include <troupe/exchange/detail/stream/clock.hpp>
#include <troupe/exchange/detail/stream/sink.hpp>

/// The operators of time. Internal; users see `stream`.
namespace troupe::detail {

/// The part that they have in common.
template <class Self, class Next>
class timed_sink : public stage_sink<Self, Next>, public timed_stage {
public:
  using stage_sink<Self, Next>::stage_sink;
  void start(stream_clock& clock) {
    this->begin(clock);
    this->next_.start(clock);
  }
  flow fail_behind(std::exception_ptr why) override { return this->next_.fail(std::move(why)); }
};

template <class In, class Next>
class debounce_sink final : public timed_sink<debounce_sink<In, Next>, Next> {
public:
  template <class Stage>
  debounce_sink(const Stage& s, Next&& next) : debounce_sink::timed_sink(std::move(next)), silence_(s.silence) {}
  bool push(In item) {
    if (!this->next_.wants()) return false;
    quiet_at_ = this->now() + silence_.count();
    // One timer serves many items: when it comes too early it is set again.
    if (!last_) this->arm(silence_);
    last_.emplace(static_cast<In>(item));
    return true;
  }
  void due() override {
    if (!last_) return;
    const std::int64_t left = quiet_at_ - this->now();
    if (left > 0) return this->arm(std::chrono::nanoseconds(left));
    (void)pass_on();
  }
  void complete() {
    if (last_) (void)pass_on();
    this->next_.complete();
  }
  void reset() {
    last_.reset();
    this->disarm();
  }

private:
  bool pass_on() {
    auto item = std::move(*last_);
    last_.reset();
    return this->next_.push(std::move(item));
  }

  std::chrono::nanoseconds silence_;
  std::optional<std::remove_cvref_t<In>> last_;
  std::int64_t quiet_at_ = 0;
};

struct debounce_stage {
  std::chrono::nanoseconds silence;
  template <class In>
  using out = std::remove_cvref_t<In>&&;
  template <class In, class Next>
  using sink = debounce_sink<In, Next>;
};

template <class In, class Next>
class throttle_sink final : public timed_sink<throttle_sink<In, Next>, Next> {
public:
  template <class Stage>
  throttle_sink(const Stage& s, Next&& next) : throttle_sink::timed_sink(std::move(next)), interval_(s.interval) {}
  bool push(In item) {
    if (shut_) return true;
    shut_ = true;
    this->arm(interval_);
    return this->next_.push(static_cast<In>(item));
  }
  void due() override { shut_ = false; }
  void reset() {
    shut_ = false;
    this->disarm();
  }

private:
  std::chrono::nanoseconds interval_;
  bool shut_ = false;
};

struct throttle_stage {
  std::chrono::nanoseconds interval;
  template <class In>
  using out = In;
  template <class In, class Next>
  using sink = throttle_sink<In, Next>;
};

template <class In, class Next>
class timed_window_sink final : public timed_sink<timed_window_sink<In, Next>, Next> {
  using items = std::vector<std::remove_cvref_t<In>>;

public:
  template <class Stage>
  timed_window_sink(const Stage& s, Next&& next)
      : timed_window_sink::timed_sink(std::move(next)), length_(s.length), limit_(s.limit) {}
  bool push(In item) {
    if (window_.empty()) {
      if (!this->next_.wants()) return false;
      this->arm(length_);
    }
    window_.push_back(static_cast<In>(item));
    return window_.size() != limit_ || pass_on();
  }
  void due() override {
    if (!window_.empty()) (void)pass_on();
  }
  void complete() {
    if (!window_.empty()) (void)pass_on();
    this->next_.complete();
  }
  void reset() {
    window_.clear();
    this->disarm();
  }

private:
  bool pass_on() {
    this->disarm();
    return this->next_.push(std::exchange(window_, {}));
  }

  std::chrono::nanoseconds length_;
  std::size_t limit_;
  items window_;
};

struct timed_window_stage {
  std::chrono::nanoseconds length;
  std::size_t limit;
  template <class In>
  using out = std::vector<std::remove_cvref_t<In>>&&;
  template <class In, class Next>
  using sink = timed_window_sink<In, Next>;
};

/// The error of a `timeout`.
error nothing_has_come(std::chrono::nanoseconds within);

template <class In, class Next>
class timeout_sink final : public timed_sink<timeout_sink<In, Next>, Next> {
public:
  template <class Stage>
  timeout_sink(const Stage& s, Next&& next) : timeout_sink::timed_sink(std::move(next)), limit_(s.limit) {}
  void start(stream_clock& clock) {
    timeout_sink::timed_sink::start(clock);
    reset();
  }
  bool push(In item) {
    late_at_ = this->now() + limit_.count();
    return this->next_.push(static_cast<In>(item));
  }
  void due() override {
    const std::int64_t left = late_at_ - this->now();
    if (left > 0) return this->arm(std::chrono::nanoseconds(left));
    throw troupe_error(nothing_has_come(limit_));
  }
  void complete() {
    this->disarm();
    this->next_.complete();
  }
  void reset() {
    late_at_ = this->now() + limit_.count();
    this->arm(limit_);
  }

private:
  std::chrono::nanoseconds limit_;
  std::int64_t late_at_ = 0;
};

struct timeout_stage {
  std::chrono::nanoseconds limit;
  template <class In>
  using out = In;
  template <class In, class Next>
  using sink = timeout_sink<In, Next>;
};

}  // namespace troupe::detail
