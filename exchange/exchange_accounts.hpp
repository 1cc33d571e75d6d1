#pragma once

#include <memory>
#include <vector>

#include <troupe/exchange/exchange_info.hpp>

namespace troupe {

namespace detail {
class exchange_state;
}

/// The exchanges that a runtime has now, to be looked at also when it has ended. Any thread.
class kept_exchanges {
public:
  explicit kept_exchanges(runtime& rt);
  ~kept_exchanges();
  kept_exchanges(const kept_exchanges&) = delete;
  kept_exchanges& operator=(const kept_exchanges&) = delete;

  /// By name, as they are now.
  std::vector<exchange_info> look() const;

private:
  std::vector<std::shared_ptr<detail::exchange_state>> all_;
};

/// For test kits: from now on `tell` is called with each exchange of a runtime that ends, by whoever ends it, unless an
/// actor has not ended. Null: nobody is told. Before there are other threads.
void when_exchanges_end(void (*tell)(const exchange_info&)) noexcept;

}  // namespace troupe
