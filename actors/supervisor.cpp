#include <troupe/actors/supervisor.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <troupe/actors/detail/cell_extras.hpp>

namespace troupe {

namespace detail {

namespace {

/// What a supervisor is as an actor: nothing beside its children.
class supervisor_body final : public actor {};

constexpr actor_class supervisor_class = [] {
  actor_class c = describe_class<supervisor_body>();
  c.name = "supervisor";
  return c;
}();

void require_valid(const supervisor_options& o) {
  const auto refuse = [](const char* what) {
    throw troupe_error(errc::invalid_argument, fmt::format("supervisor_options: {}", what));
  };
  if (o.window.count() <= 0) refuse("the window must be positive");
  if (o.backoff.first.count() < 0) refuse("backoff.first must not be negative");
  if (o.backoff.longest < o.backoff.first) refuse("backoff.longest must not be less than backoff.first");
  if (!(o.backoff.jitter >= 0 && o.backoff.jitter <= 1)) refuse("backoff.jitter must be from 0 to 1");
}

supervisor make_supervisor(core& k, std::shared_ptr<family> parent, supervisor_options options) {
  k.require_up();
  require_valid(options);
  any_ref self;
  std::shared_ptr<family> children;
  actor_options own{.name = options.name};
  const auto make = [](void* memory) { new (memory) supervisor_body; };
  cell::make(k, supervisor_class, std::move(own), [&](cell& c, void* memory) {
    self = any_ref(&c);
    children = c.own_family(std::move(options));
    children->keep_over_restarts();
    if (parent) c.join_family(std::make_unique<membership>(c, std::move(parent), child_options{}, make));
    make(memory);
  });
  return {self, std::move(children)};
}

}  // namespace

}  // namespace detail

supervisor supervisor::supervise(supervisor_options options) const {
  return detail::make_supervisor(get_cell()->core(), family_, std::move(options));
}

supervisor runtime::supervise(supervisor_options options) {
  return detail::make_supervisor(*core_, nullptr, std::move(options));
}

result<void> supervisor::end_child(const any_ref& child) const {
  if (family_->end_child(child)) return {};
  return error(errc::not_found, fmt::format("{} is no child of {}", child.name(), name()));
}

result<void> supervisor::restart_child(const any_ref& child) const {
  if (family_->restart_child(child)) return {};
  return error(errc::not_found, fmt::format("{} is no child of {}", child.name(), name()));
}

void actor::supervise_children(supervisor_options options) {
  detail::require_valid(options);
  if (!cell_->own_family(std::move(options))->children().empty())
    throw troupe_error(errc::invalid_argument, "supervise_children comes before the first spawn_child");
}

std::vector<any_ref> actor::children() const { return cell_->own_family()->children(); }

}  // namespace troupe
