#pragma once

#include <chrono>
#include <memory>

#include <caf/all.hpp>

#include <troupe/actors/runtime.hpp>

namespace troupe {

/// How a `caf_system` is made.
struct caf_options {
  /// What its destructor gives its actors to end by themselves, and then for being killed.
  std::chrono::nanoseconds shutdown = std::chrono::seconds(10);
};

/// A `caf::actor_system` whose actors run on the workers of a runtime: there is no second pool. CAF's messages count
/// against the budget of a slice as Troupe's do (C8), and its timeouts and delayed messages are timers of the runtime.
/// CAF keeps threads of its own only for actors that are detached or blocking.
///
///     troupe::runtime rt;
///     troupe::caf_system sys(rt);
///     auto a = sys->spawn<my_caf_actor>();
///
/// Several may live on one runtime, beside other systems of CAF's; they know nothing of each other. Made, shut down and
/// destroyed by one thread, outside of the runtime's own, before the runtime. On a deterministic runtime there are no
/// detached or blocking actors: their threads would be foreign ones.
class caf_system {
public:
  /// With CAF's defaults.
  explicit caf_system(runtime& rt, caf_options options = {});
  /// With a configuration, which has to live as long. The options of CAF's own scheduler have no effect, but for
  /// `scheduler.max-throughput`, where that is less than the budget of the runtime. Throws `troupe_error` (`shutdown`)
  /// once the runtime has been shut down.
  caf_system(runtime& rt, caf::actor_system_config& config, caf_options options = {});
  /// `shutdown`, with the time that the options give.
  ~caf_system();
  caf_system(const caf_system&) = delete;
  caf_system& operator=(const caf_system&) = delete;

  /// The system; until it has been shut down.
  caf::actor_system& operator*() const noexcept;
  caf::actor_system* operator->() const noexcept { return &**this; }

  /// Waits until all actors have ended, as the destructor of a `caf::actor_system` does, but not for ever: after seven
  /// tenths of the time those that are left are killed. The report names them; a line in the log does so too. What
  /// does not end even so is left to itself, with all that it can touch. If the runtime has been shut down, they are
  /// killed at once. Later calls do nothing, and give an empty report.
  shutdown_report shutdown(std::chrono::nanoseconds deadline);

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace troupe
