#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

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

struct setting_model {
  located name;
  yaml_ptr value;
};

/// One attachment, of an actor or an exchange.
struct attach_model {
  located exchange;
  std::optional<located> key = {};
  std::optional<setting_model> match = {};   // "match_all" or "match_any"
  std::vector<setting_model> settings = {};  // the words of `attach_words`
};

struct exchange_model {
  located name;
  std::optional<located> kind;  // none: the file names none
  located message;
  std::vector<attach_model> attach;
  std::vector<setting_model> settings;  // the words of `exchange_words`
  std::optional<setting_model> retain;
};

struct publish_model {
  located port;  // empty text: the file names none
  located exchange;
};

struct actor_model {
  location at;
  located name;
  located class_name;
  yaml_ptr count;  // null: 1
  std::vector<located> after;
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
