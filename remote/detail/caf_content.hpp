#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <caf/all.hpp>

#include <troupe/actors/core.hpp>
#include <troupe/base/error.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/base/type_name.hpp>
#include <troupe/remote/detail/handed_over.hpp>

/// Troupe's messages in CAF's clothes: CAF sees a tuple of one element, whose type its handlers are matched with. Its
/// own tuples want messages that can be serialized, or that the user has listed by a macro; these take any.
///
/// CB1. A message that crosses is one more that was sent (C3), and has one fate, when CAF has done with it: handled if
///     a handler was given it, or it went on as a `caf::message`; else it was `loss::unhandled`.
namespace troupe::detail {

/// As what CAF stores a T: the same, but for integers, of which it has one for each size.
template <class T>
using caf_stored = caf::detail::strip_and_convert_t<T>;

/// One value as CAF wants to see it. `Base` is one of CAF's interfaces for tuples.
template <class T, class Base>
class caf_value : public Base {
public:
  template <class... Args>
  explicit caf_value(std::in_place_t, Args&&... args) : value_(std::forward<Args>(args)...) {}
  caf_value(const caf_value&) = delete;
  caf_value& operator=(const caf_value&) = delete;

  std::size_t size() const noexcept override { return 1; }
  std::uint32_t type_token() const noexcept override { return caf::make_type_token<T>(); }
  caf::rtti_pair type(std::size_t) const noexcept override {
    taken_over(this);
    handed_over(this);  // whoever destroys it has got it from whoever looked at it
    return caf::make_rtti_pair<T>();
  }
  const void* get(std::size_t) const noexcept override { return &value_; }
  void* get_mutable(std::size_t) override { return &value_; }
  std::string stringify(std::size_t) const override { return type_name<T>(); }
  using Base::copy;
  caf::type_erased_value_ptr copy(std::size_t) const override {
    if constexpr (std::is_copy_constructible_v<T> && caf::is_serializable_or_whitelisted<T>::value)
      return caf::make_type_erased_value<T>(value_);
    else
      throw_cannot_copy();
  }
  using Base::load;
  caf::error load(std::size_t, caf::deserializer& source) override {
    if constexpr (caf::detail::is_serializable<T>::value)
      return source(value_);
    else
      return caf::sec::state_not_serializable;
  }
  using Base::save;
  caf::error save(std::size_t, caf::serializer& sink) const override {
    if constexpr (caf::detail::is_serializable<T>::value)
      return sink(const_cast<T&>(value_));
    else
      return caf::sec::state_not_serializable;
  }

protected:
  ~caf_value() override = default;

  [[noreturn]] static void throw_cannot_copy() {
    throw troupe_error(errc::invalid_argument, std::string("CAF wants a copy of a ") + type_name<T>());
  }

  T value_;
};

/// The content of a `caf::message`, which its copies share.
template <class T>
class caf_payload final : public caf_value<T, caf::detail::message_data> {
  using base = caf_value<T, caf::detail::message_data>;

public:
  using base::base;
  using base::copy;
  ~caf_payload() override { taken_over(static_cast<base*>(this)); }
  caf_payload* copy() const override {
    if constexpr (std::is_copy_constructible_v<T>)
      return new caf_payload(std::in_place, this->value_);
    else
      base::throw_cannot_copy();
  }
};

/// A message of one value; of none for void.
template <class T, class... Args>
caf::message make_caf_message(Args&&... args) {
  if constexpr (std::is_void_v<T>) {
    return caf::message();
  } else {
    using payload = caf_payload<caf_stored<T>>;
    caf::intrusive_ptr<payload> content(new payload(std::in_place, std::forward<Args>(args)...), false);
    handed_over(static_cast<caf_value<caf_stored<T>, caf::detail::message_data>*>(content.get()));
    return caf::message(caf::detail::message_data::cow_ptr(std::move(content)));
  }
}

/// A message of Troupe's on its way to an actor of CAF's. The classes of it say what comes of it when CAF has done.
template <class T>
class caf_carrier : public caf::mailbox_element, public caf_value<T, caf::type_erased_tuple>, public pooled {
protected:
  using value = caf_value<T, caf::type_erased_tuple>;

public:
  template <class... Args>
  explicit caf_carrier(Args&&... args) : value(std::in_place, std::forward<Args>(args)...) {
    handed_over(static_cast<value*>(this));
  }

  caf::type_erased_tuple& content() override { return *this; }
  const caf::type_erased_tuple& content() const override { return *this; }
  caf::message move_content_to_message() override {
    begun_ = true;
    return make_caf_message<T>(std::move(this->value_));
  }
  caf::message copy_content_to_message() const override {
    begun_ = true;
    if constexpr (std::is_copy_constructible_v<T>)
      return make_caf_message<T>(this->value_);
    else
      value::throw_cannot_copy();
  }

  const void* get(std::size_t at) const noexcept override {
    begun_ = true;
    return value::get(at);
  }
  void* get_mutable(std::size_t at) override {
    begun_ = true;
    return value::get_mutable(at);
  }

  static void* operator new(std::size_t bytes) { return pooled::operator new(bytes); }
  static void operator delete(void* block, std::size_t bytes) noexcept { pooled::operator delete(block, bytes); }

protected:
  ~caf_carrier() override { taken_over(static_cast<value*>(this)); }
  bool begun() const noexcept { return begun_; }

private:
  mutable bool begun_ = false;  // CB1
};

/// One that is counted when it crosses.
template <class T>
class caf_envelope final : public caf_carrier<T> {
public:
  template <class... Args>
  explicit caf_envelope(core& k, Args&&... args) : caf_carrier<T>(std::forward<Args>(args)...), core_(&k) {}

private:
  ~caf_envelope() override {
    if (this->begun())
      core_->count(&core::counters::handled);
    else
      core_->lose(loss::unhandled, type_name<T>());
  }

  core* core_;
};

}  // namespace troupe::detail
