#include <troupe/scheduler/detail/local_binding.hpp>
#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe::detail {

constinit thread_local bool thread_has_locals = false;

namespace {

local_chain& locals_of_thread() noexcept {
  static thread_local local_chain chain;
  return chain;
}

}  // namespace

void local_binding::release(local_binding* b) noexcept {
  while (b && b->refs.fetch_sub(1, acq_rel) == 1) {  // a loop: chains may be long
    local_binding* outer = b->outer;
    b->destroy(b);
    b = outer;
  }
}

local_chain& current_locals() {
  if (this_trampoline) {
    this_trampoline->self->has_locals = true;
    return this_trampoline->self->extras().locals;
  }
  thread_has_locals = true;
  return locals_of_thread();
}

local_binding* newest_local() noexcept {
  if (!this_trampoline) return thread_has_locals ? locals_of_thread().newest() : nullptr;
  const strand& self = *this_trampoline->self;
  return self.has_locals ? self.extras_if_any()->locals.newest() : nullptr;
}

borrowed_locals::borrowed_locals(local_binding* newest) noexcept
    : own_(std::exchange(locals_of_thread(), local_chain(newest))),
      had_own_(std::exchange(thread_has_locals, newest != nullptr)) {}

borrowed_locals::~borrowed_locals() {
  locals_of_thread() = std::move(own_);
  thread_has_locals = had_own_;
}

void set_locals(strand& child, local_binding& newest) {
  child.extras().locals = local_chain(&newest);
  child.has_locals = true;
}

void drop_locals(strand& ended) noexcept { ended.extras_if_any()->locals = local_chain(); }

}  // namespace troupe::detail
