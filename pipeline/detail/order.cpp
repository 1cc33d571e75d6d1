#include <troupe/pipeline/detail/order.hpp>

#include <algorithm>

namespace troupe::pipeline::detail {

namespace {

// Follows, from a node that is left over, targets that are left over until a node comes again.
std::vector<std::size_t> find_circle(const std::vector<std::set<std::size_t>>& targets,
                                     const std::vector<std::size_t>& open) {
  const auto left_over = [&](std::size_t node) { return open[node] != 0; };
  std::vector<std::size_t> path;
  std::size_t node = 0;
  while (!left_over(node)) ++node;
  while (std::find(path.begin(), path.end(), node) == path.end()) {
    path.push_back(node);
    node = *std::find_if(targets[node].begin(), targets[node].end(), left_over);
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), node));
  path.push_back(node);
  return path;
}

}  // namespace

ordering order_sinks_first(const std::vector<std::set<std::size_t>>& targets) {
  std::vector<std::vector<std::size_t>> sources(targets.size());
  std::vector<std::size_t> open(targets.size());  // targets of each that are not yet in the order
  std::vector<std::size_t> ready;
  for (std::size_t node = 0; node < targets.size(); ++node) {
    open[node] = targets[node].size();
    for (const auto target : targets[node]) sources[target].push_back(node);
    if (open[node] == 0) ready.push_back(node);
  }
  ordering result;
  while (!ready.empty()) {
    const auto node = ready.back();
    ready.pop_back();
    result.order.push_back(node);
    for (const auto source : sources[node])
      if (--open[source] == 0) ready.push_back(source);
  }
  if (result.order.size() != targets.size()) result.circle = find_circle(targets, open);
  return result;
}

}  // namespace troupe::pipeline::detail
