#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <troupe/exchange/detail/stand_in.hpp>
#include <troupe/exchange/detail/tap_binding.hpp>
#include <troupe/exchange/detail/tap_state.hpp>
#include <troupe/exchange/message_text.hpp>
#include <troupe/exchange/tap_handle.hpp>

namespace troupe::detail {

/// A message as a tap gets it: a copy, whose text is made when it is shown; of what cannot be copied, its text.
template <class M>
struct tapped_message {
  static constexpr bool is_copy = std::is_copy_constructible_v<M>;
  std::string key;
  std::conditional_t<is_copy, M, std::string> content;
};

/// Tells what it gets, in the order in which it was published.
template <class M>
class tap_actor final : public actor {
public:
  explicit tap_actor(tap_output to) : to_(std::move(to)) {}

  void on(const tapped_message<M>& m) {
    if constexpr (tapped_message<M>::is_copy)
      to_.show(++number_, m.key, to_text(m.content));
    else
      to_.show(++number_, m.key, m.content);
  }
  void on(const lagged& l) {
    number_ += l.count;
    if (to_.missed) to_.missed(l.count);
  }

private:
  tap_output to_;
  std::uint64_t number_ = 0;
};

template <class M>
struct tap_binding_of final : tap_binding<M> {
  using tap_binding<M>::tap_binding;
  ~tap_binding_of() override {
    if (this->backlog) this->backlog->binding_gone();
  }

  void left(cell& c) noexcept override {
    if (this->backlog) this->backlog->binding_left(c);
  }

  void take(const M& message, std::string_view routing_key, publish_aftermath& after) noexcept override {
    using seen = tapped_message<M>;
    try {
      boxed_message copy;
      if constexpr (seen::is_copy)
        copy.box = new shared_message<seen>(seen{std::string(routing_key), message}, 1);
      else
        copy.box = new shared_message<seen>(seen{std::string(routing_key), to_text(message)}, 1);
      (void)this->backlog->push(copy, *this, sizeof(M), nullptr, after);
    } catch (...) {
      this->backlog->missed(1);
    }
  }
};

template <class M>
tap make_tap(const std::shared_ptr<exchange_state>& of, std::string pattern, tap_output to) {
  using seen = tapped_message<M>;
  of->check_tap(pattern);
  const auto shows = spawn_stand_in<tap_actor<M>>(of->home(), std::move(to));
  try {
    const subscribe_options options{.policy = subscription_policy::drop_oldest, .limit = tap::limit};
    auto line = std::make_shared<backlog<seen>>(address<seen>(shows), options,
                                                backlog_base::notices{.lag = address<lagged>(shows)}, of);
    auto b = std::make_unique<tap_binding_of<M>>(shows, std::move(pattern));
    const auto made = std::make_shared<tap_state>(of, shows, std::move(line), std::move(b));
    made->enter();
    return tap(made);
  } catch (...) {
    shows.kill();
    throw;
  }
}

}  // namespace troupe::detail
