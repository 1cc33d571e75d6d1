#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace troupe {
class cell;
}

namespace troupe::detail {

/// The names of the living actors of a runtime.
///
/// NR1. An actor is in here from before its constructor until it has left, just before it is off the list of the
///      living; so whoever is found here can be kept.
class name_registry {
public:
  /// Throws `troupe_error` (`already_exists`), which names the holder.
  void add(const std::string& name, cell& c);
  /// Does nothing if another has the name.
  void remove(const std::string& name, const cell& c) noexcept;
  /// Retained; null if there is none.
  cell* find(std::string_view name) const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, cell*, std::less<>> names_;
};

}  // namespace troupe::detail
