#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/pipeline/detail/model.hpp>
#include <troupe/pipeline/diagnostic.hpp>
#include <troupe/pipeline/value.hpp>

namespace troupe::pipeline::detail {

/// The parameters of a pipeline with their values, and what texts with `${name}` in them stand for.
class value_table {
public:
  /// Reads defaults and overrides; diagnoses values of the wrong type and unknown names.
  value_table(const file_model& model, const std::vector<std::string>& set, bool require_values, diagnostics& errors);

  /// Adds the parameter that every pipeline has: `workers`, the number of worker threads.
  void define_workers(unsigned count);

  /// The value of a node where one of the given type is wanted. None where the node is wrong, which is diagnosed with
  /// `what` as its name, or where a parameter has no value yet.
  std::optional<value> resolve(const yaml_node& node, value_type wanted, std::string_view what);

  /// The same for a text.
  std::optional<value> resolve(const located& text, value_type wanted, std::string_view what);

private:
  struct parameter {
    std::optional<value_type> type;  // none: malformed, diagnosed already
    std::optional<value> current;
  };

  void override_with(const std::string& assignment);
  const parameter* find(std::string_view name, location at);
  void report(location at, std::string message);

  const std::string& file_;
  diagnostics& errors_;
  std::map<std::string, parameter, std::less<>> parameters_;
  std::vector<std::string> names_;
};

}  // namespace troupe::pipeline::detail
