#include <troupe/actors/states.hpp>

#include <memory>

#include <fmt/format.h>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/cell_extras.hpp>
#include <troupe/actors/detail/last_words.hpp>

namespace troupe {

void cell::become(const void* tag, void* object, const char* name) {
  if (!class_->has_state || !class_->has_state(tag))
    throw troupe_error(
        errc::invalid_argument,
        fmt::format("become({0}) in {1}, whose class does not declare it: `using states = troupe::states<{0}, ...>;`",
                    name, this->name()));
  auto& states = own_extras().states;
  states.push_back(std::make_unique<detail::active_state>(detail::active_state{tag, object, name, innermost_state()}));
}

void cell::unbecome() noexcept {
  detail::cell_extras* x = extras_.load(acquire);
  if (x && !x->states.empty()) x->states.pop_back();
}

const detail::active_state* cell::innermost_state() const noexcept {
  const detail::cell_extras* x = extras_.load(acquire);
  return x && !x->states.empty() ? x->states.back().get() : nullptr;
}

detail::root_handle cell::refuse_unhandled(detail::envelope& e, const detail::message_ops& gone) noexcept {
  core_->refuse(*this, e, loss::unhandled, [&] {
    const detail::active_state* state = innermost_state();
    return detail::error_saying(errc::unhandled, [&] {
      return fmt::format("{} has no handler for {} {}{}", name(), e.ops->name,
                         state ? "in its state " : "while it is in no state", state ? state->name : "");
    });
  });
  e.ops = &gone;
  return {};
}

detail::root_handle cell::lose_unhandled(const char* message) noexcept {
  core_->lose(*this, loss::unhandled, message);
  const auto note = [](detail::delivery_account* account) {
    if (account) account->lost_in_handler(loss::unhandled);
  };
  if (detail::cell_extras* x = extras_.load(acquire); x && x->reading) {
    ++x->progress->not_handled;
    note(x->reading->account());
  } else {
    detail::envelope& e = *last_taken();
    note(detail::account_of(e));
    e.ops->destroy(e);
    e.ops = e.ops->gone;
  }
  return {};
}

}  // namespace troupe
