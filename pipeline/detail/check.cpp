#include <algorithm>
#include <map>
#include <thread>

#include <sched.h>

#include <fmt/format.h>

#include <troupe/pipeline/detail/check_scope.hpp>

namespace troupe::pipeline::detail {

namespace {

constexpr std::int64_t max_workers = 1024;

// What the runtime takes as its number of workers if nothing is said.
unsigned usable_cores() noexcept {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

// What the caller says goes before what the file says; else one per core.
unsigned workers(check_scope& scope, unsigned said_by_caller) {
  std::optional<std::int64_t> n;
  if (scope.model.workers) n = scope.integer(*scope.model.workers, "workers", max_workers);
  if (said_by_caller != 0) return said_by_caller;
  return n ? static_cast<unsigned>(*n) : usable_cores();
}

}  // namespace

plan check(const file_model& model, const registry& classes, const load_options& options, diagnostics& errors,
           diagnostics& notes) {
  plan made;
  value_table values(model, options.set, options.require_values, errors, notes);
  check_scope scope{model, classes, errors, notes, values, made};
  made.file = model.file;
  made.workers = workers(scope, options.workers);
  values.define_workers(made.workers);
  check_exchanges(scope);
  std::map<std::string, location> seen;
  for (const auto& actor : model.actors) {
    scope.once(seen, actor.name, "actor");
    check_actor(scope, actor);
  }
  check_wiring(scope);
  // An error elsewhere, such as a misspelt name, may be why a parameter is not used: then only that one is told.
  if (!errors.empty()) return made;
  for (const auto& name : values.unused())
    scope.note(name.at,
               fmt::format("the parameter '{0}' is used nowhere: expected '${{{0}}}' in a value of an actor or an "
                           "exchange",
                           printable(name.text)));
  return made;
}

}  // namespace troupe::pipeline::detail
