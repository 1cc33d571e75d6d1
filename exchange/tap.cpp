#include <troupe/exchange/tap_handle.hpp>

#include <chrono>
#include <ostream>
#include <utility>

#include <fmt/format.h>

#include <troupe/exchange/detail/tap_state.hpp>

namespace troupe {

namespace {

std::string line_of(const std::string& name, std::uint64_t number, std::string_view key, std::string_view text) {
  return fmt::format("{}[{}]{}{}: {}\n", name, number, key.empty() ? "" : " ", key, text);
}

std::string line_of(const std::string& name, std::uint64_t missed) {
  return fmt::format("{}: ... {} not shown\n", name, missed);
}

}  // namespace

tap_output tap_output::to_file(std::string name, std::FILE* to) {
  // In one piece, or other output would come in between; at once, for whoever looks on.
  const auto write = [to](const std::string& line) {
    std::fwrite(line.data(), 1, line.size(), to);
    std::fflush(to);
  };
  return {[=](std::uint64_t number, std::string_view key, std::string_view text) {
            write(line_of(name, number, key, text));
          },
          [=](std::uint64_t missed) { write(line_of(name, missed)); }};
}

tap_output tap_output::to_stream(std::string name, std::ostream& to) {
  return {[name, &to](std::uint64_t number, std::string_view key, std::string_view text) {
            to << line_of(name, number, key, text) << std::flush;
          },
          [name, &to](std::uint64_t missed) { to << line_of(name, missed) << std::flush; }};
}

void tap::stop() noexcept {
  if (const auto state = std::move(state_)) state->stop();
}

namespace detail {

tap_state::tap_state(std::shared_ptr<exchange_state> of, any_ref shows, std::shared_ptr<backlog_base> line,
                     std::unique_ptr<binding> b) noexcept
    : exchange_(std::move(of)), actor_(std::move(shows)), backlog_(std::move(line)), binding_(std::move(b)) {}

tap_state::~tap_state() = default;

void tap_state::enter() {
  backlog_->add_binding(*binding_);  // the actor knows the stream from here on, so the binding goes by way of it
  try {
    exchange_->add_tap(*binding_);
  } catch (...) {
    exchange_state::free_later(*binding_.release());
    throw;
  }
  try {
    actor_.get_cell()->add_end_hook(shared_from_this());
  } catch (...) {
    leave();
    throw;
  }
}

void tap_state::leave() noexcept {
  std::unique_ptr<binding> leaving;
  {
    std::lock_guard guard(mutex_);
    leaving = std::move(binding_);
  }
  if (!leaving) return;
  exchange_->remove_tap(*leaving);
  exchange_state::free_later(*leaving.release());
}

void tap_state::stop() noexcept {
  const auto self = shared_from_this();
  leave();
  actor_.close();
  if (actor_.get_cell()->core().runs_caller()) return;
  try {
    (void)actor_.join(std::chrono::seconds(1));
  } catch (...) {
    // It is shown later, as the documentation says.
  }
}

void tap_state::actor_ended(cell&) noexcept {
  leave();
  backlog_->abandon();
}

// --- the exchange's side -------------------------------------------------------------------------------------------

void exchange_state::check_tap(std::string_view pattern) const {
  require_up();
  if (pattern.empty()) return;
  if (!router_ || kind_.competing() || kind_.keys() == binding_keys::none)
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}': a {} exchange has no patterns, '{}' was given: tap it without one",
                                   name_, to_string(kind_), pattern.substr(0, 100)));
  check_key(pattern);
}

void exchange_state::add_tap(binding& b) {
  outlets& out = make_outlets();
  std::lock_guard guard(mutex_);
  out.add_tap(b, kind_);
  elsewhere_.store(&out, release);
}

void exchange_state::remove_tap(binding& b) noexcept {
  std::lock_guard guard(mutex_);
  outlets_->remove_tap(b);
  if (!outlets_->used()) elsewhere_.store(nullptr, release);
}

}  // namespace detail
}  // namespace troupe
