#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <troupe/exchange/message_headers.hpp>
#include <troupe/exchange/router.hpp>
#include <troupe/pipeline/detail/check_scope.hpp>

namespace troupe::pipeline::detail {

namespace {

constexpr std::string_view index_text = "{index}";

/// The text for which a match of headers stands.
struct file_match : header_match {
  file_match(bool all, const message_headers& wanted) : header_match(all ? "all" : "any", wanted) {}
};

header_value to_header(const value& v) {
  if (const auto* b = std::get_if<bool>(&v)) return *b;
  if (const auto* i = std::get_if<std::int64_t>(&v)) return *i;
  if (const auto* d = std::get_if<double>(&v)) return *d;
  return to_text(v);
}

/// The key that a `match_all` or `match_any` stands for; none if something is wrong.
std::optional<std::string> match_text(check_scope& scope, const setting_model& match) {
  message_headers wanted;
  bool good = true;
  for (const auto& e : match.value->entries) {
    if (e.key.empty() || e.key.find_first_of(" '=") != e.key.npos) {
      scope.report(
          e.at, fmt::format("'{}' is no name of a header: expected no blank, no quote and no '='", printable(e.key)));
      good = false;
      continue;
    }
    if (e.value->is(yaml_node::kind::null)) {
      scope.report(e.at, fmt::format("header '{}': expected a value, not nothing", printable(e.key)));
      good = false;
      continue;
    }
    const auto v = scope.values.resolve_any(*e.value, fmt::format("header '{}'", printable(e.key)));
    good = good && v;
    if (v) wanted.set(e.key, to_header(*v));
  }
  if (!good) return {};
  return file_match(match.name.text == "match_all", wanted).text();
}

/// How a key is to be given, where one is missing.
std::string_view example(const exchange_kind& kind) {
  return kind == exchange_kind::headers ? "match_all: {...}" : "key: ...";
}

struct key_checker {
  check_scope& scope;
  const exchange_plan& from;
  location at;
  std::size_t members;  // 0: the attachment is that of an exchange

  void check(const std::string& key) const {
    for (auto open = key.find('{'); open != key.npos; open = key.find('{', open + 1)) {
      if (!key.substr(open).starts_with(index_text))
        return scope.report(
            at, fmt::format("key '{}': expected '{{index}}' at '{{', the only thing that is replaced in a key",
                            printable(key)));
      if (members == 0)
        return scope.report(at, fmt::format("key '{}': '{{index}}' is the number of a member of an actor; an exchange "
                                            "has none",
                                            printable(key)));
    }
    const auto router = from.kind->make_router();
    if (!router) return;
    // Of the members, the first and the last have the extremes.
    for (const std::size_t index : {std::size_t{0}, std::max<std::size_t>(members, 1) - 1}) {
      const auto good = router->check(member_key(key, index));
      if (good) continue;
      return scope.report(at, fmt::format("key: {}", printable(good.error().message(), 400)));
    }
  }
};

}  // namespace

std::string check_key(check_scope& scope, const attach_model& attachment, const exchange_plan& from,
                      std::size_t members) {
  if (!from.kind) {
    if (attachment.key) scope.values.check_names(*attachment.key, "key");
    return {};
  }
  const auto& kind = *from.kind;
  if (!attachment.key && !attachment.match) {
    if (kind.keys() == binding_keys::required)
      scope.report(attachment.exchange.at,
                   fmt::format("the exchange '{0}' is of kind {1}: expected {{exchange: {0}, {2}}}",
                               printable(from.name), to_string(kind), example(kind)));
    return {};
  }
  if (attachment.match) {
    const auto& name = attachment.match->name;
    if (kind != exchange_kind::headers) {
      scope.report(name.at, fmt::format("'{}' goes with kind headers, and the exchange '{}' is of kind {}: {}",
                                        name.text, printable(from.name), to_string(kind),
                                        kind.keys() == binding_keys::none ? "remove it" : "give a 'key'"));
      return {};
    }
    auto key = match_text(scope, *attachment.match);
    if (!key) return {};
    key_checker{scope, from, name.at, members}.check(*key);
    return std::move(*key);
  }
  if (attachment.key->text.empty()) return {};
  if (kind.keys() == binding_keys::none) {
    scope.report(attachment.key->at, fmt::format("the exchange '{}' is of kind {}, which has no keys: remove 'key'",
                                                 printable(from.name), to_string(kind)));
    return {};
  }
  const auto resolved = scope.values.resolve(*attachment.key, value_type::text, "key");
  if (!resolved) return {};
  auto key = std::get<std::string>(*resolved);
  if (key.empty() && kind.keys() == binding_keys::required)
    scope.report(attachment.key->at, "key: expected a text, not an empty one");
  else
    key_checker{scope, from, attachment.key->at, members}.check(key);
  return key;
}

namespace {

/// The members of a group say the same of it.
void check_group(check_scope& scope, const setting_model& group, const attach_plan& attach) {
  const subscribe_options& own = attach.settings.options;
  if (auto good = troupe::check(own); !good) return scope.report(group.value->at, good.error().message());
  for (const auto& actor : scope.made.actors) {
    for (const auto& other : actor.attach) {
      subscribe_options theirs = other.settings.options;
      theirs.group_prefetch = own.group_prefetch;  // each may have its own
      if (other.exchange != attach.exchange || theirs.group != own.group || theirs == own) continue;
      return scope.report(group.value->at,
                          fmt::format("the members of the group '{}' have one policy and limit: '{}' has {}",
                                      printable(own.group), printable(actor.name), to_string(theirs)));
    }
  }
}

}  // namespace

void check_options(check_scope& scope, const attach_model& attachment, attach_plan& attach) {
  if (attachment.settings.empty()) return;
  const auto& exchange = scope.made.exchanges[attach.exchange];
  scope.read_options(attachment.settings, attach_words(), exchange, attach.settings, attach.said);
  const auto said = [&](std::string_view word) -> const setting_model* {
    const auto found = std::find_if(attachment.settings.begin(), attachment.settings.end(),
                                    [&](const setting_model& s) { return s.name.text == word; });
    return found == attachment.settings.end() ? nullptr : &*found;
  };
  if (const auto* start = said("start"); start && exchange.kind && !exchange.kind->competing() &&
                                         !exchange.settings.options.retention &&
                                         attach.settings.options.start != start_at::latest())
    scope.report(start->name.at,
                 fmt::format("'start' needs messages to start with, and the exchange '{}' keeps none: give "
                             "it a 'retain', such as {{last: 100}}",
                             printable(exchange.name)));
  const auto* const group = said("group");
  if (group && !attach.settings.options.group.empty()) check_group(scope, *group, attach);
  if (const auto* prefetch = said("prefetch"); prefetch && !group && exchange.kind && !exchange.kind->competing())
    scope.report(prefetch->name.at, "'prefetch' is for members of a group: give the 'group'");
  if (const auto* policy = said("policy");
      policy && !group && !said("limit") && !said("limit_bytes") && !troupe::check(attach.settings.options))
    scope.report(policy->value->at, fmt::format("the policy {} needs a 'limit' (messages) or 'limit_bytes'",
                                                to_string(attach.settings.options.policy)));
  if (attach.said.empty()) return;
  attach.with = exchange.kind == exchange_kind::queue ? attach_with::prefetch : attach_with::options;
}

std::string member_key(std::string_view key, std::size_t index) {
  std::string replaced(key);
  const auto number = fmt::format("{}", index);
  for (auto at = replaced.find(index_text); at != replaced.npos; at = replaced.find(index_text, at + number.size()))
    replaced.replace(at, index_text.size(), number);
  return replaced;
}

}  // namespace troupe::pipeline::detail
