#include <troupe/exchange/kinds.hpp>

#include <fmt/format.h>

#include <troupe/exchange/router.hpp>

namespace troupe {

std::unique_ptr<router> exchange_kind::make_router() const {
  auto made = make_ ? make_() : nullptr;
  if (!made && number_ == 0)
    throw troupe_error(errc::invalid_argument,
                       fmt::format("the kind '{}' has no router: its function has to return one", name_));
  return made;
}

}  // namespace troupe
