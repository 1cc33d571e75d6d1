#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <troupe/pipeline/detail/check_scope.hpp>
#include <troupe/pipeline/detail/order.hpp>

namespace troupe::pipeline::detail {

namespace {

/// The wiring as a graph: the nodes are the actors, then the exchanges; a message goes from a node to its targets.
using graph = std::vector<std::set<std::size_t>>;

graph graph_of(const plan& made) {
  const std::size_t actors = made.actors.size();
  graph targets(actors + made.exchanges.size());
  for (std::size_t a = 0; a < actors; ++a) {
    for (const auto& p : made.actors[a].publish) targets[a].insert(actors + p.exchange);
    for (const auto& t : made.actors[a].attach) targets[actors + t.exchange].insert(a);
    for (const auto first : made.actors[a].after) targets[first].insert(a);  // its end goes there
  }
  for (std::size_t e = 0; e < made.exchanges.size(); ++e) {
    const auto& exchange = made.exchanges[e];
    for (const auto& b : exchange.attach) targets[actors + b.from].insert(actors + e);
    if (exchange.alternate) targets[actors + e].insert(actors + *exchange.alternate);
    if (exchange.dead_letters) targets[actors + e].insert(actors + *exchange.dead_letters);
  }
  return targets;
}

/// Every exchange is published to, and somebody is attached to it: to have an alternate is not enough.
void check_bound(check_scope& scope, const graph& targets) {
  const auto& made = scope.made;
  const std::size_t actors = made.actors.size();
  std::set<std::size_t> published, attached;
  for (const auto& each : targets) published.insert(each.begin(), each.end());
  for (const auto& a : made.actors)
    for (const auto& t : a.attach) attached.insert(t.exchange);
  for (const auto& e : made.exchanges)
    for (const auto& b : e.attach) attached.insert(b.from);
  std::set<std::string> seen;
  for (std::size_t e = 0; e < made.exchanges.size(); ++e) {
    const auto& name = scope.model.exchanges[e].name;
    if (name.text.empty() || !seen.insert(name.text).second) continue;
    if (!published.contains(actors + e))
      scope.report(name.at, fmt::format("nobody publishes to the exchange '{}'", printable(name.text)));
    if (!attached.contains(e))
      scope.report(name.at, fmt::format("nobody is attached to the exchange '{}'", printable(name.text)));
  }
}

/// Whom an actor waits for before it is made.
void check_after(check_scope& scope) {
  const auto& models = scope.model.actors;
  for (std::size_t a = 0; a < models.size(); ++a) {
    for (const auto& name : models[a].after) {
      const auto found = std::find_if(models.begin(), models.end(),
                                      [&](const actor_model& other) { return other.name.text == name.text; });
      if (found != models.end()) {
        scope.made.actors[a].after.push_back(static_cast<std::size_t>(found - models.begin()));
        continue;
      }
      std::vector<std::string> known;
      for (const auto& other : models) known.push_back(other.name.text);
      scope.report(name.at, fmt::format("unknown actor '{}'{}", printable(name.text), suggestion(name.text, known)));
    }
  }
}

}  // namespace

void check_wiring(check_scope& scope) {
  check_after(scope);
  const auto& models = scope.model.actors;
  const graph targets = graph_of(scope.made);
  check_bound(scope, targets);
  const auto ordered = order_sinks_first(targets);
  for (const auto node : ordered.order)
    if (node < models.size()) scope.made.sinks_first.push_back(node);
  std::vector<std::size_t> circle;
  for (const auto node : ordered.circle)
    if (node < models.size()) circle.push_back(node);
  if (circle.empty()) return;  // one of exchanges alone has been told
  if (circle.size() == 1 || circle.front() != circle.back()) circle.push_back(circle.front());
  const bool waits = std::any_of(circle.begin(), circle.end(), [&](auto a) { return !models[a].after.empty(); });
  std::vector<std::string> names;
  for (const auto actor : circle)
    names.push_back(models[actor].name.text.empty() ? "(no name)" : printable(models[actor].name.text));
  scope.report(
      where(models[circle.front()]),
      fmt::format("these actors {} in a circle, so that the pipeline would never end: {}",
                  waits ? "publish to each other, or come 'after' each other," : "publish", fmt::join(names, " -> ")));
}

}  // namespace troupe::pipeline::detail
