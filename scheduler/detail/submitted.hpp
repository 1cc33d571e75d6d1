#pragma once

#include <exception>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/base/await_temporary_bug.hpp>
#include <troupe/base/log.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/scheduler/detail/crew.hpp>
#include <troupe/scheduler/detail/named.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/green_thread.hpp>

namespace troupe::detail {

/// What a call returns, or its exception as an error.
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
    return crash_of(std::current_exception());
  }
}

/// A job whose result somebody may want: the callable, its arguments and the state of the future in one piece of
/// memory.
///
/// SJ1. What it ran with goes before its result is there.
template <class R, class F, class... Args>
class submitted final : public crew_job, public future_state<R> {
public:
  static submitted* make(scheduler& home, F&& f, Args&&... args) {
    void* memory = pool_allocate(sizeof(submitted), alignof(submitted));
    try {
      return new (memory) submitted(home, std::move(f), std::move(args)...);
    } catch (...) {  // what the move of the callable or of an argument throws
      pool_free(memory, sizeof(submitted), alignof(submitted));
      throw;
    }
  }

  scheduler& provider() const noexcept override { return home_; }
  const void* owner() const noexcept override { return nullptr; }

  void run() noexcept override {
    if (!this->set_running()) return refuse(error(errc::cancelled));
    this->put(outcome_of<R>([this]() -> R { return std::apply(kept_.first, std::move(kept_.second)); }));
    end();
  }
  void refuse(const error& why) noexcept override {
    this->put(why);
    end();
  }

private:
  using kept = std::pair<F, std::tuple<Args...>>;

  submitted(scheduler& home, F&& f, Args&&... args)
      : home_(home), kept_(std::move(f), std::tuple<Args...>(std::move(args)...)) {}
  ~submitted() { this->report_if_unread(nullptr); }

  void end() noexcept {
    std::destroy_at(&kept_);
    this->complete();
  }
  void destroy() noexcept override {
    this->~submitted();
    pool_free(this, sizeof(submitted), alignof(submitted));
  }

  scheduler& home_;
  union {
    kept kept_;  // until `end`
  };
};

template <class F, class... Args>
using call_future = call_outcome<future<std::invoke_result_t<F&, Args...>>, F, Args...>;

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
