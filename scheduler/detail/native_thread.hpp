#pragma once

#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <troupe/base/log.hpp>
#include <troupe/scheduler/detail/thread_roster.hpp>
#include <troupe/scheduler/event.hpp>
#include <troupe/scheduler/scheduler.hpp>

namespace troupe::detail {

/// A thread of the operating system that stands in a roster, and whose end can be waited for until a deadline. Belongs
/// to one party at a time. A thread that is still running when this goes is left to itself.
class native_thread {
public:
  native_thread() = default;
  native_thread(const native_thread&) = delete;
  native_thread& operator=(const native_thread&) = delete;
  ~native_thread() { detach(); }

  /// Starts it; it must not have been started, or have been joined since. Sets `over` when it has ended and is listed
  /// no more. Throws `std::system_error`.
  template <class Body>
  void start(std::shared_ptr<thread_roster::entry> entry, Body body,
             std::shared_ptr<event> over = std::make_shared<event>()) {
    name_ = entry->name();
    thread_ = std::thread([entry = std::move(entry), over, body = std::move(body)]() mutable {
      entry->sign();
      body();
      { const Body gone(std::move(body)); }  // what it holds goes while the thread is still waited for
      entry.reset();
      over->set();
    });
    over_ = std::move(over);
  }

  bool joinable() const noexcept { return thread_.joinable(); }
  const std::string& name() const noexcept { return name_; }

  /// True once it has ended, or if it was never started; false at the deadline (steady clock), or on the thread itself.
  bool join_until(std::int64_t deadline) {
    if (!thread_.joinable()) return true;
    if (thread_.get_id() == std::this_thread::get_id()) return false;
    const std::int64_t left = deadline == timers::never ? forever.count() : deadline - steady_now();
    auto wait = over_->wait_for(std::chrono::nanoseconds(left));
    if (!wait.get() && !over_->is_set()) return false;
    thread_.join();
    return true;
  }

  void detach() noexcept {
    if (thread_.joinable()) thread_.detach();
  }

private:
  std::thread thread_;
  std::shared_ptr<event> over_;
  std::string name_;
};

}  // namespace troupe::detail
