#pragma once

#include <stop_token>
#include <string>

#include <troupe/scheduler/detail/cancel_region.hpp>
#include <troupe/scheduler/detail/local_binding.hpp>

namespace troupe::detail {

/// What few strands have, in one piece so that the others pay with one pointer.
struct strand_extras {
  std::string name;                         ///< given at spawn; written before the strand runs
  std::stop_source stop{std::nostopstate};  ///< of the whole strand; under its lock (S3)
  cancel_region* region = nullptr;          ///< the innermost; changed by the strand itself, under its lock
  local_chain locals;                       ///< task-local values; the strand's own
};

}  // namespace troupe::detail
