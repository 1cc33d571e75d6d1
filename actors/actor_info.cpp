#include <troupe/actors/actor_info.hpp>

#include <fmt/format.h>

#include <troupe/actors/detail/bounded_inbox.hpp>
#include <troupe/actors/detail/family.hpp>
#include <troupe/actors/runtime.hpp>

namespace troupe {

namespace {

/// What the strand waits for; the rest is the same for all of its kind.
void look_at_wait(cell& c, actor_info& info) {
  c.inspect_wait([&](const wait_point* w) {
    if (!w) return;
    info.state = w->wait_kind() == wait_point::kind::sleep ? task_state::sleeping : task_state::waiting;
    info.waits_for = detail::wait_text(*w);
  });
  if (info.state == task_state::runnable && c.waits_for_message()) {
    info.state = task_state::receiving;
    info.waits_for = "a message";
    info.queued = 0;
  }
  if (const detail::bounded_inbox* b = c.bounded()) info.queued = b->size();
}

}  // namespace

std::vector<actor_info> runtime::actors() const {
  std::vector<actor_info> all;
  const std::vector<worker_info> workers = scheduler().inspect();
  for (const any_ref& a : all_actors()) {
    cell& c = *a.get_cell();
    actor_info info{a, a.name(), c.of_class().name, a.id()};
    if (const detail::membership* place = c.place()) info.parent = any_ref(&place->parent->owner());
    info.handled = c.handled();
    look_at_wait(c, info);
    for (const worker_info& w : workers) {
      if (w.subject != static_cast<const void*>(static_cast<strand*>(&c)) && w.subject != &c) continue;
      info.state = task_state::running;
      info.message = w.detail;
      info.since = w.since;
    }
    all.push_back(std::move(info));
  }
  return all;
}

result<any_ref> runtime::find_named(std::string_view name, const detail::actor_class& as) const {
  cell* const found = core_->names().find(name);
  if (!found) return error(errc::not_found, fmt::format("no living actor is called \"{}\"", name));
  any_ref who(found);
  found->release();
  if (&found->of_class() != &as)
    return error(errc::type_mismatch,
                 fmt::format("\"{}\" is of class {}, not of class {}", name, found->of_class().name, as.name));
  return who;
}

}  // namespace troupe
