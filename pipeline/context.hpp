#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>

#include <troupe/base/type_name.hpp>
#include <troupe/pipeline/detail/wiring.hpp>
#include <troupe/pipeline/value.hpp>

namespace troupe::pipeline {

/// What an actor of a pipeline is made from: its constructor takes a `const context&` and reads its parameters and
/// outputs there. Cheap to copy; safe to use from any thread.
class context {
public:
  /// An output port as it is wired.
  struct port {
    std::shared_ptr<detail::wired_exchange> exchange;  ///< what stands behind the port
    std::size_t fan_out = 0;                           ///< how many actors are attached to that exchange
  };

  /// What a member of a pipeline knows of itself.
  struct description {
    std::string name;                                  ///< of the member, such as "read[2]"
    std::size_t index = 0;                             ///< of the member, 0 to count - 1
    std::size_t count = 1;                             ///< how many members the actor has
    std::map<std::string, value, std::less<>> values;  ///< the parameters, defaults filled in
    std::map<std::string, port, std::less<>> outputs;  ///< by port
    std::function<void()> stop;                        ///< ends the run quietly
  };

  /// Internal: made by the run.
  explicit context(description d) : description_(std::make_shared<const description>(std::move(d))) {}

  /// The value of a parameter that the class declared with the type T. Throws `troupe_error` (`not_found`,
  /// `type_mismatch`) where the class did not.
  template <class T>
  const T& get(std::string_view parameter) const {
    return std::get<T>(find(parameter, detail::value_type_of<T>::value));
  }

  /// A publisher on the exchange behind an output port. The exchange ends when the last of its publishers has gone:
  /// keep it as a member of the actor. Throws `troupe_error` where the class declared no such port or another message
  /// type.
  template <class M>
  troupe::publisher<M> output(std::string_view port_name) const {
    auto& exchange = *find_port(port_name).exchange;
    if (exchange.message() != std::type_index(typeid(M))) wrong_message(port_name, type_name<M>());
    return static_cast<detail::wired_exchange_of<M>&>(exchange).exchange().publisher();
  }

  /// How many actors are attached to the exchange behind an output port: the number of shards for one who shards by
  /// key.
  std::size_t fan_out(std::string_view port_name) const { return find_port(port_name).fan_out; }

  /// The member's number, 0 to `count() - 1`.
  std::size_t index() const noexcept { return description_->index; }

  /// How many members the actor has.
  std::size_t count() const noexcept { return description_->count; }

  /// The member's name, such as "walk", or "read[2]" where there are several.
  const std::string& name() const noexcept { return description_->name; }

  /// Ends the whole run early and without an error, as a sink does whose reader has closed the pipe. Returns at once.
  void stop_run() const {
    if (description_->stop) description_->stop();
  }

private:
  const value& find(std::string_view parameter, value_type wanted) const;
  const port& find_port(std::string_view port_name) const;
  [[noreturn]] void wrong_message(std::string_view port_name, std::string_view asked) const;

  std::shared_ptr<const description> description_;
};

}  // namespace troupe::pipeline
