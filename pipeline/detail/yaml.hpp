#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/pipeline/diagnostic.hpp>

namespace troupe::pipeline::detail {

struct yaml_entry;

/// A node of a YAML document. Trees, never graphs with cycles: an alias shares the node that it names.
struct yaml_node {
  enum class kind { null, scalar, sequence, map };

  kind what = kind::null;
  location at;
  std::string text;                                     // of a scalar
  bool quoted = false;                                  // a scalar that is a text whatever it looks like
  std::vector<std::shared_ptr<const yaml_node>> items;  // of a sequence
  std::vector<yaml_entry> entries;                      // of a map, each key once
  std::size_t weight = 1;                               // nodes below and including this one, aliases expanded

  bool is(kind k) const noexcept { return what == k; }
};

using yaml_ptr = std::shared_ptr<const yaml_node>;

struct yaml_entry {
  std::string key;
  location at;  // of the key
  yaml_ptr value;
};

/// What a node is, for people: "a map", "the text 'x'".
std::string describe(const yaml_node& node);

/// Limits on what is read: a pipeline file is written by people.
inline constexpr std::size_t max_file_size = std::size_t{4} << 20;
inline constexpr std::size_t max_depth = 32;
inline constexpr std::size_t max_nodes = 200'000;

/// The text of a file. Null, and a diagnostic, where it cannot be read, is too large, or is no text in UTF-8.
std::shared_ptr<const std::string> read_text(const std::filesystem::path& file, diagnostics& errors);

/// The document that a text holds. Null, and a diagnostic, where it is not exactly one well-formed document within the
/// limits. Keys that stand twice are diagnosed, and the first is kept.
yaml_ptr parse_yaml(const std::string& file, const std::string& text, diagnostics& errors);

}  // namespace troupe::pipeline::detail
