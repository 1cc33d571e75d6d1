#include <troupe/actors/actor.hpp>

namespace troupe {

actor::actor() : cell_(std::exchange(detail::cell_under_construction, nullptr)) {
  if (!cell_) throw troupe_error(errc::invalid_argument, "an actor must be made by runtime::spawn<A>(...)");
}

}  // namespace troupe
