#include <troupe/scheduler/executor.hpp>

#include <algorithm>

#include <fmt/format.h>

namespace troupe {

namespace {

detail::crew_options checked(const scheduler& home, executor_options&& o) {
  if (o.max_workers > 1024)
    throw troupe_error(errc::invalid_argument,
                       fmt::format("executor \"{}\": {} workers: at most 1024", o.name, o.max_workers));
  if (o.initializer && !o.own_threads)
    throw troupe_error(
        errc::invalid_argument,
        fmt::format("executor \"{}\": an initializer is for threads of its own: set own_threads", o.name));
  if (o.max_workers == 0) o.max_workers = o.own_threads ? std::min(32U, home.size() + 4) : home.size();
  detail::crew_options c;
  c.what = fmt::format("executor \"{}\"", o.name);
  c.prefix = o.name + "-";
  c.lanes = o.max_workers;
  c.threads = o.own_threads && !home.deterministic();
  c.initializer = std::move(o.initializer);
  return c;
}

}  // namespace

executor::executor(scheduler& home, executor_options options)
    : crew_(detail::crew::start(home, checked(home, std::move(options)))) {}

executor::~executor() { (void)shutdown(); }

result<void> executor::shutdown(executor_shutdown how) {
  crew_->close(how.cancel_pending);
  if (!how.wait) return {};
  auto all = crew_->ended();
  result<void> waited = all.get();
  if (waited) crew_->join();
  return waited;
}

}  // namespace troupe
