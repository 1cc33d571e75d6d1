#include <troupe/pipeline/detail/check_scope.hpp>

#include <algorithm>

namespace troupe::pipeline::detail {

std::optional<std::int64_t> check_scope::integer(const yaml_node& node, std::string_view what, std::int64_t most) {
  const auto v = values.resolve(node, value_type::integer, what);
  if (!v) return {};
  const auto n = std::get<std::int64_t>(*v);
  if (n >= 1 && n <= most) return n;
  report(node.at, fmt::format("{}: expected 1 to {}, not {}", what, most, n));
  return {};
}

void check_scope::once(std::map<std::string, location>& seen, const located& name, std::string_view what) {
  if (name.text.empty()) return;
  const auto [first, is_new] = seen.emplace(name.text, name.at);
  if (!is_new)
    report(name.at, fmt::format("there is another {} '{}' on line {}", what, printable(name.text), first->second.line));
}

std::optional<std::size_t> check_scope::find_exchange(const located& name) {
  if (name.text.empty()) return {};
  const auto& all = made.exchanges;
  const auto found = std::find_if(all.begin(), all.end(), [&](const exchange_plan& e) { return e.name == name.text; });
  if (found != all.end()) return static_cast<std::size_t>(found - all.begin());
  report(name.at, fmt::format("unknown exchange '{}'{}", printable(name.text), suggestion(name.text, names_of(all))));
  return {};
}

std::optional<std::string> check_scope::option_text(const setting_model& setting) {
  const auto& word = setting.name.text;
  if (setting.value->is(yaml_node::kind::null) ||
      (setting.value->is(yaml_node::kind::scalar) && setting.value->text.empty())) {
    report(setting.name.at, fmt::format("{}: expected a value, not nothing", word));
    return {};
  }
  auto text = values.resolve(*setting.value, value_type::text, word);
  if (!text) return {};
  return std::get<std::string>(std::move(*text));
}

void check_scope::report_kind(const setting_model& setting, const exchange_plan& of, const kind_set& kinds) {
  const bool for_queues = kinds.has(exchange_kind::queue) && !kinds.has(exchange_kind::fanout);
  report(setting.name.at, fmt::format("'{}' goes with {}, and the exchange '{}' is of kind {}: remove it{}",
                                      setting.name.text, kinds.text, printable(of.name), to_string(*of.kind),
                                      for_queues ? ", or let that be 'kind: queue'" : ""));
}

}  // namespace troupe::pipeline::detail
