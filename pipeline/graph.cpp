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

// The first line, if it says something, and a line for each option.
std::string label_of(const std::string& first, const detail::said_options& said) {
  std::string label = first;
  for (const auto& each : said) label += (label.empty() ? "" : "\n") + each;
  return label;
}

}  // namespace

std::string pipeline::graph() const {
  std::string dot =
      "digraph pipeline {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n";
  for (const auto& e : plan_->exchanges)
    dot += fmt::format(
        "  {} [shape=ellipse, label={}];\n", exchange_id(e.name),
        dot_text(label_of(fmt::format("{}\n{} of {}", e.name, to_string(*e.kind), e.message->name), e.said)));
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
                         dot_text(label_of(t.key, t.said)));
    for (const auto first : a.after)
      dot += fmt::format("  {} -> {} [style=dotted, arrowhead=empty, label=\"then\"];\n",
                         actor_id(plan_->actors[first].name), actor_id(a.name));
  }
  // What exchanges send on by themselves: as a rule, and for want of somebody who takes it.
  const auto between = [&](const std::string& from, std::size_t to, std::string_view style, std::string_view label) {
    dot += fmt::format("  {} -> {} [style={}, label={}];\n", exchange_id(from), exchange_id(plan_->exchanges[to].name),
                       style, dot_text(label));
  };
  for (std::size_t i = 0; i < plan_->exchanges.size(); ++i) {
    const auto& e = plan_->exchanges[i];
    for (const auto& b : e.attach) between(plan_->exchanges[b.from].name, i, "bold", b.key);
    if (e.alternate) between(e.name, *e.alternate, "dashed", "alternate");
    if (e.dead_letters) between(e.name, *e.dead_letters, "dotted", "dead_letters");
  }
  return dot + "}\n";
}

}  // namespace troupe::pipeline
