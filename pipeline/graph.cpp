#include <fmt/format.h>

#include <troupe/pipeline/detail/plan.hpp>
#include <troupe/pipeline/pipeline.hpp>

namespace troupe::pipeline {

namespace {

// A text as a quoted DOT id; "\n" is kept, as DOT's line break.
std::string dot_text(std::string_view text) {
  std::string q = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') q += '\\';
    if (c == '\n')
      q += "\\n";
    else
      q += c;
  }
  return q + '"';
}

// Actors and exchanges may share a name, so that their ids need to differ.
std::string actor_id(std::string_view name) { return dot_text(fmt::format("actor {}", name)); }
std::string exchange_id(std::string_view name) { return dot_text(fmt::format("exchange {}", name)); }

// The key, and below it what becomes of messages that wait.
std::string label_of(const detail::attach_plan& t) {
  if (!t.options) return t.key;
  return t.key + (t.key.empty() ? "" : "\n") + to_string(*t.options);
}

}  // namespace

std::string pipeline::graph() const {
  std::string dot =
      "digraph pipeline {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n";
  for (const auto& e : plan_->exchanges)
    dot += fmt::format("  {} [shape=ellipse, label={}];\n", exchange_id(e.name),
                       dot_text(fmt::format("{}\n{} of {}", e.name, to_string(e.kind), e.message->name)));
  for (const auto& a : plan_->actors) {
    const auto label = a.count == 1 ? fmt::format("{}\n{}", a.name, a.actor_class->name)
                                    : fmt::format("{} x {}\n{}", a.name, a.count, a.actor_class->name);
    dot += fmt::format("  {} [shape=box, label={}];\n", actor_id(a.name), dot_text(label));
  }
  for (const auto& a : plan_->actors) {
    for (const auto& p : a.publish)
      dot += fmt::format("  {} -> {} [label={}];\n", actor_id(a.name), exchange_id(plan_->exchanges[p.exchange].name),
                         dot_text(p.port));
    for (const auto& t : a.attach)
      dot += fmt::format("  {} -> {} [label={}];\n", exchange_id(plan_->exchanges[t.exchange].name), actor_id(a.name),
                         dot_text(label_of(t)));
  }
  return dot + "}\n";
}

}  // namespace troupe::pipeline
