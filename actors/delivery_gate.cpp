#include <troupe/actors/delivery_gate.hpp>

namespace troupe::detail {

namespace {
constinit thread_local delivery_gate::passage* this_passage = nullptr;
}

delivery_gate::passage*& delivery_gate::passage::current() noexcept { return this_passage; }

}  // namespace troupe::detail
