#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <troupe/pipeline/detail/check_scope.hpp>

namespace troupe::pipeline::detail {

namespace {

constexpr std::int64_t max_members = 10'000;  // of one actor

std::vector<std::string> messages_of(const class_info& info) {
  std::vector<std::string> names;
  for (const auto& input : info.inputs) names.push_back(input.message->name);
  return names;
}

class actor_checker {
public:
  actor_checker(check_scope& scope, const actor_model& model) : scope_(scope), values_(scope.values), model_(model) {}

  actor_plan check() {
    actor_plan actor;
    actor.name = model_.name.text;
    if (const auto& name = model_.class_name.text; !name.empty()) {
      actor.actor_class = scope_.classes.find_class(name);
      if (!actor.actor_class)
        report(model_.class_name.at, fmt::format("unknown class '{}'{}", printable(name),
                                                 suggestion(name, names_of(scope_.classes.classes()))));
    }
    if (model_.count)
      actor.count = static_cast<std::size_t>(scope_.integer(*model_.count, "count", max_members).value_or(1));
    if (actor.actor_class) {
      check_settings(model_, actor);
    } else {
      for (const auto& setting : model_.settings) check_names(setting);
    }
    check_attach(model_, actor);
    check_publish(model_, actor);
    return actor;
  }

private:
  void report(location at, std::string message) { scope_.report(at, std::move(message)); }

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
    for (const auto& attachment : model.attach) check_attachment(attachment, info, actor);
  }

  void check_attachment(const attach_model& attachment, const class_info* info, actor_plan& actor) {
    const auto index = scope_.find_exchange(attachment.exchange);
    if (!index) {
      if (attachment.key) values_.check_names(*attachment.key, "key");
      return;
    }
    auto& exchange = scope_.made.exchanges[*index];
    exchange.subscribers += actor.count;
    attach_plan attach;
    attach.exchange = *index;
    attach.key = check_key(scope_, attachment, exchange, actor.count);
    check_options(scope_, attachment, attach);
    check_again(attachment, attach, actor);
    if (model_.after.empty() && attach.settings.options.start != start_at::latest())
      scope_.note(
          attachment.exchange.at,
          fmt::format("'start' makes no difference to {}, which is attached before anything is published: give it "
                      "'after', the name of an actor that is to end first",
                      name_of(model_)));
    if (info != nullptr) attach.attach = find_input(*info, exchange, attachment.exchange.at);
    actor.attach.push_back(std::move(attach));
  }

  // With several keys on one exchange an actor has one line of waiting messages, and so one set of options.
  void check_again(const attach_model& attachment, const attach_plan& attach, const actor_plan& actor) {
    const auto same_exchange = [&](const attach_plan& a) { return a.exchange == attach.exchange; };
    const auto again = [&](const attach_plan& a) { return same_exchange(a) && a.key == attach.key; };
    const auto at = attachment.exchange.at;
    const auto& name = attachment.exchange.text;
    if (std::any_of(actor.attach.begin(), actor.attach.end(), again)) {
      report(at, fmt::format("attached to '{}' a second time", printable(name)));
      return;
    }
    const auto first = std::find_if(actor.attach.begin(), actor.attach.end(), same_exchange);
    if (first == actor.attach.end() || attach.with != attach_with::options) return;
    if (first->with != attach_with::options || first->settings.options != attach.settings.options)
      report(at, fmt::format("{} is attached to '{}' with other options above: give the same, or none here, for its "
                             "messages wait in one line",
                             name_of(model_), printable(name)));
  }

  attach_function find_input(const class_info& info, const exchange_plan& exchange, location at) {
    if (!exchange.message) return nullptr;
    for (const auto& input : info.inputs) {
      if (input.message->type != exchange.message->type) continue;
      if (input.by_hand && exchange.kind && *exchange.kind != exchange_kind::queue)
        report(at,
               fmt::format("class '{}' takes a delivery of '{}', which only queues give, and the exchange '{}' is of "
                           "kind {}: let that be 'kind: queue'",
                           info.name, input.message->name, printable(exchange.name), to_string(*exchange.kind)));
      return input.attach;
    }
    report(at, fmt::format("the exchange '{}' carries '{}', but class '{}' takes '{}'", exchange.name,
                           exchange.message->name, info.name, fmt::join(messages_of(info), "', '")));
    return nullptr;
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
      const auto exchange = scope_.find_exchange(publish.exchange);
      const auto* port = info ? find_port(*info, publish.port) : nullptr;
      all_known = all_known && port;
      if (exchange) actor.publish.push_back({port ? port->name : publish.port.text, *exchange});
      if (!port) continue;
      wired.insert(port->name);
      if (!exchange) continue;
      const auto& target = scope_.made.exchanges[*exchange];
      if (target.message && target.message->type != port->message->type)
        report(publish.exchange.at,
               fmt::format("the port '{}' of class '{}' publishes '{}', but the exchange '{}' carries '{}'", port->name,
                           info->name, port->message->name, target.name, target.message->name));
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

  check_scope& scope_;
  value_table& values_;
  const actor_model& model_;
};

}  // namespace

// An actor whose name is missing has been diagnosed.
std::string name_of(const actor_model& model) {
  return model.name.text.empty() ? "this actor" : fmt::format("actor '{}'", printable(model.name.text));
}

location where(const actor_model& model) { return model.name.text.empty() ? model.at : model.name.at; }

void check_actor(check_scope& scope, const actor_model& model) {
  scope.made.actors.push_back(actor_checker(scope, model).check());
}

}  // namespace troupe::pipeline::detail
