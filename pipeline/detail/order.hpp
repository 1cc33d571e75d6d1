#pragma once

#include <cstddef>
#include <set>
#include <vector>

namespace troupe::pipeline::detail {

/// An order of the nodes of a graph, each after all its targets; or, where there is none, a circle that forbids it.
struct ordering {
  std::vector<std::size_t> order;
  std::vector<std::size_t> circle;  // ends with the node that it begins with; empty: there is none
};

/// Orders the nodes 0 to targets.size() - 1. Where there is a circle, the end of the sources could never travel
/// through it, and the pipeline would not end.
ordering order_sinks_first(const std::vector<std::set<std::size_t>>& targets);

}  // namespace troupe::pipeline::detail
