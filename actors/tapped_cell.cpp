// What a cell does for whoever looks at messages on their way: those who watch for losses learn the sender, and tests
// see and take them (TP1).

#include <algorithm>
#include <functional>
#include <string_view>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/message_tap.hpp>
#include <troupe/scheduler/run_loop.hpp>

namespace troupe {

using detail::envelope;

namespace detail {

void core::require_taps() const {
  if (!recorder_)
    throw troupe_error(errc::invalid_argument,
                       "the messages of a runtime can be looked at if it is deterministic: make it with a seed, as in "
                       "troupe::runtime rt({.seed = 1})");
  recorder_->require_owner();
}

void core::add_tap(message_tap& t) {
  require_taps();
  if (t.takes() && !taps_.empty() && taps_.front()->takes())
    throw troupe_error(errc::already_exists, "this runtime has faults already: add the others to the same object");
  taps_.insert(t.takes() ? taps_.begin() : taps_.end(), &t);
  attention_.fetch_or(messages_tapped, relaxed);
}

void core::remove_tap(message_tap& t) noexcept {
  taps_.erase(std::remove(taps_.begin(), taps_.end(), &t), taps_.end());
  if (taps_.empty()) attention_.fetch_and(static_cast<std::uint8_t>(~messages_tapped), relaxed);
}

}  // namespace detail

bool cell::push_attended(envelope& e) noexcept {
  note_sender(e);
  if (core_->tapped()) {
    if (taken_by_tap(e)) return true;
    note_passage(e);
  }
  return push(e);
}

/// By index: what a tap sends in here comes here again.
bool cell::taken_by_tap(envelope& e) noexcept {
  const auto& taps = core_->taps();
  for (std::size_t i = 0; i != taps.size(); ++i) taps[i]->sending(e);
  return taps.front()->take(*this, e);
}

bool cell::taken_before_wait(envelope& e) noexcept {
  note_sender(e);
  const bool system = e.ops->system;
  if (!taken_by_tap(e)) return false;
  if (!system) core_->count(&detail::core::counters::sent);
  return true;
}

void cell::note_passage(const envelope& e) noexcept {
  if (!core_->tapped() || e.ops->system) return;
  const auto& taps = core_->taps();
  for (std::size_t i = 0; i != taps.size(); ++i) taps[i]->passed(*this, e);
}

/// Of a deterministic runtime. False if the slice is over: a test has the actor crash at this message.
bool cell::record(run_loop& recorder, envelope& e) noexcept {
  recorder.record(id_ ^ std::hash<std::string_view>()(e.ops->name));
  if (!core_->tapped()) return true;
  try {
    const auto& taps = core_->taps();
    for (std::size_t i = 0; i != taps.size(); ++i) taps[i]->handling(*this, e);
    return true;
  } catch (...) {
    // As if its handler had begun.
    if (detail::delivery_gate* const gate = e.ops->gate ? e.ops->gate(e) : nullptr) gate->count_delivery();
    crash(&e);
    return false;
  }
}

void cell::record(run_loop& recorder, const detail::stream_reader& r) noexcept {
  recorder.record(id_ ^ std::hash<std::string_view>()(r.message_name()));
  if (!core_->tapped()) return;
  const auto& taps = core_->taps();
  for (std::size_t i = 0; i != taps.size(); ++i) taps[i]->reading(*this, r.message_name());
}

}  // namespace troupe
