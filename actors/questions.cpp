#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/last_words.hpp>
#include <troupe/actors/detail/question.hpp>

// Questions whose asker gives up.

namespace troupe {

namespace detail {

question::question(core& k) noexcept : core_(&k) {
  trampoline& t = current_trampoline();
  strand_ = t.self;
  strand_->renew_stop_token();
  t.hook = this;  // a question has no gate, whose passage could stand there
}

void question::reader_gone() noexcept {
  core_->count(&core::counters::called_off);
  strand_->request_stop();
  told_.store(true, release);
}

void question::leave(bool untold) noexcept {
  if (trampoline* t = this_trampoline; t && t->hook == this) t->hook = nullptr;
  if (untold) return;
  while (!told_.load(acquire)) yield_thread();  // Q2
  strand_->forget_stop();
}

}  // namespace detail

bool cell::asker_gone() const noexcept {
  const detail::envelope* const e = at_hand();
  return e && e->ops->unwanted && e->ops->unwanted(*e);
}

detail::root_handle cell::skip_unwanted(detail::envelope& e, const detail::message_ops& gone) noexcept {
  core_->refuse(*this, e, loss::cancelled, [] {
    return detail::error_saying(errc::cancelled, [] { return "nobody wants the answer any more"; });
  });
  e.ops = &gone;
  return {};
}

}  // namespace troupe
