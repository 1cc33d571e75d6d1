#include <algorithm>
#include <string>

#include <fmt/format.h>

#include <troupe/cli/command.hpp>
#include <troupe/cli/report.hpp>

namespace troupe::cli {

namespace {

std::string describe(const pipeline::parameter_info& parameter) {
  std::string text(pipeline::to_string(parameter.type));
  if (parameter.minimum) text += fmt::format(" of at least {}", *parameter.minimum);
  if (!parameter.default_value) return text + ", required";
  const auto value = pipeline::to_text(*parameter.default_value);
  return text + (value.empty() ? ", default empty" : ", default " + value);
}

std::string describe(const pipeline::class_info& info) {
  std::string text = fmt::format("{}: {}\n", info.name, info.help);
  std::size_t name_width = 0;
  std::size_t type_width = 0;
  for (const auto& p : info.parameters) {
    name_width = std::max(name_width, p.name.size());
    type_width = std::max(type_width, describe(p).size());
  }
  for (const auto& p : info.parameters)
    text += fmt::format("  parameter {:{}}  {:{}}  {}\n", p.name, name_width, describe(p), type_width, p.help);
  for (const auto& input : info.inputs)
    text += fmt::format("  takes {}{}\n", input.message->name, input.by_hand ? " as deliveries of a queue" : "");
  for (const auto& output : info.outputs)
    text += fmt::format("  publishes {} on port {}\n", output.message->name, output.name);
  return text;
}

}  // namespace

exit_code list_classes(const pipeline::registry& classes) {
  std::string text;
  for (const auto& info : classes.classes()) text += (text.empty() ? "" : "\n") + describe(*info);
  return print(text);
}

}  // namespace troupe::cli
