#include <exception>

#include <troupe/exchange/detail/stream/failures.hpp>

namespace troupe::detail {

error error_of(const std::exception_ptr& why) {
  try {
    std::rethrow_exception(why);
  } catch (const troupe_error& e) {
    return error(e.code(), e.what(), why);
  } catch (const std::exception& e) {
    return error(errc::crashed, e.what(), why);
  } catch (...) {
    return error(errc::crashed, "an exception that is no std::exception", why);
  }
}

}  // namespace troupe::detail
