#include <troupe/actors/detail/no_answer.hpp>

#include <troupe/actors/detail/last_words.hpp>

namespace troupe::detail {

namespace {

error error_after(const exit_reason& reason, errc code) noexcept {
  switch (reason.kind) {
    case exit_kind::killed: return error_saying(code, [] { return "the actor was killed"; });
    case exit_kind::crashed:
      return error_saying(
          code, [&] { return "the actor crashed: " + reason.text; }, reason.exception);
    case exit_kind::exited: return error_saying(code, [&] { return "the actor ended: " + to_string(reason); });
    case exit_kind::normal:
    case exit_kind::shutdown: break;
  }
  return error_saying(code, [] { return "the actor was closed"; });
}

}  // namespace

errc no_answer::code() const noexcept {
  if (!after_) return code_;
  if (after_->kind == exit_kind::killed) return errc::killed;
  return after_->abnormal() ? errc::crashed : errc::closed;
}

const error& no_answer::why() noexcept {
  if (!why_) why_ = after_ ? error_after(*after_, code()) : error_saying(code_, [this] { return words_; });
  return *why_;
}

}  // namespace troupe::detail
