#include <troupe/pipeline/registry.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <troupe/pipeline/text.hpp>

namespace troupe::pipeline {

namespace {

void require_name(std::string_view what, const std::string& name) {
  if (!is_name(name))
    throw troupe_error(
        errc::invalid_argument,
        fmt::format("{} '{}' is not a name: letters, digits, '_', '-', '.', a letter first", what, name));
}

[[noreturn]] void taken(std::string_view what, const std::string& name) {
  throw troupe_error(errc::already_exists, fmt::format("{} '{}' is registered twice", what, name));
}

template <class T>
bool has_name(const std::vector<T>& infos, const std::string& name) {
  return std::any_of(infos.begin(), infos.end(), [&](const T& info) { return info.name == name; });
}

}  // namespace

void registry::add_message(message_info info) {
  require_name("message", info.name);
  const auto same_name = messages_.find(info.name);
  const auto same_type = by_type_.find(info.type);
  if (same_name != messages_.end() && same_name->second->type == info.type) return;
  if (same_name != messages_.end()) taken("message", info.name);
  if (same_type != by_type_.end())
    throw troupe_error(errc::already_exists, fmt::format("message '{}' is the type that is already named '{}'",
                                                         info.name, same_type->second->name));
  auto shared = std::make_shared<const message_info>(std::move(info));
  messages_.emplace(shared->name, shared);
  by_type_.emplace(shared->type, shared);
}

std::shared_ptr<class_info> registry::add_class(class_info info) {
  require_name("class", info.name);
  if (classes_.contains(info.name)) taken("class", info.name);
  auto shared = std::make_shared<class_info>(std::move(info));
  classes_.emplace(shared->name, shared);
  return shared;
}

void registry::add_parameter(class_info& to, parameter_info info) {
  require_name("parameter", info.name);
  if (has_name(to.parameters, info.name)) taken(to.name + ": parameter", info.name);
  to.parameters.push_back(std::move(info));
}

void registry::add_input(class_info& to, std::type_index message, std::string_view spelled, bool by_hand,
                         detail::attach_function attach) {
  auto named = named_message(to, message, spelled);
  for (const auto& input : to.inputs)
    if (input.message == named) taken(to.name + ": input", named->name);
  to.inputs.push_back({std::move(named), by_hand, attach});
}

void registry::add_output(class_info& to, std::string port, std::type_index message, std::string_view spelled) {
  require_name("output", port);
  if (has_name(to.outputs, port)) taken(to.name + ": output", port);
  to.outputs.push_back({std::move(port), named_message(to, message, spelled)});
}

void registry::set_minimum(class_info& of, double minimum) {
  if (of.parameters.empty() ||
      (of.parameters.back().type != value_type::integer && of.parameters.back().type != value_type::number))
    throw troupe_error(errc::invalid_argument,
                       fmt::format("{}: at_least() follows a parameter that is an integer or a number", of.name));
  of.parameters.back().minimum = minimum;
}

std::shared_ptr<const message_info> registry::named_message(const class_info& of, std::type_index type,
                                                            std::string_view spelled) const {
  const auto found = by_type_.find(type);
  if (found == by_type_.end())
    throw troupe_error(errc::not_found, fmt::format("{}: the message {} has no name yet: call registry::message first",
                                                    of.name, spelled));
  return found->second;
}

registry& registry::kind(const exchange_kind& k) {
  require_name("kind", std::string(k.name()));
  if (find_kind(k.name()) != nullptr) taken("kind", std::string(k.name()));
  (void)k.make_router();  // throws here, rather than where a file names it
  kinds_.push_back(k);
  return *this;
}

const exchange_kind* registry::find_kind(std::string_view name) const {
  const auto found =
      std::find_if(kinds_.begin(), kinds_.end(), [&](const exchange_kind& k) { return k.name() == name; });
  return found == kinds_.end() ? nullptr : &*found;
}

std::shared_ptr<const class_info> registry::find_class(std::string_view name) const {
  const auto found = classes_.find(name);
  return found == classes_.end() ? nullptr : found->second;
}

std::shared_ptr<const message_info> registry::find_message(std::string_view name) const {
  const auto found = messages_.find(name);
  return found == messages_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const class_info>> registry::classes() const {
  std::vector<std::shared_ptr<const class_info>> all;
  for (const auto& [name, info] : classes_) all.push_back(info);
  return all;
}

std::vector<std::shared_ptr<const message_info>> registry::messages() const {
  std::vector<std::shared_ptr<const message_info>> all;
  for (const auto& [name, info] : messages_) all.push_back(info);
  return all;
}

}  // namespace troupe::pipeline
