#include <chrono>

#include <troupe/actors/core.hpp>
#include <troupe/exchange/running_stream.hpp>

namespace troupe {

void running_stream::stop() noexcept {
  if (!control_) return;
  if (actor_.get_cell()->core().given_up())
    control_->gate.shut();  // C6: a handler may never return
  else
    control_->gate.close();
  control_->detach_all();
  actor_.close();
}

result<exit_reason> running_stream::join(std::chrono::nanoseconds timeout) const {
  if (!control_) return error(errc::invalid_argument, "join: this handle stands for no stream");
  scheduler& home = actor_.get_cell()->core().scheduler();
  const std::int64_t deadline = deadline_after(home.now(), timeout);
  auto reason = actor_.join(timeout);
  if (!reason) return reason;
  future<void> rest = control_->take_rest();
  if (!rest.valid()) return reason;
  const auto left = timeout == forever ? forever : std::chrono::nanoseconds(deadline - home.now());
  const result<void> came = rest.wait(left).get();
  const bool failed = came && rest.exception(std::chrono::nanoseconds::zero());
  control_->keep_rest(std::move(rest));  // for the next who joins
  if (!came) return came.error();
  if (failed) return exit_reason{.kind = exit_kind::crashed, .text = "on_next threw behind the end of the sources"};
  return reason;
}

}  // namespace troupe
