#include <troupe/actors/detail/handler_strand.hpp>

#include <new>
#include <utility>

#include <fmt/format.h>

#include <troupe/base/pool.hpp>
#include <troupe/scheduler/worker.hpp>

namespace troupe::detail {

const message_ops go_on_ops{
    // A handler that has gone meanwhile has no coroutine, and this is nothing but a message of the runtime's.
    .handle = [](cell&, envelope& e) -> root_handle { return static_cast<go_on_message&>(e).handler->root(); },
    .destroy = [](envelope& e) noexcept { static_cast<go_on_message&>(e).handler->let_go(); },
    .size = sizeof(go_on_message),
    .alignment = alignof(go_on_message),
    .name = "going on",
    .system = true};

go_on_message::go_on_message(handler_strand& s) noexcept : envelope(go_on_ops), handler(&s) { s.keep(); }

handler_strand::handler_strand(cell& c, root_handle handler, const char* message_name) noexcept
    : strand(c.home()), cell_(&c), root_(handler), message_name_(message_name) {
  cell_->retain();
  resume_at = handler;
}

handler_strand* handler_strand::make(cell& c, root_handle handler, const char* message_name) {
  return new (pool_allocate(sizeof(handler_strand), alignof(handler_strand))) handler_strand(c, handler, message_name);
}

void handler_strand::let_go() noexcept {
  if (refs_.fetch_sub(1, acq_rel) != 1) return;
  cell* const c = cell_;
  this->~handler_strand();
  pool_free(this, sizeof(handler_strand), alignof(handler_strand));
  c->release();
}

std::string handler_strand::describe() const { return fmt::format("{} ({})", cell_->name(), message_name_); }

void handler_strand::run() noexcept {
  if (worker* here = current_worker()) here->show(this, message_name_);
  end_wait();
  arrive();
}

void handler_strand::arrive() noexcept {
  cell& c = *cell_;
  if (at_.load(acquire) == place::away) {
    envelope& e = *make_envelope<go_on_message>(*this);
    place expected = place::away;
    if (at_.compare_exchange_strong(expected, place::queued, acq_rel, acquire)) {
      c.retain();  // the message may come too late, and takes this and its reference to the cell with it
      (void)c.enqueue(e);
      return c.release();
    }
    e.ops->destroy(e);
    free_envelope(&e);
  }
  if (abandon_forks()) c.handler_came();
}

bool handler_strand::doom() noexcept {
  if (at_.exchange(place::doomed, acq_rel) != place::away) return abandon_forks();
  cancel_waits();
  return false;
}

void handler_strand::destroy_root() noexcept {
  stop_alone();
  std::exchange(root_, {}).destroy();
  if (const stream_reader::held_message kept = std::exchange(from_stream, {}); kept.release)
    kept.release(kept.message, kept.place);
}

}  // namespace troupe::detail
