#include <troupe/exchange/detail/key_table.hpp>

#include <bit>
#include <memory>
#include <new>

#include <troupe/base/epoch.hpp>

namespace troupe::detail {

namespace {

void free_slots(void* p) { ::operator delete(p); }

}  // namespace

key_table::~key_table() {
  for (auto& part : parts_) {
    slots* in = part.load(relaxed);
    if (!in) continue;
    for (std::size_t i = 0; i <= in->mask; ++i) {
      const std::uintptr_t at = in->at()[i].load(relaxed);
      if (at != empty && at != gap) delete entry_of(at);
    }
    free_slots(in);
  }
}

key_table::slots* key_table::make_slots(std::size_t n) {
  void* p = ::operator new(sizeof(slots) + n * sizeof(atomic<std::uintptr_t>));
  auto* made = new (p) slots{.mask = n - 1};
  for (std::size_t i = 0; i != n; ++i) new (made->at() + i) atomic<std::uintptr_t>(empty);
  return made;
}

void key_table::place(slots& in, key_entry& e) noexcept {
  std::size_t i = place_of(e.hash);
  for (;; ++i) {
    const std::uintptr_t at = in.at()[i & in.mask].load(relaxed);
    if (at == gap) break;
    if (at != empty) continue;
    ++in.used;
    break;
  }
  ++in.entries;
  in.at()[i & in.mask].store(reinterpret_cast<std::uintptr_t>(&e) | (e.hash & tag_mask), release);
}

void key_table::resize(std::size_t part, std::size_t entries) {
  slots* old = parts_[part].load(relaxed);
  slots* next = make_slots(std::bit_ceil(entries + entries / 2 + 2));  // from a third to two thirds full
  if (old) {
    for (std::size_t i = 0; i <= old->mask; ++i) {
      const std::uintptr_t at = old->at()[i].load(relaxed);
      if (at != empty && at != gap) place(*next, *entry_of(at));
    }
  }
  parts_[part].store(next, release);
  if (old) epoch_retire(old, &free_slots);
}

key_entry* key_table::entry_with(std::uint64_t hash, std::string_view key) const {
  key_entry* found = nullptr;
  find(hash, [&](key_entry& e) {
    if (e.bound.read()[0].key != key) return false;
    found = &e;
    return true;
  });
  return found;
}

bool key_table::add(std::uint64_t hash, binding& b, std::unique_ptr<const key_note> note) {
  if (key_entry* e = entry_with(hash, b.key)) {
    e->bound.add(b);
    return false;
  }
  auto fresh = std::make_unique<key_entry>(hash, std::move(note));
  fresh->bound.add(b);
  const std::size_t part = part_of(hash);
  const slots* in = parts_[part].load(relaxed);
  if (!in || 4 * (in->used + 1) > 3 * (in->mask + 1)) resize(part, in ? in->entries + 1 : 1);
  place(*parts_[part].load(relaxed), *fresh.release());
  return true;
}

bool key_table::remove(std::uint64_t hash, binding& b) {
  key_entry* e = entry_with(hash, b.key);
  e->bound.remove(b);
  if (!e->bound.empty()) return false;
  const std::size_t part = part_of(hash);
  slots& in = *parts_[part].load(relaxed);
  std::size_t i = place_of(hash);
  while (entry_of(in.at()[i & in.mask].load(relaxed)) != e) ++i;
  in.at()[i & in.mask].store(gap, release);
  --in.entries;
  epoch_retire(e);
  if (in.mask > 15 && 8 * in.entries < in.mask) resize(part, in.entries);
  return true;
}

std::size_t key_table::size() const noexcept {
  std::size_t n = 0;
  for (const auto& part : parts_) {
    if (const slots* in = part.load(relaxed)) n += in->entries;
  }
  return n;
}

}  // namespace troupe::detail
