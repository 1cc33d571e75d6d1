#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/exchange/detail/stream/ends.hpp>
#include <troupe/exchange/publisher.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/task.hpp>

/// What stands at the end of a stream over exchanges. Each is a state, and a sink that refers to it. Internal.
namespace troupe::detail {

/// The error of a stream that ends before its sources.
error ended_early(errc why);

template <class O>
struct observer_state {
  O observer;
  void abandon(errc why) {
    // Whoever has stopped it knows.
    if (why != errc::cancelled) (void)tell_failed(observer, std::make_exception_ptr(troupe_error(ended_early(why))));
  }
  template <class In>
  class sink : public observer_end<In, O> {
  public:
    explicit sink(observer_state& s) noexcept : observer_end<In, O>(s.observer) {}
  };
};

/// An observer whose `on_next` is a coroutine. The actor takes no message until it has awaited all that the last one
/// has led to: that is what waits here.
template <class O, class Item>
struct awaited_state {
  explicit awaited_state(O o) : observer(std::move(o)) {}

  O observer;
  std::deque<Item> waiting;
  bool completed = false;      // behind what waits
  std::exception_ptr failure;  // the same
  bool over = false;

  template <class In>
  class sink : public stream_end {
  public:
    explicit sink(awaited_state& s) noexcept : state_(&s) {}
    bool push(In item) {
      if (wants()) state_->waiting.push_back(static_cast<In>(item));
      return wants();
    }
    void complete() {
      state_->completed = true;
      state_->tell_if_completed();
    }
    /// What has come before the failure goes before it.
    flow fail(const std::exception_ptr& why) {
      if (state_->failure) return flow::unhandled;
      if (state_->waiting.empty() || state_->over) return state_->fail(why);
      state_->failure = why;
      return flow::handled;
    }
    bool wants() const noexcept { return !state_->over && !state_->failure; }

  private:
    awaited_state* state_;
  };

  bool has_pending() const noexcept { return !waiting.empty(); }

  task<> deliver() {
    std::exception_ptr thrown;
    try {
      while (!waiting.empty() && !over) {
        Item next = std::move(waiting.front());
        waiting.pop_front();
        auto taken = observer.on_next(std::move(next));
        co_await taken;
      }
    } catch (...) {
      thrown = std::current_exception();
    }
    if (!thrown) thrown = std::exchange(failure, nullptr);
    if (thrown && fail(thrown) == flow::unhandled) std::rethrow_exception(thrown);
    tell_if_completed();
  }

  void abandon(errc why) {
    if (why != errc::cancelled) (void)fail(std::make_exception_ptr(troupe_error(ended_early(why))));
  }

  void tell_if_completed() {
    if (!completed || failure || over || !waiting.empty()) return;
    over = true;
    tell_completed(observer);
  }

  flow fail(const std::exception_ptr& why) {
    waiting.clear();
    if (std::exchange(over, true) || !tell_failed(observer, why)) return flow::unhandled;
    return flow::handled;
  }
};

struct no_key {};

/// Publishes; holds the right to, so that the end of the stream is that of a publisher (X2).
template <class T, class KeyOf>
struct publish_state {
  publisher<T> to;
  [[no_unique_address]] KeyOf key_of;
  template <class In>
  class sink : public stream_end {
  public:
    explicit sink(publish_state& s) noexcept : state_(&s) {}
    bool push(In item) {
      if constexpr (std::is_same_v<KeyOf, no_key>) {
        state_->to.publish(T(static_cast<In>(item)));
      } else {
        const auto& key = std::invoke(state_->key_of, std::as_const(item));
        state_->to.publish(std::string_view(key), T(static_cast<In>(item)));
      }
      return true;
    }

  private:
    publish_state* state_;
  };
};

/// Gives one value when the stream ends. `Fold` has `add(item)` and `result()`.
template <class T, class Fold>
struct value_state {
  Fold fold;
  promise<T> value;

  template <class In>
  class sink : public stream_end {
  public:
    explicit sink(value_state& s) noexcept : state_(&s) {}
    bool push(In item) {
      state_->fold.add(static_cast<In>(item));
      return true;
    }
    void complete() {
      if (state_->value) state_->value.give(state_->fold.take());
    }
    flow fail(const std::exception_ptr& why) {
      return state_->value && state_->value.fail(error_of(why)) ? flow::handled : flow::unhandled;
    }
    bool wants() const noexcept { return static_cast<bool>(state_->value); }

  private:
    value_state* state_;
  };

  void abandon(errc why) {
    if (value) value.fail(ended_early(why));
  }
};

template <class T, class F>
struct fold_from {
  T sum;
  [[no_unique_address]] F f;
  template <class In>
  void add(In&& item) {
    sum = std::invoke(f, std::move(sum), std::forward<In>(item));
  }
  result<T> take() { return std::move(sum); }
};

template <class T, class F>
struct fold_from_first {
  std::optional<T> sum;
  [[no_unique_address]] F f;
  template <class In>
  void add(In&& item) {
    if (sum)
      *sum = std::invoke(f, std::move(*sum), std::forward<In>(item));
    else
      sum.emplace(std::forward<In>(item));
  }
  result<T> take() {
    if (!sum) return nothing_to_reduce();
    return std::move(*sum);
  }
};

template <class T>
struct collected {
  std::vector<T> all;
  template <class In>
  void add(In&& item) {
    all.push_back(std::forward<In>(item));
  }
  result<std::vector<T>> take() { return std::move(all); }
};

}  // namespace troupe::detail
