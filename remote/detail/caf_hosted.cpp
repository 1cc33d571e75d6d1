#include <troupe/remote/detail/caf_hosted.hpp>

#include <exception>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <caf/all.hpp>

#include <troupe/base/log.hpp>

namespace troupe::detail {

void log_if_default(caf::scheduled_actor::default_handler& h) {
  using plain = caf::result<caf::message> (*)(caf::scheduled_actor*, caf::message_view&);
  const plain* const present = h.target<plain>();
  if (!present || *present != &caf::print_and_drop) return;
  h = [told = false](caf::scheduled_actor* self, caf::message_view& x) mutable -> caf::result<caf::message> {
    if (!std::exchange(told, true))
      log_line(fmt::format("CAF's {}#{} has no handler for {}; further ones are only counted, as dead letters",
                           self->name(), self->id(), x.content().stringify()));
    return caf::sec::unexpected_message;
  };
}

void tell_if_default(caf::scheduled_actor::exception_handler& h) {
  using plain = caf::error (*)(caf::scheduled_actor*, std::exception_ptr&);
  const plain* const present = h.target<plain>();
  if (!present || *present != &caf::scheduled_actor::default_exception_handler) return;
  h = [](caf::scheduled_actor*, std::exception_ptr& e) -> caf::error {
    try {
      std::rethrow_exception(e);
    } catch (const std::exception& what) {
      return caf::make_error(caf::sec::runtime_error, std::string(what.what()));
    } catch (...) {
      return caf::make_error(caf::sec::runtime_error, std::string("an exception that is no std::exception"));
    }
  };
}

}  // namespace troupe::detail
