#include <troupe/actors/detail/name_registry.hpp>

#include <fmt/format.h>

#include <troupe/actors/cell.hpp>

namespace troupe::detail {

void name_registry::add(const std::string& name, cell& c) {
  std::lock_guard guard(mutex_);
  const auto [at, fresh] = names_.emplace(name, &c);
  if (fresh) return;
  const cell& holder = *at->second;
  throw troupe_error(errc::already_exists,
                     fmt::format("the name \"{}\" is taken by {}#{}; it is free again when that has ended", name,
                                 holder.of_class().name, holder.id()));
}

void name_registry::remove(const std::string& name, const cell& c) noexcept {
  std::lock_guard guard(mutex_);
  const auto at = names_.find(name);
  if (at != names_.end() && at->second == &c) names_.erase(at);
}

cell* name_registry::find(std::string_view name) const {
  std::lock_guard guard(mutex_);
  const auto at = names_.find(name);
  if (at == names_.end()) return nullptr;
  at->second->retain();
  return at->second;
}

}  // namespace troupe::detail
