#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <troupe/actors/cell.hpp>
#include <troupe/scheduler/future.hpp>

namespace troupe::detail {

/// What few actors need: allocated when first used, freed with the cell. Under its mutex but for `name`.
struct cell_extras {
  cell_extras() = default;
  /// Extras of an actor that has ended.
  explicit cell_extras(exit_kind kind) : gone(true), reason{kind, {}} {}

  std::string name;  ///< set before the actor starts, then only read
  std::mutex mutex;
  bool gone = false;  ///< the actor has ended: nothing is added any more
  exit_reason reason;
  exit_reason ending{};  ///< of an actor that waits for the children of its last handler; the slice's
  std::vector<promise<exit_reason>> watchers;
  std::vector<std::shared_ptr<end_hook>> hooks;
  unsigned inputs = 0;
  std::vector<stream_reader*> streams;  ///< the slice's: not under the mutex
  extras_slot of_strand;                ///< what green threads have too; not under the mutex
};

}  // namespace troupe::detail
