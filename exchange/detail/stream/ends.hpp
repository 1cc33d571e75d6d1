#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/base/error.hpp>
#include <troupe/exchange/detail/stream/failures.hpp>
#include <troupe/exchange/detail/stream/sink.hpp>

/// What stands at the end of a stream. Internal.
namespace troupe::detail {

/// Folds into a value of the caller's.
template <class In, class T, class F>
class fold_end : public stream_end {
public:
  fold_end(T& sum, F& f) noexcept : sum_(&sum), f_(&f) {}
  bool push(In item) {
    *sum_ = std::invoke(*f_, std::move(*sum_), static_cast<In>(item));
    return true;
  }

private:
  T* sum_;
  F* f_;
};

/// The same, where the first item is what is begun with.
template <class In, class T, class F>
class fold_first_end : public stream_end {
public:
  fold_first_end(std::optional<T>& sum, F& f) noexcept : sum_(&sum), f_(&f) {}
  bool push(In item) {
    if (*sum_)
      **sum_ = std::invoke(*f_, std::move(**sum_), static_cast<In>(item));
    else
      sum_->emplace(static_cast<In>(item));
    return true;
  }

private:
  std::optional<T>* sum_;
  F* f_;
};

template <class In>
class collect_end : public stream_end {
public:
  explicit collect_end(std::vector<std::remove_cvref_t<In>>& all) noexcept : all_(&all) {}
  bool push(In item) {
    all_->push_back(static_cast<In>(item));
    return true;
  }

private:
  std::vector<std::remove_cvref_t<In>>* all_;
};

/// What `subscribe` makes of up to three functions.
struct nothing_to_call {};
template <class OnNext, class OnCompleted = nothing_to_call, class OnError = nothing_to_call>
struct observer_of {
  [[no_unique_address]] OnNext next;
  [[no_unique_address]] OnCompleted completed;
  [[no_unique_address]] OnError error;

  template <class In>
  requires std::invocable<OnNext&, In>
  auto on_next(In&& item) { return std::invoke(next, std::forward<In>(item)); }
  void on_completed() requires std::invocable<OnCompleted&> { std::invoke(completed); }
  void on_error(const std::exception_ptr& why) requires takes_failure<OnError> { call_with_failure(error, why); }
};

template <class O>
void tell_completed(O& observer) {
  if constexpr (requires { observer.on_completed(); }) observer.on_completed();
}
template <class O>
inline constexpr bool takes_errors = requires(O& o, const std::exception_ptr& why) {
  o.on_error(why);
}
|| requires(O& o, const error& e) { o.on_error(e); };

/// False if it does not want to know.
template <class O>
bool tell_failed(O& observer, const std::exception_ptr& why) {
  if constexpr (requires { observer.on_error(error_of(why)); })
    observer.on_error(error_of(why));
  else if constexpr (requires { observer.on_error(why); })
    observer.on_error(why);
  return takes_errors<O>;
}

/// Calls an observer. What itself throws goes to its `on_error`, once.
template <class In, class O>
class observer_end : public stream_end {
public:
  explicit observer_end(O& observer) noexcept : observer_(&observer) {}
  bool push(In item) {
    observer_->on_next(static_cast<In>(item));
    return true;
  }
  void complete() {
    if (!std::exchange(over_, true)) tell_completed(*observer_);
  }
  flow fail(const std::exception_ptr& why) {
    if (std::exchange(over_, true) || !tell_failed(*observer_, why)) return flow::unhandled;
    return flow::handled;
  }
  bool wants() const noexcept { return !over_; }

private:
  O* observer_;
  bool over_ = false;
};

}  // namespace troupe::detail
