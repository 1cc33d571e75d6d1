#pragma once

#include "../common.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include <caf/all.hpp>

/// What the benchmarks of CAF share. CAF keeps its own defaults but for the number of workers. Numbers travel as
/// std::uint64_t because CAF dispatches its built-in types faster than a struct.
namespace bench {

/// Begins a round.
using start_atom = caf::atom_constant<caf::atom("start")>;

class caf_config : public caf::actor_system_config {
public:
  explicit caf_config(const options& opts) { set("scheduler.max-threads", std::size_t{opts.workers}); }
};

/// A system that ends the actors that were spawned by it when it goes.
class system_under_test {
public:
  explicit system_under_test(const options& opts) : config_(opts), system_(config_) {}
  system_under_test(const system_under_test&) = delete;
  system_under_test& operator=(const system_under_test&) = delete;

  caf::actor_system& operator*() { return system_; }
  caf::actor_system* operator->() { return &system_; }

  template <class Actor, class... Args>
  caf::actor spawn(Args&&... args) {
    actors_.push_back(system_.spawn<Actor>(std::forward<Args>(args)...));
    return actors_.back();
  }

  ~system_under_test() {
    for (const auto& each : actors_) {
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    }
  }

private:
  caf_config config_;
  caf::actor_system system_;
  std::vector<caf::actor> actors_;
};

}  // namespace bench
