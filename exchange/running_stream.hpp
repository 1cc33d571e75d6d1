#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include <troupe/actors/ref.hpp>
#include <troupe/exchange/detail/stream/stream_actor.hpp>
#include <troupe/scheduler/future.hpp>

namespace troupe {

/// A stream over exchanges that runs: an actor of its own, which lives until its sources have ended, until its
/// operators want no more, or until this handle goes. Move only; may outlive exchanges and runtime. Any thread, if the
/// handle itself is not moved at the same time.
class [[nodiscard]] running_stream {
public:
  /// Stands for no stream.
  running_stream() = default;
  /// Internal; terminal operations of streams give it.
  running_stream(std::shared_ptr<detail::stream_control> c, any_ref actor) noexcept
      : control_(std::move(c)), actor_(std::move(actor)) {}
  running_stream(running_stream&& other) noexcept
      : control_(std::move(other.control_)), actor_(std::move(other.actor_)) {}
  running_stream& operator=(running_stream&& other) noexcept {
    running_stream taken(std::move(other));
    std::swap(control_, taken.control_);
    std::swap(actor_, taken.actor_);
    return *this;
  }
  ~running_stream() { stop(); }

  /// True if it stands for a stream, which may have ended.
  explicit operator bool() const noexcept { return control_ != nullptr; }

  /// Takes no more from the exchanges: after it returns no stage is at work, unless this is called from within one, or
  /// `on_next` is a coroutine, which comes to its end. What is in windows is lost, and `on_completed` is not called.
  /// Does nothing to a stream that has ended.
  void stop() noexcept;

  /// Lets it run on without this handle, to the end of its sources.
  void detach() noexcept {
    control_ = nullptr;
    actor_ = {};
  }

  /// Waits until it has ended, and tells how: `crashed` if something threw and nobody handled it. OS threads. Errors:
  /// `timeout`; `invalid_argument` if it stands for no stream; those of `any_ref::join`.
  result<exit_reason> join(std::chrono::nanoseconds timeout = forever) const;

  /// The actor that runs it: to monitor it, to wait for its end in a coroutine by `when_ended()`, to read its name.
  const any_ref& actor() const noexcept { return actor_; }

private:
  std::shared_ptr<detail::stream_control> control_;
  any_ref actor_;
};

/// A running stream that comes to one value: what `reduce` and `to_vector` give over exchanges. The value is there when
/// the stream has ended. Errors of the value: what a stage threw and nobody handled; `empty`, for a `reduce` without an
/// initial value; `cancelled` if it was stopped before, and `closed` if its actor was, by a shutdown say.
template <class T>
class [[nodiscard]] stream_result : public running_stream {
public:
  stream_result() = default;
  /// Internal.
  stream_result(running_stream s, future<T> value) noexcept : running_stream(std::move(s)), value_(std::move(value)) {}

  /// Blocks the calling OS thread until the value is there. Errors: `timeout`, and those of the value.
  result<T> get(std::chrono::nanoseconds timeout = forever) { return value_.get(timeout); }

  /// The future of the value, for `co_await`.
  future<T>& value() noexcept { return value_; }

private:
  future<T> value_;
};

}  // namespace troupe
