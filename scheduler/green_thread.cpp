#include <troupe/scheduler/green_thread.hpp>

#include <fmt/format.h>

namespace troupe::detail {

void green_strand::mark_killed() noexcept {
  killed_.store(true, release);
  mark_cancelled();
}

std::string green_strand::describe() const {
  const strand_extras* x = extras_if_any();
  if (x && !x->name.empty()) return fmt::format("green thread \"{}\"", x->name);
  return fmt::format("green thread {}", home().label(*this));
}

std::string current_exception_text() {
  try {
    try {
      throw;
    } catch (const std::exception& e) {
      return e.what();
    } catch (...) {
      return "an exception that is not a std::exception";
    }
  } catch (...) {  // no memory for that: words that a string holds in itself, for ends that must not fail
    return "out of memory";
  }
}

error came_too_late() noexcept {
  try {
    return error(errc::shutdown, "the runtime has been shut down: a green thread cannot begin any more");
  } catch (...) {
    return error(errc::shutdown);
  }
}

error crash_of(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (...) {
    return error(errc::crashed, current_exception_text(), e);
  }
}

}  // namespace troupe::detail
