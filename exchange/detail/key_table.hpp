#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include <troupe/base/atomic.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/exchange/binding.hpp>

namespace troupe::detail {

/// Spreads the bits of a number over all of it (the finaliser of splitmix64, Steele, Lea and Flood 2014).
constexpr std::uint64_t spread(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// The hash of a text; the same in each run.
inline std::uint64_t hash_of(std::string_view text) noexcept { return std::hash<std::string_view>()(text); }

/// What a router knows of a key beside its text.
struct key_note {
  virtual ~key_note() = default;
};

/// The bindings with one key. The key is that of any of them, so it is not kept here.
struct key_entry : pooled {
  key_entry(std::uint64_t h, std::unique_ptr<const key_note> n) noexcept : hash(h), note(std::move(n)) {}
  const std::uint64_t hash;
  const std::unique_ptr<const key_note> note;  ///< null: nothing
  binding_set bound;
};

/// Entries by the hashes of their keys, which are spread over 64 bits. One writer at a time, under the exchange's
/// mutex; any number of readers inside an epoch. Many small tables of slots, so that growth copies a few of them at a
/// time.
///
/// H1. A slot goes from empty to an entry, from that to a gap, and from a gap to another entry; never back to empty
///     while a search may have to pass it. An entry keeps its slot until its table is replaced, so a reader that has an
///     old table finds in it all that was there when it began.
/// H2. Each table has an empty slot, so that a search ends.
class key_table {
public:
  key_table() = default;
  ~key_table();
  key_table(const key_table&) = delete;
  key_table& operator=(const key_table&) = delete;

  /// Calls `visit(key_entry&)` for each entry with that hash, until it returns true. Readers and the writer.
  template <class Visit>
  void find(std::uint64_t hash, Visit visit) const {
    const slots* in = parts_[part_of(hash)].load(acquire);
    if (!in) return;
    for (std::size_t i = place_of(hash);; ++i) {
      const std::uintptr_t at = in->at()[i & in->mask].load(acquire);
      if (at == empty) return;
      if ((at & tag_mask) != (hash & tag_mask) || at == gap) continue;
      key_entry& e = *entry_of(at);
      if (e.hash == hash && visit(e)) return;
    }
  }

  /// Adds the binding to the entry with that hash and the binding's key, made with that note if there is none. True if
  /// it was made. The writer. Throws `std::bad_alloc`, and has not added it then.
  bool add(std::uint64_t hash, binding& b, std::unique_ptr<const key_note> note = nullptr);
  /// Takes the binding out of its entry, and the entry out of the table if it was the last. True if it was. The writer.
  bool remove(std::uint64_t hash, binding& b);

  /// Number of entries. The writer.
  std::size_t size() const noexcept;

private:
  static constexpr std::size_t part_count = 64;
  static constexpr std::uintptr_t empty = 0;
  static constexpr std::uintptr_t tag_mask = 15;  // entries are aligned to 16: four bits of the hash stand below
  static constexpr std::uintptr_t gap = 16;       // no address

  struct slots {
    std::size_t mask;
    std::size_t entries = 0;  // the writer's
    std::size_t used = 0;     // with gaps; the writer's
    atomic<std::uintptr_t>* at() const noexcept {
      return reinterpret_cast<atomic<std::uintptr_t>*>(const_cast<slots*>(this) + 1);
    }
  };

  static std::size_t part_of(std::uint64_t hash) noexcept { return hash >> 58; }
  static std::size_t place_of(std::uint64_t hash) noexcept { return static_cast<std::size_t>(hash >> 4); }
  static key_entry* entry_of(std::uintptr_t at) noexcept { return reinterpret_cast<key_entry*>(at & ~tag_mask); }

  key_entry* entry_with(std::uint64_t hash, std::string_view key) const;
  static slots* make_slots(std::size_t n);
  static void place(slots& in, key_entry& e) noexcept;
  /// Copies the entries of that part into slots of a fitting number.
  void resize(std::size_t part, std::size_t entries);

  // Null or the slots; the writer's release pairs with the acquire in find().
  std::array<atomic<slots*>, part_count> parts_{};
};

}  // namespace troupe::detail
