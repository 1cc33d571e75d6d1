#include <exception>
#include <string>

#include <troupe/base/log.hpp>
#include <troupe/exchange/detail/stream/failures.hpp>
#include <troupe/scheduler/green_thread.hpp>

namespace troupe::detail {

error error_of(const std::exception_ptr& why) {
  try {
    std::rethrow_exception(why);
  } catch (const troupe_error& e) {
    return error(e.code(), e.what(), why);
  } catch (...) {
    return crash_of(why);
  }
}

error nothing_to_reduce() {
  return error(errc::empty, "stream: nothing to reduce; give an initial value where there may be no items");
}

void log_late_failure(const std::exception_ptr& why) {
  log_line("stream: a failure behind that which was recovered from: " + error_of(why).message());
}

}  // namespace troupe::detail
