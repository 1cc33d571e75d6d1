#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include <troupe/actors/runtime.hpp>
#include <troupe/exchange/exchange.hpp>
#include <troupe/exchange/kinds.hpp>

namespace troupe::pipeline {

class context;

namespace detail {

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
  /// Its name, and how many messages reached nobody.
  virtual const std::string& name() const noexcept = 0;
  virtual std::uint64_t unroutable() const noexcept = 0;

private:
  std::type_index message_;
};

template <class M>
class wired_exchange_of final : public wired_exchange {
public:
  wired_exchange_of(runtime& rt, const std::string& name, exchange_kind kind)
      : wired_exchange(typeid(M)), exchange_(rt, name, kind), guard_(exchange_.publisher()) {}

  troupe::exchange<M>& exchange() noexcept { return exchange_; }
  void release() override { guard_ = {}; }
  const std::string& name() const noexcept override { return exchange_.name(); }
  std::uint64_t unroutable() const noexcept override { return exchange_.unroutable(); }

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

using make_exchange_function = std::shared_ptr<wired_exchange> (*)(runtime&, const std::string& name, exchange_kind);
using spawn_function = std::unique_ptr<member> (*)(runtime&, const context&);
/// `options` may be null.
using attach_function = void (*)(wired_exchange&, member&, std::string key, const subscribe_options* options);

}  // namespace detail

}  // namespace troupe::pipeline
