#pragma once

#include "../common.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include <caf/all.hpp>
#ifdef BENCH_CAF_ON_TROUPE
#include <troupe/remote/caf.hpp>
#endif

/// What the benchmarks of CAF share, on its own scheduler and, with BENCH_CAF_ON_TROUPE, on Troupe's pool. CAF keeps
/// its own defaults but for the number of workers. Numbers travel as std::uint64_t because CAF dispatches its built-in
/// types faster than a struct.
namespace bench {

/// Begins a round.
using start_atom = caf::atom_constant<caf::atom("start")>;

class caf_config : public caf::actor_system_config {
public:
  explicit caf_config(const options& opts) { set("scheduler.max-threads", std::size_t{opts.workers}); }
};

#ifdef BENCH_CAF_ON_TROUPE
/// A system on the workers of a runtime.
class caf_world {
public:
  explicit caf_world(const options& opts) : config_(opts), runtime_(configured(opts)), system_(runtime_, config_) {}
  caf::actor_system& operator*() { return *system_; }
  troupe::runtime& runtime() { return runtime_; }
  troupe::caf_system& system() { return system_; }

private:
  static troupe::runtime_options configured(const options& opts) {
    troupe::runtime_options result;
    result.workers = opts.workers;
    return result;
  }

  caf_config config_;
  troupe::runtime runtime_;
  troupe::caf_system system_;
};
#else
/// A system with its own scheduler.
class caf_world {
public:
  explicit caf_world(const options& opts) : config_(opts), system_(config_) {}
  caf::actor_system& operator*() { return system_; }

private:
  caf_config config_;
  caf::actor_system system_;
};
#endif

/// A system that ends the actors that were spawned by it when it goes.
class system_under_test {
public:
  explicit system_under_test(const options& opts) : world_(opts) {}
  system_under_test(const system_under_test&) = delete;
  system_under_test& operator=(const system_under_test&) = delete;

  caf::actor_system& operator*() { return *world_; }
  caf::actor_system* operator->() { return &*world_; }

  template <class Actor, class... Args>
  caf::actor spawn(Args&&... args) {
    actors_.push_back((*world_).spawn<Actor>(std::forward<Args>(args)...));
    return actors_.back();
  }

  ~system_under_test() {
    for (const auto& each : actors_) {
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    }
  }

private:
  caf_world world_;
  std::vector<caf::actor> actors_;
};

}  // namespace bench
