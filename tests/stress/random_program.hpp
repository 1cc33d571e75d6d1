#pragma once

#include <cstdint>
#include <string>

#include <troupe/scheduler/schedule_strategy.hpp>

namespace stress {

/// What one run came to.
struct program_run {
  std::string wrong{};        ///< empty: nothing
  std::uint64_t trace = 0;    ///< two runs of one schedule have the same (C12)
  std::uint64_t steps = 0;    ///< slices
  std::uint64_t handled = 0;  ///< messages
};

/// Makes a deterministic runtime, and on it a program of actors that do what the seed says: spawn, send, ask, wait for
/// room, stash, close, kill, crash, exit, watch and be linked, under supervisors and with mailboxes of all kinds.
/// Checks C1 to C5 and the accounts.
program_run run_random_program(const troupe::seeded_schedule& schedule);

}  // namespace stress
