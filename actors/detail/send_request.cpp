#include <troupe/actors/detail/send_request.hpp>

#include <troupe/actors/detail/bounded_inbox.hpp>

namespace troupe::detail {

namespace {

// Of mailboxes that have no line.
constinit spin_lock unused;

}  // namespace

send_request_base::~send_request_base() {
  if (envelope_) {
    envelope_->ops->destroy(*envelope_);
    free_envelope(envelope_);
  }
  if (to_) to_->release();
}

spin_lock& send_request_base::guard() noexcept { return to_->bounded() ? to_->bounded()->guard() : unused; }

bool send_request_base::try_fast(const void*) noexcept {
  if (to_->bounded()) {
    if (!to_->core().tapped()) return false;
    closed_ = to_->closing();  // a test may hold the close itself back
    if (closed_) return true;
    if (!to_->taken_before_wait(*envelope_)) return false;
    envelope_ = nullptr;
    return true;
  }
  closed_ = to_->closing();
  if (!closed_) (void)to_->enqueue(*std::exchange(envelope_, nullptr));
  return true;
}

bool send_request_base::try_locked(wait_node& n) noexcept {
  switch (to_->bounded()->enter_or_wait(*envelope_, n)) {
    case bounded_inbox::entry::waits: return false;
    case bounded_inbox::entry::entered: envelope_ = nullptr; break;
    case bounded_inbox::entry::closed: closed_ = true; break;
  }
  return true;
}

result<void> send_request_base::finish(const wait_end& how, const std::string* story) {
  if (closed_ || how == wait_outcome::closed)
    return error(errc::closed, "the actor " + to_->name() + " had been closed or had ended: nothing was sent");
  if (how == wait_outcome::granted) {
    envelope_ = nullptr;
    return {};
  }
  if (how == wait_outcome::deadlock && story) return error(errc::deadlock, *story);
  return error_of(how, what());
}

}  // namespace troupe::detail
