#pragma once

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/base/log.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/scheduler/detail/crew.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/green_thread.hpp>

namespace troupe::detail {

/// What a call returns, or the text of its exception.
template <class R, class Call>
result<R> outcome_of(Call&& call) noexcept {
  try {
    if constexpr (std::is_void_v<R>) {
      call();
      return {};
    } else {
      return call();
    }
  } catch (...) {
    return error(errc::crashed, current_exception_text());
  }
}

/// A job whose result somebody may want.
template <class R, class F, class Args>
class submitted final : public crew_job, public pooled {
public:
  submitted(promise<R> p, F f, Args args) : promise_(std::move(p)), f_(std::move(f)), args_(std::move(args)) {}

  void run() noexcept override {
    if (promise_.state().ready()) return delete this;
    give(outcome_of<R>([&] { return std::apply(f_, std::move(args_)); }));
  }
  void refuse(const error& why) noexcept override { give(why); }

private:
  void give(result<R> r) noexcept {
    promise<R> p = std::move(promise_);
    delete this;  // what the callable holds has gone when the result comes
    p.give(std::move(r));
  }

  promise<R> promise_;
  F f_;
  Args args_;
};

/// One without.
template <class F>
class posted final : public crew_job, public pooled {
public:
  explicit posted(F f) : f_(std::move(f)) {}

  void run() noexcept override {
    const result<void> outcome = outcome_of<void>([&] { f_(); });
    delete this;
    if (!outcome) report(outcome.error());
  }
  void refuse(const error& why) noexcept override {
    delete this;
    report(why);
  }

private:
  static void report(const error& why) noexcept { log_line("a posted job failed: " + why.message()); }

  F f_;
};

/// The results of one job of `map`: each element has its own.
template <class R, class F, class T>
std::vector<result<R>> map_chunk(F f, std::vector<T> chunk) {
  std::vector<result<R>> results;
  results.reserve(chunk.size());
  for (T& element : chunk) results.push_back(outcome_of<R>([&] { return f(std::move(element)); }));
  return results;
}

}  // namespace troupe::detail
