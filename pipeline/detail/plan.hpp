#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/exchange/kinds.hpp>
#include <troupe/pipeline/detail/model.hpp>
#include <troupe/pipeline/diagnostic.hpp>
#include <troupe/pipeline/pipeline.hpp>
#include <troupe/pipeline/registry.hpp>

namespace troupe::pipeline::detail {

/// What the file says by a word of `options.hpp`, its parameters replaced: "limit 100".
using said_options = std::vector<std::string>;

/// What is passed on to an exchange from another.
struct binding_plan {
  std::size_t from = 0;  // index in plan::exchanges
  std::string key;
};

struct exchange_plan {
  std::string name;
  std::optional<exchange_kind> kind;  // none: unknown, which has been diagnosed
  std::shared_ptr<const message_info> message;
  exchange_settings settings;
  said_options said;
  std::vector<binding_plan> attach;      // what it is attached to
  std::optional<std::size_t> alternate;  // index in plan::exchanges, as the next
  std::optional<std::size_t> dead_letters;
  std::size_t subscribers = 0;  // actors, each member counted
};

struct attach_plan {
  std::size_t exchange = 0;  // index in plan::exchanges
  attach_function attach = nullptr;
  std::string key;  // "{index}" stands for the member's number
  attach_with with = attach_with::nothing;
  attach_settings settings;
  said_options said;
};

struct publish_plan {
  std::string port;
  std::size_t exchange = 0;
};

struct actor_plan {
  std::string name;
  std::shared_ptr<const class_info> actor_class;
  std::size_t count = 1;
  std::vector<std::size_t> after;  // indices in plan::actors: it is made when these have ended
  std::map<std::string, value, std::less<>> values;
  std::vector<attach_plan> attach;
  std::vector<publish_plan> publish;
};

/// A pipeline that was checked: all names are resolved, all types agree.
struct plan {
  std::string file;
  unsigned workers = 1;
  std::vector<exchange_plan> exchanges;
  std::vector<actor_plan> actors;        // in the order of the file
  std::vector<std::size_t> sinks_first;  // indices of actors: each after all those that it publishes to
};

/// Checks a model against the registered classes.
plan check(const file_model& model, const registry& classes, const load_options& options, diagnostics& errors,
           diagnostics& notes);

/// The key of a member: `{index}` replaced by its number.
std::string member_key(std::string_view key, std::size_t index);

}  // namespace troupe::pipeline::detail
