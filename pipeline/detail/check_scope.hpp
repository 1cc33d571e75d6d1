#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <troupe/pipeline/detail/model.hpp>
#include <troupe/pipeline/detail/options.hpp>
#include <troupe/pipeline/detail/plan.hpp>
#include <troupe/pipeline/detail/values.hpp>
#include <troupe/pipeline/text.hpp>

namespace troupe::pipeline::detail {

template <class T>
std::vector<std::string> names_of(const std::vector<T>& infos) {
  std::vector<std::string> names;
  for (const auto& info : infos) names.push_back(info.name);
  return names;
}

template <class T>
std::vector<std::string> names_of(const std::vector<std::shared_ptr<const T>>& infos) {
  std::vector<std::string> names;
  for (const auto& info : infos) names.push_back(info->name);
  return names;
}

/// What the parts of the check share: the file, what is known of it so far, and where errors go.
struct check_scope {
  const file_model& model;
  const registry& classes;
  diagnostics& errors;
  diagnostics& notes;
  value_table& values;
  plan& made;  // `made.exchanges` has an entry for each of `model.exchanges`, at the same index

  void report(location at, std::string message) { errors.push_back({model.file, at, std::move(message)}); }
  /// What is no error, but makes no sense.
  void note(location at, std::string_view message) {
    notes.push_back({model.file, at, fmt::format("note: {}", message)});
  }

  /// An integer from 1 to `most`.
  std::optional<std::int64_t> integer(const yaml_node& node, std::string_view what, std::int64_t most);

  /// Remembers where a name stands first; diagnoses it where it stands again.
  void once(std::map<std::string, location>& seen, const located& name, std::string_view what);

  /// The index of an exchange by name, the first of that name.
  std::optional<std::size_t> find_exchange(const located& name);

  /// What the file says by the words of a table, of the exchange `of`. What is wrong is diagnosed and left out; what is
  /// right is added to `said`, but for the names of exchanges.
  template <class Settings>
  void read_options(const std::vector<setting_model>& settings, const std::vector<option_word<Settings>>& table,
                    const exchange_plan& of, Settings& to, said_options& said) {
    for (const auto& each : settings) {
      const auto& word = *find_word(table, each.name.text);  // the model knows no others
      const auto text = option_text(each);
      if (of.kind && !word.kinds.has(*of.kind)) {
        report_kind(each, of, word.kinds);
        continue;
      }
      if (!text) continue;
      if (const auto read = word.read(to, word.word, *text); !read)
        report(each.value->at, read.error().message());
      else if (!word.names_exchange)
        said.push_back(fmt::format("{} {}", word.word, *text));
    }
  }

private:
  std::optional<std::string> option_text(const setting_model& setting);
  void report_kind(const setting_model& setting, const exchange_plan& of, const kind_set& kinds);
};

/// Fills `made.exchanges` from the model, bindings between them included.
void check_exchanges(check_scope& scope);

/// The key of an attachment to the exchange `from`, of an actor with `members` members, or, for 0, of an exchange.
std::string check_key(check_scope& scope, const attach_model& attachment, const exchange_plan& from,
                      std::size_t members);

/// What an attachment of an actor says besides; `attach.exchange` and `attach.key` are there.
void check_options(check_scope& scope, const attach_model& attachment, attach_plan& attach);

/// Adds an actor to `made.actors`.
void check_actor(check_scope& scope, const actor_model& model);

/// The actor as errors name it, and the place for what concerns all of it.
std::string name_of(const actor_model& model);
location where(const actor_model& model);

/// All that concerns the wiring as a whole: what nobody publishes to or reads, circles. Fills `made.sinks_first`.
void check_wiring(check_scope& scope);

}  // namespace troupe::pipeline::detail
