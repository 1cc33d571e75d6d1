#include <algorithm>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include <sched.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <troupe/exchange/router.hpp>
#include <troupe/pipeline/detail/order.hpp>
#include <troupe/pipeline/detail/plan.hpp>
#include <troupe/pipeline/detail/values.hpp>
#include <troupe/pipeline/text.hpp>

namespace troupe::pipeline::detail {

namespace {

constexpr std::int64_t max_workers = 1024;
constexpr std::int64_t max_members = 10'000;               // of one actor
constexpr std::int64_t max_limit = std::int64_t{1} << 48;  // messages or bytes that wait for an actor
constexpr std::string_view index_text = "{index}";

// What the runtime takes as its number of workers if nothing is said.
unsigned usable_cores() noexcept {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

template <class T>
std::vector<std::string> names_of(const std::vector<T>& infos) {
  std::vector<std::string> names;
  for (const auto& info : infos) names.push_back(info.name);
  return names;
}

template <class T>
std::vector<std::string> names_of(const std::vector<std::shared_ptr<const T>>& infos) {
  std::vector<std::string> names;
  for (const auto& info : infos) names.push_back(info->name);
  return names;
}

class checker {
public:
  checker(const file_model& model, const registry& classes, const load_options& options, diagnostics& errors,
          diagnostics& notes)
      : model_(model),
        classes_(classes),
        errors_(errors),
        notes_(notes),
        values_(model, options.set, options.require_values, errors, notes),
        workers_(options.workers) {}

  plan run() {
    plan_.file = model_.file;
    plan_.workers = workers();
    values_.define_workers(plan_.workers);
    check_exchanges();
    for (const auto& actor : model_.actors) check_actor(actor);
    check_bound();
    check_acyclic();
    check_used();
    return std::move(plan_);
  }

private:
  void report(location at, std::string message) { errors_.push_back({model_.file, at, std::move(message)}); }

  std::optional<std::int64_t> integer(const yaml_node& node, std::string_view what, std::int64_t most) {
    const auto v = values_.resolve(node, value_type::integer, what);
    if (!v) return {};
    const auto n = std::get<std::int64_t>(*v);
    if (n >= 1 && n <= most) return n;
    report(node.at, fmt::format("{}: expected 1 to {}, not {}", what, most, n));
    return {};
  }

  // What the caller says goes before what the file says; else one per core.
  unsigned workers() {
    std::optional<unsigned> n;
    if (model_.workers) {
      if (const auto said = integer(*model_.workers, "workers", max_workers)) n = static_cast<unsigned>(*said);
    }
    if (workers_ != 0) return workers_;
    return n ? *n : usable_cores();
  }

  // Remembers where a name stands first; diagnoses it where it stands again.
  void once(std::map<std::string, location>& seen, const located& name, std::string_view what) {
    if (name.text.empty()) return;
    const auto [first, is_new] = seen.emplace(name.text, name.at);
    if (!is_new)
      report(name.at,
             fmt::format("there is another {} '{}' on line {}", what, printable(name.text), first->second.line));
  }

  void check_exchanges() {
    std::map<std::string, location> seen;
    for (const auto& exchange : model_.exchanges) {
      once(seen, exchange.name, "exchange");
      std::shared_ptr<const message_info> message;
      if (const auto& name = exchange.message.text; !name.empty()) {
        message = classes_.find_message(name);
        if (!message)
          report(exchange.message.at, fmt::format("unknown message '{}'{}", printable(name),
                                                  suggestion(name, names_of(classes_.messages()))));
      }
      plan_.exchanges.push_back(
          {exchange.name.text, exchange.kind.value_or(exchange_kind::fanout), std::move(message), 0});
    }
    publishers_.resize(plan_.exchanges.size());
    attached_.resize(plan_.exchanges.size());
  }

  // The index of an exchange by name, the first of that name.
  std::optional<std::size_t> find_exchange(const located& name) {
    if (name.text.empty()) return {};
    const auto found = std::find_if(plan_.exchanges.begin(), plan_.exchanges.end(),
                                    [&](const exchange_plan& e) { return e.name == name.text; });
    if (found != plan_.exchanges.end()) return static_cast<std::size_t>(found - plan_.exchanges.begin());
    report(name.at, fmt::format("unknown exchange '{}'{}", printable(name.text),
                                suggestion(name.text, names_of(plan_.exchanges))));
    return {};
  }

  void check_actor(const actor_model& model) {
    once(actor_names_, model.name, "actor");
    actor_plan actor;
    actor.name = model.name.text;
    if (const auto& name = model.class_name.text; !name.empty()) {
      actor.actor_class = classes_.find_class(name);
      if (!actor.actor_class)
        report(model.class_name.at,
               fmt::format("unknown class '{}'{}", printable(name), suggestion(name, names_of(classes_.classes()))));
    }
    if (model.count) actor.count = static_cast<std::size_t>(integer(*model.count, "count", max_members).value_or(1));
    if (actor.actor_class) {
      check_settings(model, actor);
    } else {
      for (const auto& setting : model.settings) check_names(setting);
    }
    check_attach(model, actor);
    check_publish(model, actor);
    plan_.actors.push_back(std::move(actor));
  }

  // An actor whose name is missing has been diagnosed.
  static std::string name_of(const actor_model& model) {
    return model.name.text.empty() ? "this actor" : fmt::format("actor '{}'", printable(model.name.text));
  }

  static location where(const actor_model& model) { return model.name.text.empty() ? model.at : model.name.at; }

  void check_settings(const actor_model& model, actor_plan& actor) {
    const auto& info = *actor.actor_class;
    std::set<std::string> given;
    for (const auto& setting : model.settings) {
      const auto found = std::find_if(info.parameters.begin(), info.parameters.end(),
                                      [&](const parameter_info& p) { return p.name == setting.name.text; });
      if (found == info.parameters.end()) {
        report(setting.name.at,
               fmt::format("class '{}' has no parameter '{}'{}", info.name, printable(setting.name.text),
                           suggestion(setting.name.text, names_of(info.parameters))));
        check_names(setting);
        continue;
      }
      given.insert(found->name);
      check_setting(setting, *found, actor);
    }
    for (const auto& parameter : info.parameters) {
      if (given.contains(parameter.name)) continue;
      if (parameter.default_value) {
        actor.values.emplace(parameter.name, *parameter.default_value);
      } else {
        report(where(model), fmt::format("class '{}' needs the parameter '{}' ({}: {})", info.name, parameter.name,
                                         to_string(parameter.type), parameter.help));
      }
    }
  }

  // All that can be said of a setting without the parameter that it is for.
  void check_names(const setting_model& setting) {
    if (setting.value->is(yaml_node::kind::scalar))
      values_.check_names({setting.value->text, setting.value->at},
                          fmt::format("parameter '{}'", printable(setting.name.text)));
  }

  void check_setting(const setting_model& setting, const parameter_info& parameter, actor_plan& actor) {
    const auto what = fmt::format("parameter '{}'", parameter.name);
    if (setting.value->is(yaml_node::kind::null)) {
      report(setting.name.at,
             fmt::format("{}: expected a value of type {}, not nothing", what, to_string(parameter.type)));
      return;
    }
    auto resolved = values_.resolve(*setting.value, parameter.type, what);
    if (!resolved) return;
    if (parameter.minimum) {
      const auto* i = std::get_if<std::int64_t>(&*resolved);
      const double n = i != nullptr ? static_cast<double>(*i) : std::get<double>(*resolved);
      if (n < *parameter.minimum)
        report(setting.value->at, fmt::format("{}: expected at least {}, not {}", what, *parameter.minimum, n));
    }
    actor.values.emplace(parameter.name, std::move(*resolved));
  }

  void check_attach(const actor_model& model, actor_plan& actor) {
    const auto* info = actor.actor_class.get();
    if (info != nullptr && model.attach.empty() && !info->inputs.empty())
      report(where(model), fmt::format("{} needs 'attach': its class '{}' takes '{}'", name_of(model), info->name,
                                       fmt::join(messages_of(*info), "', '")));
    if (info != nullptr && !model.attach.empty() && info->inputs.empty()) {
      report(model.attach.front().exchange.at,
             fmt::format("class '{}' takes no messages: remove 'attach'", info->name));
      info = nullptr;
    }
    for (const auto& attachment : model.attach) {
      const auto index = find_exchange(attachment.exchange);
      if (!index) {
        if (attachment.key) values_.check_names(*attachment.key, "key");
        continue;
      }
      attached_[*index].push_back(plan_.actors.size());
      plan_.exchanges[*index].subscribers += actor.count;
      attach_plan attach{*index, nullptr, check_key(attachment, model_.exchanges[*index]),
                         check_options(attachment, model_.exchanges[*index])};
      const auto again = [&](const attach_plan& a) { return a.exchange == *index && a.key == attach.key; };
      if (std::any_of(actor.attach.begin(), actor.attach.end(), again))
        report(attachment.exchange.at, fmt::format("attached to '{}' a second time", attachment.exchange.text));
      if (info != nullptr) attach.attach = find_input(*info, plan_.exchanges[*index], attachment.exchange.at);
      actor.attach.push_back(std::move(attach));
    }
  }

  // What is said of messages that wait for the subscriber; none if nothing is, or if it is wrong.
  std::optional<subscribe_options> check_options(const attach_model& attachment, const exchange_model& exchange) {
    if (!attachment.policy && !attachment.limit && !attachment.limit_bytes) return {};
    const location at = attachment.policy ? attachment.policy->at : attachment.exchange.at;
    if (exchange.kind == exchange_kind::work_queue || exchange.kind == exchange_kind::queue) {
      report(at, fmt::format("the exchange '{}' is of kind {}: its subscribers have no policies and no limits",
                             exchange.name.text, to_string(*exchange.kind)));
      return {};
    }
    subscribe_options options;
    if (attachment.policy) {
      if (attachment.policy->text.empty()) return {};
      const auto names = policy_names();
      const auto found = std::find(names.begin(), names.end(), attachment.policy->text);
      if (found == names.end()) {
        report(at, fmt::format("unknown policy '{}'{}", printable(attachment.policy->text),
                               suggestion(attachment.policy->text, names)));
        return {};
      }
      options.policy = static_cast<subscription_policy>(found - names.begin());
    }
    const auto limit = [&](const yaml_ptr& node, std::string_view what, std::size_t& to) {
      if (!node) return true;
      const auto n = integer(*node, what, max_limit);
      if (n) to = static_cast<std::size_t>(*n);
      return n.has_value();
    };
    if (!limit(attachment.limit, "limit", options.limit)) return {};
    if (!limit(attachment.limit_bytes, "limit_bytes", options.limit_bytes)) return {};
    if (!troupe::check(options)) {
      report(at, fmt::format("the policy {} needs a 'limit' (messages) or 'limit_bytes'", to_string(options.policy)));
      return {};
    }
    return options;
  }

  // In the order of `subscription_policy`.
  static std::vector<std::string> policy_names() {
    std::vector<std::string> names;
    for (const auto p : {subscription_policy::block, subscription_policy::drop_oldest, subscription_policy::drop_newest,
                         subscription_policy::conflate, subscription_policy::disconnect, subscription_policy::fail})
      names.emplace_back(to_string(p));
    return names;
  }

  static std::vector<std::string> messages_of(const class_info& info) {
    std::vector<std::string> names;
    for (const auto& input : info.inputs) names.push_back(input.message->name);
    return names;
  }

  attach_function find_input(const class_info& info, const exchange_plan& exchange, location at) {
    if (!exchange.message) return nullptr;
    for (const auto& input : info.inputs)
      if (input.message->type == exchange.message->type) return input.attach;
    report(at, fmt::format("the exchange '{}' carries '{}', but class '{}' takes '{}'", exchange.name,
                           exchange.message->name, info.name, fmt::join(messages_of(info), "', '")));
    return nullptr;
  }

  std::string check_key(const attach_model& attachment, const exchange_model& exchange) {
    if (!exchange.kind) {
      if (attachment.key) values_.check_names(*attachment.key, "key");
      return {};
    }
    if (!attachment.key) {
      if (exchange.kind->keys() == binding_keys::required)
        report(attachment.exchange.at,
               fmt::format("the exchange '{0}' is of kind {1}: expected {{exchange: {0}, key: ...}}",
                           exchange.name.text, to_string(*exchange.kind)));
      return {};
    }
    if (attachment.key->text.empty()) return {};
    if (exchange.kind->keys() == binding_keys::none) {
      report(attachment.key->at, fmt::format("the exchange '{}' is of kind {}, which has no keys", exchange.name.text,
                                             to_string(*exchange.kind)));
      return {};
    }
    const auto resolved = values_.resolve(*attachment.key, value_type::text, "key");
    if (!resolved) return {};
    auto key = std::get<std::string>(*resolved);
    check_key_text(key, *attachment.key, *exchange.kind);
    return key;
  }

  void check_key_text(std::string_view key, const located& spelled, exchange_kind kind) {
    for (auto open = key.find('{'); open != key.npos; open = key.find('{', open + 1)) {
      if (key.substr(open).starts_with(index_text)) continue;
      report(spelled.at, fmt::format("key '{}': expected '{{index}}' at '{{', the only thing that is replaced in a key",
                                     printable(key)));
      return;
    }
    if (kind != exchange_kind::topic) {
      const auto router = kind.make_router();
      if (const auto good = router ? router->check(key) : result<void>(); !good)
        report(spelled.at, fmt::format("key: {}", printable(good.error().message())));
      return;
    }
    for (std::size_t begin = 0; begin <= key.size();) {
      const auto end = std::min(key.find('.', begin), key.size());
      const auto word = key.substr(begin, end - begin);
      if (word.empty() || (word.size() > 1 && word.find_first_of("*#") != word.npos)) {
        report(spelled.at,
               fmt::format("key '{}': expected words separated by '.', where '*' and '#' stand alone", printable(key)));
        return;
      }
      begin = end + 1;
    }
  }

  void check_publish(const actor_model& model, actor_plan& actor) {
    const auto* info = actor.actor_class.get();
    if (info != nullptr && info->outputs.empty() && !model.publish.empty()) {
      report(model.publish.front().exchange.at,
             fmt::format("class '{}' publishes nothing: remove 'publish'", info->name));
      info = nullptr;
    }
    std::set<std::string> wired;
    bool all_known = true;
    for (const auto& publish : model.publish) {
      const auto exchange = find_exchange(publish.exchange);
      if (exchange) publishers_[*exchange].push_back(plan_.actors.size());
      if (info == nullptr) continue;
      const auto* port = find_port(*info, publish.port);
      if (port == nullptr) {
        all_known = false;
        continue;
      }
      wired.insert(port->name);
      if (!exchange) continue;
      const auto& target = plan_.exchanges[*exchange];
      if (target.message && target.message->type != port->message->type)
        report(publish.exchange.at,
               fmt::format("the port '{}' of class '{}' publishes '{}', but the exchange '{}' carries '{}'", port->name,
                           info->name, port->message->name, target.name, target.message->name));
      actor.publish.push_back({port->name, *exchange});
    }
    if (info == nullptr || !all_known) return;
    for (const auto& port : info->outputs) {
      if (!wired.contains(port.name))
        report(where(model), fmt::format("the port '{}' of {} is bound to no exchange: expected publish: {{{}: ...}}",
                                         port.name, name_of(model), port.name));
    }
  }

  const output_info* find_port(const class_info& info, const located& port) {
    if (port.text.empty()) {
      if (info.outputs.size() == 1) return &info.outputs.front();
      report(port.at, fmt::format("class '{}' has several ports: expected publish: {{port: exchange}} with {}",
                                  info.name, fmt::join(names_of(info.outputs), ", ")));
      return nullptr;
    }
    for (const auto& output : info.outputs)
      if (output.name == port.text) return &output;
    report(port.at, fmt::format("class '{}' has no port '{}'{}", info.name, printable(port.text),
                                suggestion(port.text, names_of(info.outputs))));
    return nullptr;
  }

  void check_bound() {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < plan_.exchanges.size(); ++i) {
      const auto& name = model_.exchanges[i].name;
      if (name.text.empty() || !seen.insert(name.text).second) continue;
      if (publishers_[i].empty())
        report(name.at, fmt::format("nobody publishes to the exchange '{}'", printable(name.text)));
      if (attached_[i].empty())
        report(name.at, fmt::format("nobody is attached to the exchange '{}'", printable(name.text)));
    }
  }

  void check_acyclic() {
    std::vector<std::set<std::size_t>> targets(plan_.actors.size());
    for (std::size_t e = 0; e < plan_.exchanges.size(); ++e)
      for (const auto from : publishers_[e]) targets[from].insert(attached_[e].begin(), attached_[e].end());
    auto ordered = order_sinks_first(targets);
    plan_.sinks_first = std::move(ordered.order);
    if (ordered.circle.empty()) return;
    std::vector<std::string> names;
    for (const auto actor : ordered.circle)
      names.push_back(model_.actors[actor].name.text.empty() ? "(no name)" : printable(model_.actors[actor].name.text));
    report(where(model_.actors[ordered.circle.front()]),
           fmt::format("these actors publish in a circle, so that the pipeline would never end: {}",
                       fmt::join(names, " -> ")));
  }

  // An error elsewhere, such as a misspelt name, may be why a parameter is not used: then only that one is told.
  void check_used() {
    if (!errors_.empty()) return;
    for (const auto& name : values_.unused())
      notes_.push_back({model_.file, name.at,
                        fmt::format("note: the parameter '{0}' is used nowhere: expected '${{{0}}}' in a parameter, "
                                    "count or key of an actor",
                                    printable(name.text))});
  }

  const file_model& model_;
  const registry& classes_;
  diagnostics& errors_;
  diagnostics& notes_;
  value_table values_;
  unsigned workers_;  // as the caller says; 0: nothing
  plan plan_;
  std::map<std::string, location> actor_names_;
  std::vector<std::vector<std::size_t>> publishers_;  // of each exchange, actors by index
  std::vector<std::vector<std::size_t>> attached_;
};

}  // namespace

plan check(const file_model& model, const registry& classes, const load_options& options, diagnostics& errors,
           diagnostics& notes) {
  return checker(model, classes, options, errors, notes).run();
}

std::string member_key(std::string_view key, std::size_t index) {
  std::string replaced(key);
  const auto number = fmt::format("{}", index);
  for (auto at = replaced.find(index_text); at != replaced.npos; at = replaced.find(index_text, at + number.size()))
    replaced.replace(at, index_text.size(), number);
  return replaced;
}

}  // namespace troupe::pipeline::detail
