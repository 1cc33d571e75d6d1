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
  /// Reads defaults and overrides; diagnoses values of the wrong type and unknown names. A parameter without a value is
  /// an error, or without `require_values` a note.
  value_table(const file_model& model, const std::vector<std::string>& set, bool require_values, diagnostics& errors,
              diagnostics& notes);

  /// Adds the parameter that every pipeline has: `workers`, the number of worker threads.
  void define_workers(unsigned count);

  /// The value of a node where one of the given type is wanted. None where the node is wrong, which is diagnosed with
  /// `what` as its name, or where a parameter has no value yet.
  std::optional<value> resolve(const yaml_node& node, value_type wanted, std::string_view what);

  /// The same for a text.
  std::optional<value> resolve(const located& text, value_type wanted, std::string_view what);

  /// The value of a node where any type will do: that of the parameter which it names; else a text if it is quoted, and
  /// what it looks like if it is not.
  std::optional<value> resolve_any(const yaml_node& node, std::string_view what);

  /// Diagnoses the unknown parameters in a text of which nothing else is known, such as what it is for.
  void check_names(const located& text, std::string_view what) { (void)resolve(text, value_type::text, what); }

  /// The declared parameters that no text has named so far, in the order of the file.
  std::vector<located> unused() const;

private:
  struct parameter {
    std::optional<value_type> type;  // none: malformed, diagnosed already
    std::optional<value> current;
    bool used = false;  // named in a text
  };

  void override_with(const std::string& assignment);
  const parameter* find(std::string_view name, location at);  // marks it as used
  void report(location at, std::string message);

  const file_model& model_;
  diagnostics& errors_;
  std::map<std::string, parameter, std::less<>> parameters_;
  std::vector<std::string> names_;
};

}  // namespace troupe::pipeline::detail
