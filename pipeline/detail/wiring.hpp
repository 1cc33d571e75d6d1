#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include <troupe/actors/runtime.hpp>
#include <troupe/exchange/exchange.hpp>
#include <troupe/exchange/exchange_info.hpp>
#include <troupe/exchange/kinds.hpp>
#include <troupe/exchange/tap.hpp>

namespace troupe::pipeline {

class context;

namespace detail {

/// How an exchange is made.
struct exchange_settings {
  queue for_queue{};           // of the kind queue
  exchange_options options{};  // of all others; `alternate` is there when all exchanges are
};

/// How an actor is attached.
struct attach_settings {
  subscribe_options options{};
  consume_options consume{};
};

/// Which of them the file says something of: a subscriber without options costs no line of its own.
enum class attach_with : std::uint8_t { nothing, options, prefetch };

/// An exchange of a running pipeline whose message type is known only to those who declared it. It holds a publisher
/// until `release()`, so that the exchange cannot end before all who publish to it were made.
class wired_exchange {
public:
  explicit wired_exchange(std::type_index message) : message_(message) {}
  wired_exchange(const wired_exchange&) = delete;
  wired_exchange& operator=(const wired_exchange&) = delete;
  virtual ~wired_exchange() = default;

  std::type_index message() const noexcept { return message_; }
  virtual void release() = 0;
  /// Passes on to `target`, of the same message, what `key` asks for, and counts as a publisher of it.
  virtual subscription pass_on(wired_exchange& target, const std::string& key) = 0;
  /// What nobody gets goes to the exchange of that name, of the same message.
  virtual void set_alternate(runtime& rt, const exchange_options& options) = 0;
  virtual troupe::detail::exchange_state& state() const noexcept = 0;
  virtual queue_counts counts() const noexcept = 0;

  const std::string& name() const noexcept { return state().name(); }
  /// How many messages reached nobody.
  std::uint64_t unroutable() const noexcept { return state().unroutable(); }
  /// Shows what is published. Throws as `exchange::tap`.
  virtual tap make_tap(tap_output to, std::string pattern) const = 0;

private:
  std::type_index message_;
};

template <class M>
class wired_exchange_of final : public wired_exchange {
public:
  wired_exchange_of(runtime& rt, const std::string& name, exchange_kind kind, const exchange_settings& settings)
      : wired_exchange(typeid(M)),
        exchange_(kind == exchange_kind::queue
                      ? troupe::exchange<M>(rt, name, settings.for_queue)
                      : troupe::exchange<M>(rt, name, kind, {.retention = settings.options.retention})),
        guard_(exchange_.publisher()) {}

  troupe::exchange<M>& exchange() noexcept { return exchange_; }
  void release() override { guard_ = {}; }
  subscription pass_on([[maybe_unused]] wired_exchange& target, [[maybe_unused]] const std::string& key) override {
    if constexpr (std::is_copy_constructible_v<M>)
      return exchange_.attach_input(static_cast<wired_exchange_of&>(target).exchange_, key);
    else
      return {};  // the check has refused it
  }
  void set_alternate(runtime& rt, const exchange_options& options) override {
    (void)troupe::exchange<M>(rt, exchange_.name(), exchange_.kind(), options);
  }
  troupe::detail::exchange_state& state() const noexcept override { return exchange_.state(); }
  queue_counts counts() const noexcept override { return exchange_.queue_counts(); }
  tap make_tap(tap_output to, std::string pattern) const override {
    return exchange_.tap(std::move(to), std::move(pattern));
  }

private:
  troupe::exchange<M> exchange_;
  troupe::publisher<M> guard_;
};

/// An actor of a running pipeline whose class is known only to those who declared it.
class member {
public:
  member() = default;
  member(const member&) = delete;
  member& operator=(const member&) = delete;
  virtual ~member() = default;

  virtual std::string name() const = 0;
  virtual future<exit_reason> when_ended() const = 0;

  void keep(subscription s) { subscriptions_.push_back(std::move(s)); }

private:
  std::vector<subscription> subscriptions_;
};

template <class A>
class member_of final : public member {
public:
  explicit member_of(ref<A> actor) : actor_(std::move(actor)) {}

  std::string name() const override { return actor_.name(); }
  future<exit_reason> when_ended() const override { return actor_.when_ended(); }

  const ref<A>& actor() const noexcept { return actor_; }

private:
  ref<A> actor_;
};

using make_exchange_function = std::shared_ptr<wired_exchange> (*)(runtime&, const std::string& name, exchange_kind,
                                                                   const exchange_settings&);
using spawn_function = std::unique_ptr<member> (*)(runtime&, const context&);
using attach_function = void (*)(wired_exchange&, member&, const std::string& key, attach_with, const attach_settings&);

}  // namespace detail

}  // namespace troupe::pipeline
