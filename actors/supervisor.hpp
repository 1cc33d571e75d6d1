#pragma once

#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/actors/detail/family.hpp>
#include <troupe/actors/runtime.hpp>  // includes this file at its end
#include <troupe/actors/supervision.hpp>

namespace troupe {

namespace detail {

/// Makes an actor of class A below the owner of `parent`.
template <class A, class... Args>
ref<A> spawn_below(const std::shared_ptr<family>& parent, child_options options, Args&&... args) {
  static_assert(!std::is_abstract_v<A>, "troupe: an actor class must not be abstract; a loop_actor defines run()");
  static_assert((std::is_copy_constructible_v<std::decay_t<Args>> && ...),
                "troupe: a supervised actor is made anew from copies of its arguments, so each must be copyable");
  using kept_args = decltype(std::make_tuple(std::forward<Args>(args)...));
  const auto fits = []<class... Kept>(std::type_identity<std::tuple<Kept...>>) {
    return std::is_constructible_v<A, const Kept&...>;
  };
  static_assert(fits(std::type_identity<kept_args>{}),
                "troupe: a supervised actor is made from copies of its arguments, which its constructor must take by "
                "const reference or value: give std::ref(x) for a reference to x");
  cell& owner = parent->owner();
  owner.core().require_up();
  auto make = [kept = kept_args(std::forward<Args>(args)...)](void* memory) {
    std::apply([&](auto&&... a) { new (memory) A(a...); }, kept);  // values are const, references are not
  };
  ref<A> made;
  actor_options own{.name = options.name, .mailbox = options.mailbox, .own_thread = options.own_thread};
  cell::make(owner.core(), class_of<A>, std::move(own), [&](cell& c, void* memory) {
    made = ref<A>(&c);
    c.join_family(std::make_unique<membership>(c, parent, std::move(options), make));
    make(memory);
  });
  return made;
}

}  // namespace detail

/// An actor that has no messages of its own, but children: it makes those anew that crash, by its `supervisor_options`.
/// When they crash too often it crashes itself, and its children end; or, if it is supervised, its supervisor decides.
/// Closing or killing it does the same to its children first, the last that was started first. Copies stand for the
/// same one. Any thread.
class supervisor : public any_ref {
public:
  /// Stands for nobody.
  supervisor() = default;
  /// Internal.
  supervisor(const any_ref& self, std::shared_ptr<detail::family> f) : any_ref(self), family_(std::move(f)) {}

  /// Makes a child of class A from copies of `args`, and again from these each time that it is made anew: the ref, the
  /// inbox, the name and the subscriptions stay, and so do those who watch it, who are not told. Lets the exceptions of
  /// A's constructor through. Throws `troupe_error`: `closed` if the supervisor ends, `shutdown` if the runtime does,
  /// `already_exists` if the name is taken.
  template <class A, class... Args>
  requires actor_class<A> ref<A> spawn(child_options options, Args&&... args)
  const { return detail::spawn_below<A>(family_, std::move(options), std::forward<Args>(args)...); }
  template <class A, class... Args>
  requires actor_class<A> ref<A> spawn(Args&&... args)
  const { return detail::spawn_below<A>(family_, {}, std::forward<Args>(args)...); }

  /// Makes a supervisor below this one. When that is made anew, so are all of its children.
  supervisor supervise(supervisor_options options) const;

  /// Closes a child for good; one that is down is killed. Errors: `not_found` if it is none of the children.
  result<void> end_child(const any_ref& child) const;
  /// Makes a child anew now, as soon as the handler that runs returns or waits; one that is down need not wait any
  /// more. This does not count as a crash. Errors: `not_found`.
  result<void> restart_child(const any_ref& child) const;
  /// Those that have not ended, in the order of their start.
  std::vector<any_ref> children() const { return family_->children(); }

private:
  std::shared_ptr<detail::family> family_;
};

template <class A, class... Args>
ref<A> actor::spawn_child(child_options options, Args&&... args) {
  return detail::spawn_below<A>(cell_->own_family(), std::move(options), std::forward<Args>(args)...);
}

}  // namespace troupe
