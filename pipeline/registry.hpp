#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include <troupe/pipeline/context.hpp>
#include <troupe/pipeline/detail/wiring.hpp>
#include <troupe/pipeline/value.hpp>

namespace troupe::pipeline {

/// A message type under the name that pipeline files use.
struct message_info {
  std::string name;                              ///< in pipeline files
  std::type_index type;                          ///< in the program
  std::type_index dead_letter;                   ///< `dead_lettered` of it
  bool copyable;                                 ///< an exchange can pass it on to another
  detail::make_exchange_function make_exchange;  ///< internal
};

/// A parameter that an actor class declared.
struct parameter_info {
  std::string name;                    ///< in pipeline files
  value_type type;                     ///< of its values
  std::string help;                    ///< one line for people
  std::optional<value> default_value;  ///< none: the parameter is required
  std::optional<double> minimum;       ///< of an integer or a number
};

/// A message type that an actor class takes from the exchanges it is attached to.
struct input_info {
  std::shared_ptr<const message_info> message;  ///< never null
  bool by_hand;                                 ///< it takes a `delivery` of it, which only queues give
  detail::attach_function attach;               ///< internal
};

/// A port by which an actor class publishes.
struct output_info {
  std::string name;                             ///< in pipeline files
  std::shared_ptr<const message_info> message;  ///< never null
};

/// An actor class as it was registered.
struct class_info {
  std::string name;                        ///< in pipeline files
  std::string help;                        ///< one line for people
  std::vector<parameter_info> parameters;  ///< in the order of registration, as all
  std::vector<input_info> inputs;          ///< none: it is a source
  std::vector<output_info> outputs;        ///< none: it is a sink
  detail::spawn_function spawn;            ///< internal
};

template <class A>
class class_builder;

/// The actor classes, message types and kinds of exchanges that a pipeline file may name. An object: fill it, then
/// check and run pipelines with it. Not thread safe while it is filled. Throws `troupe_error` where a registration
/// contradicts another.
class registry {
public:
  /// Gives a message type its name. Each type has one name and each name one type; saying the same again is harmless.
  template <class M>
  registry& message(std::string name) {
    add_message({std::move(name), typeid(M), typeid(dead_lettered<M>), std::is_copy_constructible_v<M>,
                 +[](runtime& rt, const std::string& exchange, exchange_kind kind,
                     const detail::exchange_settings& settings) -> std::shared_ptr<detail::wired_exchange> {
                   return std::make_shared<detail::wired_exchange_of<M>>(rt, exchange, kind, settings);
                 }});
    return *this;
  }

  /// Makes a kind of exchange of one's own known, by its own name. The kinds that Troupe has are known.
  registry& kind(const exchange_kind& k);

  /// Registers an actor class, which is constructed from a `const context&`. Declare its parameters, inputs and outputs
  /// on what is returned; the messages must have been named before.
  template <class A>
  class_builder<A> actor(std::string name, std::string help) {
    static_assert(std::is_constructible_v<A, const context&>,
                  "an actor class of a pipeline has a constructor that takes a const troupe::pipeline::context&");
    return class_builder<A>(*this,
                            add_class({std::move(name),
                                       std::move(help),
                                       {},
                                       {},
                                       {},
                                       +[](runtime& rt, const context& c) -> std::unique_ptr<detail::member> {
                                         return std::make_unique<detail::member_of<A>>(rt.spawn_named<A>(c.name(), c));
                                       }}));
  }

  /// The class of that name, or null.
  std::shared_ptr<const class_info> find_class(std::string_view name) const;

  /// The message type of that name, or null.
  std::shared_ptr<const message_info> find_message(std::string_view name) const;

  /// The kind of exchange of that name, or null.
  const exchange_kind* find_kind(std::string_view name) const;

  /// All kinds of exchanges: those that Troupe has, then one's own in the order of registration.
  const std::vector<exchange_kind>& kinds() const { return kinds_; }

  /// All classes, by name.
  std::vector<std::shared_ptr<const class_info>> classes() const;

  /// All message types, by name.
  std::vector<std::shared_ptr<const message_info>> messages() const;

private:
  template <class A>
  friend class class_builder;

  void add_message(message_info info);
  std::shared_ptr<class_info> add_class(class_info info);
  void add_parameter(class_info& to, parameter_info info);
  void add_input(class_info& to, std::type_index message, std::string_view spelled, bool by_hand,
                 detail::attach_function attach);
  void add_output(class_info& to, std::string port, std::type_index message, std::string_view spelled);
  void set_minimum(class_info& of, double minimum);
  std::shared_ptr<const message_info> named_message(const class_info& of, std::type_index type,
                                                    std::string_view spelled) const;

  std::map<std::string, std::shared_ptr<class_info>, std::less<>> classes_;
  std::map<std::string, std::shared_ptr<const message_info>, std::less<>> messages_;
  std::map<std::type_index, std::shared_ptr<const message_info>> by_type_;
  std::vector<exchange_kind> kinds_{exchange_kind::fanout,  exchange_kind::direct,          exchange_kind::topic,
                                    exchange_kind::headers, exchange_kind::consistent_hash, exchange_kind::work_queue,
                                    exchange_kind::queue};
};

/// Declares what an actor class has; returned by `registry::actor`. Calls may be chained.
template <class A>
class class_builder {
public:
  /// A required parameter.
  template <class T>
  class_builder& parameter(std::string name, std::string help) {
    registry_.add_parameter(*class_, {std::move(name), detail::value_type_of<T>::value, std::move(help), {}, {}});
    return *this;
  }

  /// A parameter with a default.
  template <class T>
  class_builder& parameter(std::string name, std::string help, std::type_identity_t<T> default_value) {
    registry_.add_parameter(*class_, {std::move(name),
                                      detail::value_type_of<T>::value,
                                      std::move(help),
                                      value(std::in_place_type<T>, std::move(default_value)),
                                      {}});
    return *this;
  }

  /// The least value of the parameter declared last, an integer or a number.
  class_builder& at_least(double minimum) {
    registry_.set_minimum(*class_, minimum);
    return *this;
  }

  /// A message that the class has a handler for and takes from the exchanges it is attached to: itself, or for queues a
  /// `delivery` of it. A class with inputs must be attached; its actor is closed when all that it is attached to has
  /// ended.
  template <class M>
  class_builder& input() {
    registry_.add_input(
        *class_, typeid(M), type_name<M>(), handles<A, delivery<M>> && !handles_shared<A, M>,
        +[](detail::wired_exchange& from, detail::member& to, const std::string& key, detail::attach_with with,
            const detail::attach_settings& settings) {
          auto& exchange = static_cast<detail::wired_exchange_of<M>&>(from).exchange();
          auto& actor = static_cast<detail::member_of<A>&>(to).actor();
          switch (with) {
            case detail::attach_with::nothing: return to.keep(exchange.attach_input(actor, key));
            case detail::attach_with::options: return to.keep(exchange.attach_input(actor, key, settings.options));
            case detail::attach_with::prefetch: return to.keep(exchange.attach_input(actor, settings.consume));
          }
        });
    return *this;
  }

  /// A port by which the class publishes; the actor takes it with `context::output<M>(port)`.
  template <class M>
  class_builder& output(std::string port) {
    registry_.add_output(*class_, std::move(port), typeid(M), type_name<M>());
    return *this;
  }

private:
  friend class registry;
  class_builder(registry& r, std::shared_ptr<class_info> c) : registry_(r), class_(std::move(c)) {}

  registry& registry_;
  std::shared_ptr<class_info> class_;
};

}  // namespace troupe::pipeline
