#pragma once

#include <caf/fwd.hpp>

namespace troupe::detail {

/// The actor behind `caf::aout`, which joins what each actor writes to lines. CAF's own has a thread for itself; this
/// one runs on the pool like any other.
caf::actor spawn_caf_printer(caf::actor_system& system);

}  // namespace troupe::detail
