#include <troupe/actors/delivery_gate.hpp>

#include <troupe/base/wait_long.hpp>

namespace troupe::detail {

namespace {
constinit thread_local delivery_gate::passage* this_passage = nullptr;
}

delivery_gate::passage*& delivery_gate::passage::current() noexcept { return this_passage; }

void delivery_gate::wait_until_empty() const noexcept {
  wait_long([this] { return !inside_.load(seq_cst); });
}

}  // namespace troupe::detail
