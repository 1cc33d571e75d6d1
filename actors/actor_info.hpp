#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <troupe/actors/ref.hpp>
#include <troupe/scheduler/live_tasks.hpp>

namespace troupe {

/// One actor that is alive, and what it does, at the moment of looking.
struct actor_info {
  any_ref who;
  std::string name;        ///< as it was given, else class#id
  std::string class_name;  ///< "supervisor" for those of `supervise`
  std::uint64_t id = 0;    ///< as `any_ref::id`
  any_ref parent{};        ///< its supervisor or parent; stands for nobody if it has none
  task_state state = task_state::runnable;
  std::string waits_for{};              ///< as `task_info::waits_for`
  std::string message{};                ///< that it handles now; empty unless it is running
  std::chrono::nanoseconds since{};     ///< for how long it has been running, to 10 ms
  std::uint32_t handled = 0;            ///< messages so far, but for those of the slice that runs; modulo 2^32
  std::optional<std::size_t> queued{};  ///< messages in its mailbox, where that is known: it has a limit, or is empty
};

}  // namespace troupe
