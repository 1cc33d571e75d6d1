#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <troupe/actors/actor.hpp>
#include <troupe/actors/address.hpp>
#include <troupe/actors/delivery_gate.hpp>
#include <troupe/exchange/detail/stream/clock.hpp>
#include <troupe/exchange/subscription.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/task.hpp>

/// What runs a stream over exchanges: one actor, whose inputs are the exchanges. Internal.
///
/// SA1. The inputs of the actor are the subscriptions in `stream_control`; when all of their exchanges have ended it is
///      closed (X2), and completes the stream in `on_stop`.
/// SA2. Subscriptions are detached without the lock: whoever detaches may wait for the handler, and the handler
///      detaches too.
/// SA3. After `running_stream::stop` no stage is at work: messages pass the gates of their subscriptions, timers and
///      the end that of `stream_control`.
namespace troupe::detail {

/// What the actor of a stream and its handle share.
class stream_control {
public:
  explicit stream_control(std::size_t inputs) : inputs_(inputs) {}

  /// Keeps a subscription; detaches it at once if the stream is over.
  void keep(std::size_t input, subscription s);
  void detach(std::size_t input) noexcept;
  void detach_all() noexcept;

  /// What the actor does but for messages of exchanges goes through this; the handle closes it (SA3).
  delivery_gate gate;

  /// What goes on behind the end of the actor.
  void keep_rest(future<void> rest);
  future<void> take_rest();

private:
  std::mutex mutex_;
  std::vector<subscription> inputs_;  // under mutex_
  bool over_ = false;                 // under mutex_
  future<void> rest_;                 // under mutex_
};

/// The stages of a stream, for the actor that runs them. All but the constructor is called in its slice.
class stream_program {
public:
  explicit stream_program(std::shared_ptr<stream_control> c) : control(std::move(c)) {}
  stream_program(const stream_program&) = delete;
  stream_program& operator=(const stream_program&) = delete;
  virtual ~stream_program() = default;

  virtual void begin() = 0;
  virtual void due(const stream_due& d) = 0;
  /// All sources have ended.
  virtual void end() = 0;
  /// It will not come to its end.
  virtual void abandon(errc why) = 0;
  virtual bool sources_have_ended() const = 0;
  /// Whether items wait for `deliver`, which awaits the observer.
  virtual bool has_pending() const noexcept { return false; }
  virtual task<> deliver();

  stream_clock clock;
  any_ref self;
  const std::shared_ptr<stream_control> control;
};

class stream_actor final : public actor {
public:
  explicit stream_actor(std::shared_ptr<stream_program> p) : program_(std::move(p)) {}

  void on_start();
  task<> on(stream_due d);
  void on_stop();

  stream_program& program() noexcept { return *program_; }

private:
  std::shared_ptr<stream_program> program_;
};

/// Makes the actor; its name says of which exchange. Throws what `runtime::spawn` throws.
any_ref spawn_stream(core& home, const std::string& of, std::shared_ptr<stream_program> p);

}  // namespace troupe::detail
