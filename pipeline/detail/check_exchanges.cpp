#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <troupe/pipeline/detail/check_scope.hpp>
#include <troupe/pipeline/detail/order.hpp>

namespace troupe::pipeline::detail {

namespace {

std::optional<exchange_kind> check_kind(check_scope& scope, const exchange_model& model) {
  if (!model.kind) return exchange_kind::fanout;
  const auto& name = model.kind->text;
  if (name.empty()) return {};
  if (const auto* kind = scope.classes.find_kind(name)) return *kind;
  std::vector<std::string> known;
  for (const auto& k : scope.classes.kinds()) known.emplace_back(k.name());
  scope.report(model.kind->at, fmt::format("unknown kind '{}'{}", printable(name), suggestion(name, known)));
  return {};
}

std::shared_ptr<const message_info> check_message(check_scope& scope, const located& name) {
  if (name.text.empty()) return nullptr;
  auto found = scope.classes.find_message(name.text);
  if (!found)
    scope.report(name.at, fmt::format("unknown message '{}'{}", printable(name.text),
                                      suggestion(name.text, names_of(scope.classes.messages()))));
  return found;
}

/// What an exchange keeps: the words under `retain` together.
void check_retention(check_scope& scope, const setting_model& said, exchange_plan& exchange) {
  const auto& table = retain_words();
  const auto words = words_of(table);
  if (!said.value->is(yaml_node::kind::map) || said.value->entries.empty()) {
    scope.report(said.name.at, fmt::format("expected a map under 'retain', such as {{last: 100}}, not {}{}",
                                           describe(*said.value), suggestion("", words)));
    return;
  }
  if (exchange.kind && exchange.kind->competing()) {
    scope.report(said.name.at,
                 fmt::format("the exchange '{}' is of kind {}, which gives a message to one of several and keeps none "
                             "for those who come later: remove 'retain'",
                             printable(exchange.name), to_string(*exchange.kind)));
    return;
  }
  std::vector<setting_model> known;
  for (const auto& e : said.value->entries) {
    if (find_word(table, e.key) != nullptr)
      known.push_back({{e.key, e.at}, e.value});
    else
      scope.report(e.at, fmt::format("unknown key '{}' of 'retain'{}", printable(e.key), suggestion(e.key, words)));
  }
  retention kept;
  said_options texts;
  scope.read_options(known, table, exchange, kept, texts);
  const bool nothing = kept == retention();
  if (nothing && !texts.empty())
    scope.report(said.name.at, "'retain' keeps nothing: remove it, or give 'last', 'for_time' or 'bytes'");
  if (nothing) return;
  if (kept.messages == 0) kept.messages = retention::unlimited;
  exchange.settings.options.retention = kept;
  exchange.said.push_back(fmt::format("retain {}", fmt::join(texts, ", ")));
}

/// The exchange that a word such as `alternate` names.
std::optional<std::size_t> named_exchange(check_scope& scope, const exchange_model& model, std::string_view word,
                                          const std::string& name) {
  if (name.empty()) return {};
  for (const auto& each : model.settings)
    if (each.name.text == word) return scope.find_exchange({name, each.value->at});
  return {};
}

location place_of(const exchange_model& model, std::string_view word) {
  for (const auto& each : model.settings)
    if (each.name.text == word) return each.value->at;
  return model.name.at;
}

void check_settings(check_scope& scope, const exchange_model& model, exchange_plan& exchange) {
  scope.read_options(model.settings, exchange_words(), exchange, exchange.settings, exchange.said);
  if (model.retain) check_retention(scope, *model.retain, exchange);
  const auto& said = exchange.settings;
  if (said.for_queue.when_full != overflow::fail && said.for_queue.limit == queue::unbounded)
    scope.report(place_of(model, "when_full"), "'when_full' needs a 'limit': how many messages may wait");
}

std::string message_of(const exchange_plan& e) {
  return fmt::format("the exchange '{}' carries '{}'", printable(e.name), e.message->name);
}

void check_alternate(check_scope& scope, const exchange_model& model, exchange_plan& exchange) {
  exchange.alternate = named_exchange(scope, model, "alternate", exchange.settings.options.alternate);
  if (!exchange.alternate) return;
  const auto& to = scope.made.exchanges[*exchange.alternate];
  if (exchange.message && to.message && exchange.message != to.message)
    scope.report(place_of(model, "alternate"), fmt::format("{}, but its alternate '{}' carries '{}'",
                                                           message_of(exchange), printable(to.name), to.message->name));
}

void check_dead_letters(check_scope& scope, const exchange_model& model, exchange_plan& exchange) {
  exchange.dead_letters = named_exchange(scope, model, "dead_letters", exchange.settings.for_queue.dead_letters);
  if (!exchange.dead_letters) return;
  const auto& to = scope.made.exchanges[*exchange.dead_letters];
  if (!exchange.message || !to.message || exchange.message == to.message) return;
  if (to.message->type == exchange.message->dead_letter) return;
  scope.report(
      place_of(model, "dead_letters"),
      fmt::format("{}, but '{}', which gets its dead letters, carries '{}': expected '{}', or the message that "
                  "is registered for dead_lettered of it",
                  message_of(exchange), printable(to.name), to.message->name, exchange.message->name));
}

void check_binding(check_scope& scope, const attach_model& attachment, exchange_plan& to) {
  for (const auto& option : attachment.settings)
    scope.report(option.name.at, fmt::format("'{}' is for actors: what '{}' is attached to passes on each message at "
                                             "once. Say it where actors are attached to '{}'",
                                             option.name.text, printable(to.name), printable(to.name)));
  const auto index = scope.find_exchange(attachment.exchange);
  if (!index) {
    if (attachment.key) scope.values.check_names(*attachment.key, "key");
    return;
  }
  const auto& from = scope.made.exchanges[*index];
  binding_plan binding{*index, check_key(scope, attachment, from, 0)};
  const auto at = attachment.exchange.at;
  const auto again = [&](const binding_plan& b) { return b.from == binding.from && b.key == binding.key; };
  if (std::any_of(to.attach.begin(), to.attach.end(), again))
    scope.report(at, fmt::format("attached to '{}' a second time", printable(from.name)));
  if (from.kind && from.kind->competing())
    scope.report(at,
                 fmt::format("the exchange '{0}' is of kind {1}, which gives a message to one of its subscribers, and "
                             "'{2}' cannot be one of them: attach '{2}' to what '{0}' gets its messages from",
                             printable(from.name), to_string(*from.kind), printable(to.name)));
  if (from.message && to.message && from.message != to.message)
    scope.report(at, fmt::format("{}, but '{}', which is attached to it, carries '{}'", message_of(from),
                                 printable(to.name), to.message->name));
  else if (from.message && !from.message->copyable)
    scope.report(at, fmt::format("'{}' cannot be copied, and so not be passed on from one exchange to another: let the "
                                 "actors be attached to '{}'",
                                 from.message->name, printable(from.name)));
  to.attach.push_back(std::move(binding));
}

void check_circles(check_scope& scope) {
  const auto& all = scope.made.exchanges;
  std::vector<std::set<std::size_t>> targets(all.size());
  for (std::size_t e = 0; e < all.size(); ++e) {
    for (const auto& b : all[e].attach) targets[b.from].insert(e);
    if (all[e].alternate) targets[e].insert(*all[e].alternate);
    if (all[e].dead_letters) targets[e].insert(*all[e].dead_letters);
  }
  const auto circle = order_sinks_first(targets).circle;
  if (circle.empty()) return;
  std::vector<std::string> names;
  for (const auto e : circle) names.push_back(printable(all[e].name));
  scope.report(scope.model.exchanges[circle.front()].name.at,
               fmt::format("these exchanges pass messages on in a circle: {}: remove one 'attach', 'alternate' or "
                           "'dead_letters' of them",
                           fmt::join(names, " -> ")));
}

}  // namespace

void check_exchanges(check_scope& scope) {
  const auto& models = scope.model.exchanges;
  auto& made = scope.made.exchanges;
  std::map<std::string, location> seen;
  for (const auto& model : models) {
    scope.once(seen, model.name, "exchange");
    exchange_plan exchange;
    exchange.name = model.name.text;
    exchange.message = check_message(scope, model.message);
    exchange.kind = check_kind(scope, model);
    check_settings(scope, model, exchange);
    made.push_back(std::move(exchange));
  }
  for (std::size_t i = 0; i < models.size(); ++i) {
    check_alternate(scope, models[i], made[i]);
    check_dead_letters(scope, models[i], made[i]);
    for (const auto& attachment : models[i].attach) check_binding(scope, attachment, made[i]);
  }
  check_circles(scope);
}

}  // namespace troupe::pipeline::detail
