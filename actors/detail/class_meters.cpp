#include <troupe/actors/detail/class_meters.hpp>

#include <new>

#include <troupe/actors/statistics.hpp>

namespace troupe::detail {

void class_meter::add_to(class_statistics& sum) const {
  sum.handled += handled_.load(relaxed);
  sum.failed += failed_.load(relaxed);
  sum.ended += ended_.load(relaxed);
  sum.restarts += restarts_.load(relaxed);
  for (std::size_t i = 0; i != lost_.size(); ++i) sum.lost[i] += lost_[i].load(relaxed);
  times_.add_to(sum.times);
}

class_meters::~class_meters() {
  for (slot& s : slots_) {
    while (class_meter* m = s.first.load(relaxed)) {
      s.first.store(m->next_, relaxed);
      delete m;
    }
  }
}

class_meter* class_meters::of(const actor_class& c, std::size_t where) noexcept {
  if (where == slots_.size() - 1) {
    std::lock_guard guard(others_);
    return find_or_make(slots_[where], c, true);
  }
  // Classes stand in tables of some 100 bytes each.
  class_meter*& recent = slots_[where].recent[(reinterpret_cast<std::uintptr_t>(&c) >> 5) % remembered];
  if (!recent || recent->class_ != &c) recent = find_or_make(slots_[where], c, false);
  return recent;
}

class_meter* class_meters::find_or_make(slot& s, const actor_class& c, bool shared) noexcept {
  class_meter* const first = s.first.load(relaxed);
  for (class_meter* m = first; m; m = m->next_)
    if (m->class_ == &c) return m;
  auto* const made = new (std::nothrow) class_meter(c, shared);
  if (!made) return nullptr;
  made->next_ = first;
  s.first.store(made, release);
  return made;
}

}  // namespace troupe::detail
