#pragma once

#include <troupe/pipeline/registry.hpp>

namespace troupe::pipeline::stock {

/// Registers the actor classes and messages that every pipeline may use: `line_source`, `printer`, `line_file`.
void register_classes(registry& classes);

}  // namespace troupe::pipeline::stock
