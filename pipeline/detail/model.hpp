#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <troupe/exchange/kinds.hpp>
#include <troupe/pipeline/detail/yaml.hpp>
#include <troupe/pipeline/diagnostic.hpp>
#include <troupe/pipeline/value.hpp>

namespace troupe::pipeline::detail {

/// A text and where it stands. Empty: it was missing or malformed, which has been diagnosed.
struct located {
  std::string text;
  location at;
};

struct parameter_model {
  located name;
  std::optional<value_type> type;  // none: malformed
  yaml_ptr default_value;          // null: none
  std::string help;
};

struct exchange_model {
  located name;
  std::optional<exchange_kind> kind;  // none: malformed
  located message;
};

struct attach_model {
  located exchange;
  std::optional<located> key;
  std::optional<located> policy;
  yaml_ptr limit;        // null: none
  yaml_ptr limit_bytes;  // null: none
};

struct publish_model {
  located port;  // empty text: the file names none
  located exchange;
};

struct setting_model {
  located name;
  yaml_ptr value;
};

struct actor_model {
  location at;
  located name;
  located class_name;
  yaml_ptr count;  // null: 1
  std::vector<setting_model> settings;
  std::vector<attach_model> attach;
  std::vector<publish_model> publish;
};

/// A pipeline file as it is spelled: well formed, and nothing yet known of the names in it.
struct file_model {
  std::string file;
  std::vector<parameter_model> parameters;
  yaml_ptr workers;  // null: not said
  std::vector<exchange_model> exchanges;
  std::vector<actor_model> actors;
};

/// Reads the model from a document; diagnoses unknown keys, missing keys and nodes of the wrong kind.
file_model read_model(const std::string& file, const yaml_node& root, diagnostics& errors);

}  // namespace troupe::pipeline::detail
