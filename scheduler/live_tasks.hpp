#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <troupe/scheduler/scheduler.hpp>

namespace troupe {

class wait_point;

/// What a green thread or an actor does.
enum class task_state : std::uint8_t {
  running,    ///< on some worker
  runnable,   ///< it waits for a worker
  sleeping,   ///< until a point in time
  waiting,    ///< for a lock, a signal, a result, children
  receiving,  ///< for a message: an actor that has nothing to do, or a receiver of a channel
};

/// The name of a state, such as "sleeping".
std::string_view to_string(task_state state) noexcept;

/// One green thread or actor that is alive.
struct task_info {
  std::uint64_t id;       ///< what its handle's `id()` says; 0 for a nameless green thread that nobody asked for it
  std::string name;       ///< as it was given, else a description
  task_state state;       ///< at the moment of looking
  std::string waits_for;  ///< `mutex "accounts"`, `a future<int>`; empty if it does not wait
};

/// Who is alive on a scheduler and what each does: Python's `asyncio.all_tasks`, in one list with the actors and the
/// children of forks. What is said of each is true at one moment, not the same for all. Looks at one after the other,
/// so it costs about a microsecond each, and workers that begin or end one may wait meanwhile. Throws `std::bad_alloc`.
/// Any thread.
std::vector<task_info> live_tasks(scheduler& home);

namespace detail {

/// What a wait is for: in its own words, or by the name of its type.
std::string wait_text(const wait_point& w);

}  // namespace detail
}  // namespace troupe
