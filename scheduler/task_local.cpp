#include <troupe/scheduler/detail/local_binding.hpp>
#include <troupe/scheduler/detail/strand_extras.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe::detail {

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

local_chain& current_locals() { return this_trampoline ? this_trampoline->self->extras().locals : locals_of_thread(); }

local_binding* newest_local() noexcept {
  if (!this_trampoline) return locals_of_thread().newest();
  const strand_extras* x = this_trampoline->self->extras_if_any();
  return x ? x->locals.newest() : nullptr;
}

void inherit_locals(strand& child) {
  if (local_binding* b = newest_local()) child.extras().locals = local_chain(b);
}

}  // namespace troupe::detail
