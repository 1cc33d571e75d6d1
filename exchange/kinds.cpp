#include <troupe/exchange/kinds.hpp>

namespace troupe {

std::string_view to_string(exchange_kind kind) noexcept {
  switch (kind) {
    case exchange_kind::fanout: return "fanout";
    case exchange_kind::direct: return "direct";
    case exchange_kind::topic: return "topic";
    case exchange_kind::work_queue: return "work_queue";
    case exchange_kind::queue: return "queue";
  }
  return "unknown";
}

}  // namespace troupe
