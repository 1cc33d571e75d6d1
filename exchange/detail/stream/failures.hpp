#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

#include <troupe/base/error.hpp>
#include <troupe/exchange/detail/stream/sink.hpp>

/// The error operators (OP3). Internal; users see `stream`.
namespace troupe::detail {

/// The error that stands for an exception: its own if it carries one, else `crashed` with what it says.
error error_of(const std::exception_ptr& why);

/// Of a `reduce` without an initial value.
error nothing_to_reduce();

/// Of a stream that has got its last item in place of an earlier one.
void log_late_failure(const std::exception_ptr& why);

/// Calls with the error, or with the exception if it takes that.
template <class F>
decltype(auto) call_with_failure(F& f, const std::exception_ptr& why) {
  if constexpr (std::is_invocable_v<F&, const error&>)
    return std::invoke(f, error_of(why));
  else
    return std::invoke(f, why);
}
template <class F>
inline constexpr bool takes_failure =
    std::is_invocable_v<F&, const error&> || std::is_invocable_v<F&, std::exception_ptr>;

/// Knows whether what stands behind it is at work, and so whose failure it is.
template <class Self, class Next>
class failure_sink : public stage_sink<Self, Next> {
public:
  using stage_sink<Self, Next>::stage_sink;
  void complete() {
    behind_ = true;
    this->next_.complete();
    behind_ = false;
  }
  void reset() noexcept { behind_ = false; }

protected:
  template <class In>
  bool pass_on(In&& item) {
    behind_ = true;
    const bool more = this->next_.push(std::forward<In>(item));
    behind_ = false;
    return more;
  }
  void begin_behind() noexcept { behind_ = true; }
  bool was_behind() noexcept { return std::exchange(behind_, false); }

private:
  bool behind_ = false;
};

template <class In, class F, class Next>
class recover_sink : public failure_sink<recover_sink<In, F, Next>, Next> {
public:
  template <class Stage>
  recover_sink(const Stage& s, Next&& next) : recover_sink::failure_sink(std::move(next)), f_(s.f) {}
  bool push(In item) { return !over_ && this->pass_on(static_cast<In>(item)); }
  void complete() {
    if (!over_) recover_sink::failure_sink::complete();
  }
  flow fail(std::exception_ptr why) {
    if (this->was_behind()) return this->next_.fail(std::move(why));
    if (over_) {
      // Of what stood in windows in front of this when the stream had its last item.
      log_late_failure(why);
      return flow::handled;
    }
    over_ = true;
    const auto replacement = [&]() -> std::remove_cvref_t<In> {
      try {
        return call_with_failure(f_, why);
      } catch (...) {
        this->begin_behind();  // it is for those behind this
        throw;
      }
    };
    std::remove_cvref_t<In> last = replacement();
    (void)this->pass_on(static_cast<In>(last));
    recover_sink::failure_sink::complete();
    return flow::handled;
  }
  bool wants() const { return !over_ && this->next_.wants(); }
  void reset() {
    over_ = false;
    recover_sink::failure_sink::reset();
  }

private:
  [[no_unique_address]] F f_;
  bool over_ = false;
};

template <class F>
struct recover_stage {
  F f;
  template <class In>
  using out = In;
  template <class In, class Next>
  using sink = recover_sink<In, F, Next>;
};

template <class In, class Next>
class retry_sink : public failure_sink<retry_sink<In, Next>, Next> {
public:
  static constexpr bool restarts = true;

  template <class Stage>
  retry_sink(const Stage& s, Next&& next)
      : retry_sink::failure_sink(std::move(next)), times_(s.times), left_(s.times) {}
  bool push(In item) { return this->pass_on(static_cast<In>(item)); }
  flow fail(std::exception_ptr why) {
    if (this->was_behind() || left_ == 0) return this->next_.fail(std::move(why));
    --left_;
    asked_ = true;
    return flow::again;
  }
  bool restart() { return std::exchange(asked_, false) || retry_sink::failure_sink::restart(); }  // OP4
  void reset() {
    left_ = times_;
    retry_sink::failure_sink::reset();
  }

private:
  std::size_t times_;
  std::size_t left_;
  bool asked_ = false;
};

struct retry_stage {
  std::size_t times;
  template <class In>
  using out = In;
  template <class In, class Next>
  using sink = retry_sink<In, Next>;
};

/// Gives a failure to `part`, and then those that handling it has led to.
template <class Part>
flow settle(Part& part, std::exception_ptr& why) {
  for (;;) {
    try {
      return part.fail(why);
    } catch (...) {
      why = std::current_exception();
    }
  }
}

}  // namespace troupe::detail
