#include <troupe/pipeline/context.hpp>

#include <fmt/format.h>

namespace troupe::pipeline {

const value& context::find(std::string_view parameter, value_type wanted) const {
  const auto found = description_->values.find(parameter);
  if (found == description_->values.end())
    throw troupe_error(errc::not_found, fmt::format("{}: its class declared no parameter '{}'", name(), parameter));
  if (type_of(found->second) != wanted)
    throw troupe_error(errc::type_mismatch,
                       fmt::format("{}: its class declared the parameter '{}' as {}, not as {}", name(), parameter,
                                   to_string(type_of(found->second)), to_string(wanted)));
  return found->second;
}

const context::port& context::find_port(std::string_view port_name) const {
  const auto found = description_->outputs.find(port_name);
  if (found == description_->outputs.end())
    throw troupe_error(errc::not_found, fmt::format("{}: its class declared no output '{}'", name(), port_name));
  return found->second;
}

void context::wrong_message(std::string_view port_name, std::string_view asked) const {
  throw troupe_error(
      errc::type_mismatch,
      fmt::format("{}: its class declared the output '{}' with another message than {}", name(), port_name, asked));
}

}  // namespace troupe::pipeline
