#include <troupe/pipeline/detail/values.hpp>

#include <utility>

#include <fmt/format.h>

#include <troupe/pipeline/text.hpp>

namespace troupe::pipeline::detail {

namespace {

constexpr std::string_view workers_name = "workers";

}  // namespace

value_table::value_table(const file_model& model, const std::vector<std::string>& set, bool require_values,
                         diagnostics& errors, diagnostics& notes)
    : model_(model), errors_(errors) {
  for (const auto& declared : model.parameters) {
    if (declared.name.text == workers_name)
      report(declared.name.at, "the parameter 'workers' is there already: the number of worker threads");
    parameter p{declared.type, {}, false};
    if (declared.type && declared.default_value) {
      auto parsed = parse_value(*declared.type, declared.default_value->text);
      if (parsed) {
        p.current = std::move(*parsed);
      } else {
        report(declared.default_value->at, fmt::format("default of the parameter '{}': {}",
                                                       printable(declared.name.text), parsed.error().message()));
        p.type.reset();
      }
    }
    names_.push_back(declared.name.text);
    parameters_.emplace(declared.name.text, std::move(p));
  }
  for (const auto& assignment : set) override_with(assignment);
  for (const auto& declared : model.parameters) {
    const auto& p = parameters_.find(declared.name.text)->second;
    if (!p.type || p.current) continue;
    const auto name = printable(declared.name.text);
    if (require_values) {
      report(declared.name.at, fmt::format("the parameter '{0}' has no default: give it with --set {0}=...", name));
    } else {
      notes.push_back({model.file, declared.name.at,
                       fmt::format("note: the parameter '{0}' has no default: a run needs --set {0}=...", name)});
    }
  }
}

void value_table::override_with(const std::string& assignment) {
  const auto equals = assignment.find('=');
  const auto report_set = [&](std::string_view message) {
    errors_.push_back({{}, {}, fmt::format("--set {}: {}", printable(assignment), message)});
  };
  if (equals == assignment.npos) return report_set("expected name=value");
  const auto name = assignment.substr(0, equals);
  if (name == workers_name) return report_set("the number of workers is set with --workers");
  const auto found = parameters_.find(name);
  if (found == parameters_.end())
    return report_set(fmt::format("the pipeline has no parameter '{}'{}", printable(name), suggestion(name, names_)));
  auto& p = found->second;
  if (!p.type) return;
  auto parsed = parse_value(*p.type, std::string_view(assignment).substr(equals + 1));
  if (!parsed) return report_set(printable(parsed.error().message()));
  p.current = std::move(*parsed);
}

void value_table::define_workers(unsigned count) {
  names_.emplace_back(workers_name);
  parameters_.insert_or_assign(std::string(workers_name),
                               parameter{value_type::integer, value(static_cast<std::int64_t>(count)), true});
}

void value_table::report(location at, std::string message) { errors_.push_back({model_.file, at, std::move(message)}); }

std::vector<located> value_table::unused() const {
  std::vector<located> names;
  for (const auto& declared : model_.parameters) {
    if (!parameters_.find(declared.name.text)->second.used) names.push_back(declared.name);
  }
  return names;
}

const value_table::parameter* value_table::find(std::string_view name, location at) {
  const auto found = parameters_.find(name);
  if (found != parameters_.end()) {
    found->second.used = true;
    return &found->second;
  }
  report(at, fmt::format("the pipeline has no parameter '{}'{}", printable(name), suggestion(name, names_)));
  return nullptr;
}

std::optional<value> value_table::resolve(const yaml_node& node, value_type wanted, std::string_view what) {
  if (node.is(yaml_node::kind::scalar)) return resolve(located{node.text, node.at}, wanted, what);
  report(node.at, fmt::format("{}: expected a value of type {}, not {}", what, to_string(wanted), describe(node)));
  return {};
}

std::optional<value> value_table::resolve_any(const yaml_node& node, std::string_view what) {
  auto text = resolve(node, value_type::text, what);
  if (!text || node.quoted) {
    // A parameter is quoted too, because of its braces.
    const auto name = parameters_.find(
        node.text.starts_with("${") && node.text.ends_with('}') ? node.text.substr(2, node.text.size() - 3) : "");
    return name != parameters_.end() && name->second.current ? name->second.current : text;
  }
  for (const auto type : {value_type::boolean, value_type::integer, value_type::number})
    if (auto parsed = parse_value(type, std::get<std::string>(*text))) return std::move(*parsed);
  return text;
}

std::optional<value> value_table::resolve(const located& text, value_type wanted, std::string_view what) {
  const std::string_view all = text.text;
  std::string expanded;
  bool complete = true;
  for (std::size_t i = 0; i < all.size();) {
    const auto dollar = all.find("${", i);
    expanded += all.substr(i, dollar == all.npos ? all.npos : dollar - i);
    if (dollar == all.npos) break;
    if (dollar > i && all[dollar - 1] == '$') {  // "$${" spells "${"
      expanded += '{';
      i = dollar + 2;
      continue;
    }
    const auto end = all.find('}', dollar);
    if (end == all.npos) {
      report(text.at, fmt::format("{}: '${{' without '}}'", what));
      return {};
    }
    const auto* p = find(all.substr(dollar + 2, end - dollar - 2), text.at);
    if (p == nullptr || !p->type) return {};
    if (dollar == 0 && end + 1 == all.size()) {  // the parameter alone keeps its type
      if (!convertible(*p->type, wanted)) {
        report(text.at, fmt::format("{}: expected a value of type {}, but the parameter '{}' has the type {}", what,
                                    to_string(wanted), all.substr(2, end - 2), to_string(*p->type)));
        return {};
      }
      if (!p->current) return {};
      return convert(*p->current, wanted);
    }
    if (p->current) {
      expanded += to_text(*p->current);
    } else {
      complete = false;
    }
    i = end + 1;
  }
  if (!complete) return {};
  auto parsed = parse_value(wanted, expanded);
  if (parsed) return std::move(*parsed);
  report(text.at, fmt::format("{}: {}", what, printable(parsed.error().message())));
  return {};
}

}  // namespace troupe::pipeline::detail
