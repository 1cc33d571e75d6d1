#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <troupe/exchange/detail/publish.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe::detail {

/// Room in a backlog is wanted: see `operation`. It is not reserved: whoever has waited looks again.
class room_request {
public:
  room_request(std::shared_ptr<backlog_base> b, std::size_t bytes) noexcept : backlog_(std::move(b)), bytes_(bytes) {}

  spin_lock& guard() noexcept { return backlog_->guard(); }
  static bool try_fast(const void*) noexcept { return false; }
  bool try_locked(wait_node& n) noexcept { return !backlog_->wait_for_room(n, bytes_); }
  static void give_back() noexcept {}
  static void left(wake_list&) noexcept {}
  const void* owner() const noexcept { return static_cast<strand*>(&backlog_->reader()); }
  std::string what() const { return backlog_->describe_room(); }
  result<void> finish(const wait_end& how, const std::string* story) const {
    if (how == wait_outcome::granted) return {};
    if (how == wait_outcome::deadlock && story) return error(errc::deadlock, *story);
    return error_of(how, what());
  }

private:
  std::shared_ptr<backlog_base> backlog_;
  std::size_t bytes_;
};

/// The first subscriber that would get the message, here or behind exchanges that it goes on to, whose policy is to
/// block, and that has no room. Null if all have some; the answer may be old when it comes.
template <class M>
std::shared_ptr<backlog_base> find_full(exchange_state& exchange, std::string_view key, const M& message,
                                        std::size_t bytes) {
  std::shared_ptr<backlog_base> full;
  if (const outlets* const out = exchange.elsewhere()) {
    const message_facts<M> facts(exchange.kind(), key, message);
    const entered_bindings targets(*out, *facts);
    for (const exchange_binding* to : targets) {
      if ((full = find_full<M>(*to->target, key, message, bytes))) return full;
    }
  }
  epoch_guard pinned;
  const auto look = [&](const binding& b) {
    if (!full && b.backlog && b.backlog->blocks(bytes)) full = b.backlog->shared_from_this();
  };
  if (exchange.kind() == exchange_kind::fanout) {
    exchange.log().for_each_backlog(look);
  } else if (exchange.kind() != exchange_kind::work_queue && exchange.kind() != exchange_kind::queue) {
    borrowed_route found;
    const message_facts<M> facts(exchange.kind(), key, message);
    exchange.routes().find(*facts, *found);
    (*found).finish([](std::size_t) {}, look);
  }
  return full;
}

/// A publish that waits until all who get the message have room: each time one has made some, it looks again.
template <class M>
class [[nodiscard]] waiting_publish {
public:
  waiting_publish(std::shared_ptr<exchange_state> to, std::string_view key, M&& message,
                  std::chrono::nanoseconds timeout)
      : to_(std::move(to)), key_(key), message_(std::move(message)), bytes_(bytes_for(message_)), timeout_(timeout) {}
  waiting_publish(const waiting_publish&) = delete;
  waiting_publish& operator=(const waiting_publish&) = delete;

  /// Blocks the calling OS thread.
  result<std::size_t> get() {
    begin();
    while (auto full = find_full<M>(*to_, key_, message_, bytes_)) {
      operation room(room_request(std::move(full), bytes_), left());
      if (result<void> waited = room.get(); !waited) return waited.error();
    }
    return publish_now();
  }

  auto operator co_await() & {
    wait_ = run(*this);
    return wait_.operator co_await();
  }
  auto operator co_await() && {
    refuse_temporary<waiting_publish>();
    return operator co_await();
  }

  static constexpr bool dies_twice = std::is_aggregate_v<M> && !std::is_trivially_destructible_v<M>;

private:
  static task<result<std::size_t>> run(waiting_publish& self) {
    self.begin();
    for (;;) {
      std::shared_ptr<backlog_base> full = find_full<M>(*self.to_, self.key_, self.message_, self.bytes_);
      if (!full) co_return self.publish_now();
      operation room(room_request(std::move(full), self.bytes_), self.left());
      const result<void> waited = co_await room;
      if (!waited) co_return waited.error();
    }
  }

  void begin() {
    if (std::exchange(begun_, true)) used_twice();
    if (timeout_ != forever) deadline_ = party_now() + timeout_.count();
  }
  std::chrono::nanoseconds left() const {
    if (timeout_ == forever) return forever;
    return std::chrono::nanoseconds(std::max<std::int64_t>(0, deadline_ - party_now()));
  }
  result<std::size_t> publish_now() {
    const publish_result got = publish<M>(*to_, key_, std::move(message_));
    if (got.receivers == 0 && got.refused != 0)
      return error(errc::full, to_->kind() == exchange_kind::queue
                                   ? "queue '" + to_->name() + "' is full: it blocks nobody, a publish_window waits"
                                   : "exchange '" + to_->name() + "': nobody who gets the message has room for it");
    return got.receivers;
  }

  std::shared_ptr<exchange_state> to_;
  std::string key_;
  M message_;
  std::size_t bytes_;
  std::chrono::nanoseconds timeout_;
  std::int64_t deadline_ = 0;
  bool begun_ = false;
  task<result<std::size_t>> wait_;
};

}  // namespace troupe::detail
