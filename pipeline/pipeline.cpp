#include <troupe/pipeline/pipeline.hpp>

#include <map>
#include <utility>

#include <troupe/pipeline/detail/model.hpp>
#include <troupe/pipeline/detail/plan.hpp>
#include <troupe/pipeline/detail/yaml.hpp>

namespace troupe::pipeline {

namespace {

void in_file_order(diagnostics& errors) {
  std::multimap<location, diagnostic> sorted;  // keeps the order of those with the same place
  for (auto& e : errors) {
    const auto at = e.at;
    sorted.emplace(at, std::move(e));
  }
  errors.clear();
  for (auto& [at, e] : sorted) errors.push_back(std::move(e));
}

}  // namespace

load_result pipeline::load(const std::filesystem::path& file, const registry& classes, const load_options& options) {
  load_result loaded;
  const auto text = detail::read_text(file, loaded.errors);
  if (!text) return loaded;
  const auto root = detail::parse_yaml(file.native(), *text, loaded.errors);
  if (!root) return loaded;
  const auto model = detail::read_model(file.native(), *root, loaded.errors);
  auto checked = detail::check(model, classes, options, loaded.errors, loaded.notes);
  in_file_order(loaded.errors);
  in_file_order(loaded.notes);
  if (loaded.errors.empty()) loaded.value = pipeline(std::make_shared<const detail::plan>(std::move(checked)));
  return loaded;
}

unsigned pipeline::workers() const { return plan_->workers; }

std::vector<std::string> pipeline::exchanges() const {
  std::vector<std::string> names;
  for (const auto& e : plan_->exchanges) names.push_back(e.name);
  return names;
}

}  // namespace troupe::pipeline
