#pragma once

#include <concepts>
#include <memory>
#include <string_view>
#include <utility>

#include <troupe/exchange/detail/publish.hpp>

namespace troupe {

/// The right to publish, held by those whose end ends the exchange: typically a member of an actor. Move only; a
/// default-constructed one is not connected and publishes to nobody.
template <class M>
class publisher {
public:
  publisher() = default;
  /// Internal; users call `exchange::publisher`.
  explicit publisher(std::shared_ptr<detail::exchange_state> s) : state_(std::move(s)) { state_->add_publisher(); }
  publisher(publisher&& other) noexcept : state_(std::move(other.state_)) {}
  publisher& operator=(publisher&& other) noexcept {
    publisher taken(std::move(other));
    std::swap(state_, taken.state_);
    return *this;
  }
  ~publisher() {
    if (state_) state_->remove_publisher();
  }

  /// True if it is connected.
  explicit operator bool() const noexcept { return state_ != nullptr; }

  /// As `exchange::publish`. Any thread, if the publisher itself is not moved at the same time.
  std::size_t publish(M message) const { return publish({}, std::move(message)); }
  /// The same with a key.
  std::size_t publish(std::string_view key, M message) const { return try_publish(key, std::move(message)).receivers; }
  /// As `exchange::try_publish`.
  publish_result try_publish(M message) const { return try_publish({}, std::move(message)); }
  /// The same with a key.
  publish_result try_publish(std::string_view key, M message) const {
    return state_ ? detail::publish<M>(*state_, key, std::move(message)) : publish_result();
  }
  /// The same with headers.
  template <std::same_as<message_headers> H>
  std::size_t publish(const H& headers, M message) const {
    return state_ ? detail::publish<M>(*state_, {std::string_view(), &headers}, std::move(message)).receivers : 0;
  }

private:
  std::shared_ptr<detail::exchange_state> state_;
};

}  // namespace troupe
