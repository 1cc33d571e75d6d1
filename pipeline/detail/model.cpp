#include <troupe/pipeline/detail/model.hpp>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <troupe/pipeline/detail/options.hpp>
#include <troupe/pipeline/text.hpp>

namespace troupe::pipeline::detail {

namespace {

using kind = yaml_node::kind;

/// What stands in `map` under some words.
std::vector<setting_model> settings_of(const yaml_node& map, const std::vector<std::string>& words) {
  std::vector<setting_model> found;
  for (const auto& e : map.entries)
    if (std::find(words.begin(), words.end(), e.key) != words.end()) found.push_back({{e.key, e.at}, e.value});
  return found;
}

class model_reader {
public:
  model_reader(std::string file, diagnostics& errors) : errors_(errors) { model_.file = std::move(file); }

  file_model read(const yaml_node& root) {
    if (!root.is(kind::map)) {
      report(root.at, fmt::format("expected a map with 'exchanges' and 'actors', not {}", describe(root)));
      return std::move(model_);
    }
    known_keys(root, "a pipeline", {"parameters", "workers", "exchanges", "actors"});
    if (const auto* node = entry(root, "parameters")) read_parameters(*node->value);
    if (const auto* node = entry(root, "workers")) model_.workers = node->value;
    if (const auto* node = entry(root, "exchanges")) read_list(*node, "an exchange", &model_reader::read_exchange);
    if (const auto* node = entry(root, "actors")) {
      read_list(*node, "an actor", &model_reader::read_actor);
    } else {
      report(root.at, "the pipeline has no 'actors'");
    }
    return std::move(model_);
  }

private:
  void report(location at, std::string message) { errors_.push_back({model_.file, at, std::move(message)}); }

  static std::vector<std::string> together(std::vector<std::string> known, const std::vector<std::string>& more) {
    known.insert(known.end(), more.begin(), more.end());
    return known;
  }

  static const yaml_entry* entry(const yaml_node& map, std::string_view key) {
    const auto found =
        std::find_if(map.entries.begin(), map.entries.end(), [&](const yaml_entry& e) { return e.key == key; });
    return found == map.entries.end() ? nullptr : &*found;
  }

  void known_keys(const yaml_node& map, std::string_view what, const std::vector<std::string>& known) {
    for (const auto& e : map.entries) {
      if (std::find(known.begin(), known.end(), e.key) == known.end())
        report(e.at, fmt::format("unknown key '{}' of {}{}", printable(e.key), what, suggestion(e.key, known)));
    }
  }

  // The text under a key. Empty, and diagnosed, where it is missing though required, or is no text.
  located text_at(const yaml_node& map, std::string_view what, const std::string& key, bool required = true) {
    const auto* found = entry(map, key);
    if (found == nullptr) {
      if (required) report(map.at, fmt::format("{} has no '{}'", what, key));
      return {{}, map.at};
    }
    if (!found->value->is(kind::scalar) || found->value->text.empty()) {
      report(found->at, fmt::format("expected a text for '{}' of {}, not {}", key, what, describe(*found->value)));
      return {{}, found->at};
    }
    return {found->value->text, found->value->at};
  }

  located name_at(const yaml_node& map, std::string_view what, const std::string& key = "name") {
    auto name = text_at(map, what, key);
    if (!name.text.empty()) check_name(name);
    return name;
  }

  void check_name(const located& name) {
    if (!is_name(name.text))
      report(name.at, fmt::format("'{}' is not a name: expected letters, digits, '_', '-' and '.', a letter first",
                                  printable(name.text)));
  }

  void read_parameters(const yaml_node& node) {
    if (node.is(kind::null)) return;
    if (!node.is(kind::map)) {
      report(node.at, fmt::format("expected a map of parameters, not {}", describe(node)));
      return;
    }
    for (const auto& e : node.entries) {
      parameter_model parameter{{e.key, e.at}, {}, nullptr, {}};
      check_name(parameter.name);
      read_parameter(parameter, *e.value);
      model_.parameters.push_back(std::move(parameter));
    }
  }

  void read_parameter(parameter_model& parameter, const yaml_node& node) {
    const auto what = fmt::format("the parameter '{}'", printable(parameter.name.text));
    if (!node.is(kind::map)) {
      report(parameter.name.at,
             fmt::format("expected a map with 'type', 'default' and 'help' for {}, not {}", what, describe(node)));
      return;
    }
    known_keys(node, what, {"type", "default", "help"});
    if (const auto type = text_at(node, what, "type"); !type.text.empty()) {
      const auto& names = value_type_names();
      const auto found = std::find(names.begin(), names.end(), type.text);
      if (found == names.end()) {
        report(type.at, fmt::format("unknown type '{}'{}", printable(type.text), suggestion(type.text, names)));
      } else {
        parameter.type = static_cast<value_type>(found - names.begin());
      }
    }
    if (const auto* e = entry(node, "default")) {
      if (e->value->is(kind::scalar)) {
        parameter.default_value = e->value;
      } else {
        report(e->at, fmt::format("expected a value as default of {}, not {}", what, describe(*e->value)));
        parameter.type.reset();
      }
    }
    parameter.help = text_at(node, what, "help", false).text;
  }

  void read_list(const yaml_entry& list, std::string_view what, void (model_reader::*read_item)(const yaml_node&)) {
    if (!list.value->is(kind::sequence) || list.value->items.empty()) {
      report(list.at, fmt::format("expected a list under '{}', not {}", list.key,
                                  list.value->is(kind::sequence) ? "an empty one" : describe(*list.value)));
      return;
    }
    for (const auto& item : list.value->items) {
      if (item->is(kind::map)) {
        (this->*read_item)(*item);
      } else {
        report(item->at, fmt::format("expected a map that describes {}, not {}", what, describe(*item)));
      }
    }
  }

  void read_exchange(const yaml_node& node) {
    exchange_model exchange;
    const auto words = words_of(exchange_words());
    known_keys(node, "an exchange", together({"name", "kind", "message", "attach", "retain"}, words));
    exchange.name = name_at(node, "this exchange");
    exchange.message = text_at(node, "this exchange", "message");
    if (entry(node, "kind") != nullptr) exchange.kind = text_at(node, "this exchange", "kind");
    if (const auto* e = entry(node, "attach")) read_attach(exchange.attach, *e);
    if (const auto* e = entry(node, "retain")) exchange.retain = setting_model{{e->key, e->at}, e->value};
    exchange.settings = settings_of(node, words);
    model_.exchanges.push_back(std::move(exchange));
  }

  void read_actor(const yaml_node& node) {
    actor_model actor;
    actor.at = node.at;
    known_keys(node, "an actor", {"name", "class", "count", "after", "parameters", "attach", "publish"});
    actor.name = name_at(node, "this actor");
    actor.class_name = text_at(node, "this actor", "class");
    if (const auto* e = entry(node, "count")) actor.count = e->value;
    if (const auto* e = entry(node, "after")) read_after(actor, *e);
    if (const auto* e = entry(node, "parameters")) read_settings(actor, *e);
    if (const auto* e = entry(node, "attach")) read_attach(actor.attach, *e);
    if (const auto* e = entry(node, "publish")) read_publish(actor, *e);
    model_.actors.push_back(std::move(actor));
  }

  void read_after(actor_model& actor, const yaml_entry& e) {
    const auto read = [&](const yaml_node& node, location at) {
      if (node.is(kind::scalar) && !node.text.empty())
        actor.after.push_back({node.text, node.at});
      else
        report(at, fmt::format("expected the name of an actor, or a list of them, not {}", describe(node)));
    };
    if (e.value->is(kind::sequence) && !e.value->items.empty())
      for (const auto& item : e.value->items) read(*item, item->at);
    else
      read(*e.value, e.at);
  }

  void read_settings(actor_model& actor, const yaml_entry& e) {
    if (e.value->is(kind::null)) return;
    if (!e.value->is(kind::map)) {
      report(e.at, fmt::format("expected a map of parameters, not {}", describe(*e.value)));
      return;
    }
    for (const auto& setting : e.value->entries) actor.settings.push_back({{setting.key, setting.at}, setting.value});
  }

  void read_attach(std::vector<attach_model>& attach, const yaml_entry& e) {
    if (e.value->is(kind::sequence) && !e.value->items.empty()) {
      for (const auto& item : e.value->items) attach.push_back(read_attachment(*item, item->at));
    } else {
      attach.push_back(read_attachment(*e.value, e.at));
    }
  }

  attach_model read_attachment(const yaml_node& node, location at) {
    if (node.is(kind::scalar) && !node.text.empty()) return {.exchange = {node.text, node.at}};
    if (!node.is(kind::map)) {
      report(at, fmt::format("expected the name of an exchange, or a map with 'exchange' and 'key', not {}",
                             describe(node)));
      return {.exchange = {{}, at}};
    }
    const auto words = words_of(attach_words());
    known_keys(node, "an attachment", together({"exchange", "key", "match_all", "match_any"}, words));
    attach_model attachment{.exchange = text_at(node, "this attachment", "exchange")};
    if (entry(node, "key") != nullptr) attachment.key = text_at(node, "this attachment", "key");
    read_match(node, attachment);
    attachment.settings = settings_of(node, words);
    return attachment;
  }

  void read_match(const yaml_node& node, attach_model& attachment) {
    for (const auto* word : {"match_all", "match_any"}) {
      const auto* e = entry(node, word);
      if (e == nullptr) continue;
      if (attachment.key || attachment.match) {
        report(e->at, fmt::format("'{}' stands beside '{}': expected one of 'key', 'match_all' and 'match_any'", word,
                                  attachment.key ? "key" : "match_all"));
      } else if (!e->value->is(kind::map)) {
        report(e->at, fmt::format("expected a map of headers for '{}', such as {{region: eu, size: 10}}, not {}", word,
                                  describe(*e->value)));
        attachment.key = located{{}, e->at};  // malformed, which has been said
      } else {
        attachment.match = setting_model{{e->key, e->at}, e->value};
      }
    }
  }

  void read_publish(actor_model& actor, const yaml_entry& e) {
    const auto& node = *e.value;
    if (node.is(kind::scalar) && !node.text.empty()) {
      actor.publish.push_back({{{}, node.at}, {node.text, node.at}});
      return;
    }
    if (!node.is(kind::map)) {
      report(e.at,
             fmt::format("expected the name of an exchange, or a map of ports to exchanges, not {}", describe(node)));
      actor.publish.push_back({{{}, e.at}, {{}, e.at}});
      return;
    }
    for (const auto& port : node.entries) {
      publish_model publish{{port.key, port.at}, {{}, port.at}};
      if (port.value->is(kind::scalar) && !port.value->text.empty()) {
        publish.exchange = {port.value->text, port.value->at};
      } else {
        report(port.at, fmt::format("expected the name of an exchange for the port '{}', not {}", printable(port.key),
                                    describe(*port.value)));
      }
      actor.publish.push_back(std::move(publish));
    }
  }

  file_model model_;
  diagnostics& errors_;
};

}  // namespace

file_model read_model(const std::string& file, const yaml_node& root, diagnostics& errors) {
  return model_reader(file, errors).read(root);
}

}  // namespace troupe::pipeline::detail
