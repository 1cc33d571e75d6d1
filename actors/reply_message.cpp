#include <troupe/actors/detail/reply_message.hpp>

#include <memory>
#include <string>

namespace troupe::detail {

reply_wait::~reply_wait() {
  if (!state_) return;  // it never began
  const bool late = !settled_;
  settle();
  core& k = asker_->core();
  if (late) k.count(&core::counters::late_replies);
  k.reply_came();
  asker_->release();
}

void reply_wait::begin(future_state_base& state, std::chrono::nanoseconds timeout) {
  asker_->retain();
  asker_->core().reply_awaited();
  state_ = &state;
  // The slice that runs is the asker's: whoever sends the message meanwhile, this stays.
  if (!state.await(*this)) return completed();
  if (timeout == forever) return;
  timed_ = true;
  asker_->home().arm(*this, deadline_after(asker_->home().now(), timeout));
}

void reply_wait::settle() noexcept {
  settled_ = true;
  if (!std::exchange(timed_, false)) return;
  if (!asker_->home().cancel(*this))
    while (!fired_.load(acquire)) yield_thread();
}

void reply_wait::completed() noexcept {
  const any_ref kept(asker_);  // where the actor has ended, this goes with the message
  (void)kept.get_cell()->enqueue(*message_);
}

void reply_wait::fire() noexcept {
  std::unique_ptr<std::string> circumstances;
  const bool ours = state_->give_up(*this, errc::timeout, circumstances);
  if (circumstances) circumstances_ = std::move(*circumstances);
  gave_up_ = ours;
  fired_.store(true, release);
  if (ours) completed();
}

}  // namespace troupe::detail
