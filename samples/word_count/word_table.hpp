#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace word_count {

/// Bytes behind a word that `word_table::add` may read, whatever they hold.
inline constexpr std::size_t padding = 16;

/// A word of up to 16 bytes, held in two registers and padded with zeros. A word holds no zero byte, so the padded
/// bytes say it all, its length included.
struct short_word {
  std::uint64_t lo = 0;
  std::uint64_t hi = 0;

  static constexpr std::size_t max_size = 16;

  /// Loads a word of `size` bytes (1 to 16); `padding` bytes from `data` on must be readable.
  static short_word load(const char* data, std::size_t size) noexcept {
    short_word w;
    std::memcpy(&w.lo, data, 8);
    std::memcpy(&w.hi, data + 8, 8);
    w.lo &= masks[size][0];
    w.hi &= masks[size][1];
    return w;
  }

  std::uint64_t hash() const noexcept;

  /// The number of bytes.
  std::size_t size() const noexcept;

  /// The bytes; points into this object.
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(this), size()}; }

  friend bool operator==(const short_word& a, const short_word& b) noexcept {
    return ((a.lo ^ b.lo) | (a.hi ^ b.hi)) == 0;  // one branch instead of two
  }

  /// Byte order of the texts.
  friend bool operator<(const short_word& a, const short_word& b) noexcept {
    return std::memcmp(&a, &b, sizeof(short_word)) < 0;
  }

private:
  // By the size of the word: which bytes of `lo` and `hi` belong to it.
  static constexpr std::array<std::array<std::uint64_t, 2>, max_size + 1> masks = [] {
    std::array<std::array<std::uint64_t, 2>, max_size + 1> m{};
    for (std::size_t size = 1; size <= max_size; ++size) {
      for (std::size_t i = 0; i < size; ++i) {
        const std::size_t byte = std::endian::native == std::endian::little ? i % 8 : 7 - i % 8;
        m[size][i / 8] |= std::uint64_t{0xff} << (8 * byte);
      }
    }
    return m;
  }();
};
static_assert(sizeof(short_word) == 16);

/// The part of a table's words that one counter takes care of, as a message: flat, so that making, sending and
/// merging it cost a few nanoseconds a word.
struct word_counts {
  struct short_entry {
    short_word word;
    std::uint64_t count;
  };
  /// A word that is too long to be copied: its bytes are shared on their way to the last actor.
  struct huge_entry {
    std::shared_ptr<const std::string> word;
    std::uint64_t count;
  };

  std::vector<short_entry> short_words;
  std::vector<char> long_words;  ///< records of count, hash, size and bytes
  std::vector<huge_entry> huge_words;

  bool empty() const noexcept { return short_words.empty() && long_words.empty() && huge_words.empty(); }
};

/// A word with its count. The text belongs to the table that it came from.
struct counted_word {
  std::string_view word;
  std::uint64_t count;

  /// The order of all output: higher counts first, then byte order.
  friend bool operator<(const counted_word& a, const counted_word& b) noexcept {
    return a.count != b.count ? a.count > b.count : a.word < b.word;
  }
};

/// Counts of words. Open addressing with linear probing; words of up to 16 bytes lie in their slots, longer ones in an
/// arena, and those above `huge_size` are shared strings, so that a file that is one word is not copied about.
///
/// Not thread safe: one table belongs to one actor.
class word_table {
public:
  /// Words longer than this are added by `add_huge`.
  static constexpr std::size_t huge_size = std::size_t{64} << 10;

  word_table();

  /// Counts a word of 1 to `huge_size` bytes once. `padding` bytes behind its last one must be readable.
  void add(const char* data, std::size_t size) {
    if (size <= short_word::max_size) [[likely]] {
      const auto word = short_word::load(data, size);
      add_short(word, word.hash(), 1);
    } else {
      add_long({data, size}, hash_long({data, size}), 1);
    }
  }

  /// Counts many such words; faster than one by one where the table does not fit into the cache.
  void add_all(std::span<const std::string_view> words) {
    while (!words.empty()) {
      const auto part = words.first(std::min(words.size(), lookahead));
      words = words.subspan(part.size());
      add_some(part);
    }
  }

  /// Counts a word of any length above `huge_size`.
  void add_huge(std::shared_ptr<const std::string> word, std::uint64_t count);

  /// Adds all counts of a message.
  void merge(const word_counts& counts);

  /// Moves all counts out, split by word: a word goes to the same shard whichever table it was in. The table is empty
  /// afterwards and keeps its room.
  std::vector<word_counts> take(std::size_t shards);

  /// The words in the order of output, at most `limit` of them.
  std::vector<counted_word> sorted(std::size_t limit) const;

  /// The number of distinct words.
  std::size_t distinct() const noexcept { return short_used_ + long_used_ + huge_.size(); }

  /// The sum of all counts.
  std::uint64_t words() const noexcept;

  /// Bytes held by words that are not in their slots.
  std::size_t long_bytes() const noexcept { return arena_bytes_ + huge_bytes_; }

private:
  struct short_slot {
    short_word word;
    std::uint64_t count = 0;  // 0: the slot is free
  };
  struct long_slot {
    const char* data = nullptr;  // null: the slot is free
    std::uint64_t hash = 0;
    std::uint64_t count = 0;
    std::size_t size = 0;
  };
  struct arena_block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
    std::size_t used;
  };

  static std::uint64_t hash_long(std::string_view word) noexcept;

  // How many slots are asked for before the first of them is looked at.
  static constexpr std::size_t lookahead = 32;

  void add_some(std::span<const std::string_view> words) {
    std::array<short_word, lookahead> short_words;
    std::array<std::uint64_t, lookahead> hashes;
    std::size_t n = 0;
    for (const auto word : words) {
      if (word.size() <= short_word::max_size) [[likely]] {
        short_words[n] = short_word::load(word.data(), word.size());
        hashes[n] = short_words[n].hash();
        __builtin_prefetch(&short_slots_[hashes[n] & short_mask_], 1);
        ++n;
      } else {
        add_long(word, hash_long(word), 1);
      }
    }
    for (std::size_t i = 0; i < n; ++i) add_short(short_words[i], hashes[i], 1);
  }

  void add_short(const short_word& word, std::uint64_t hash, std::uint64_t count) {
    for (std::size_t i = hash & short_mask_;; i = (i + 1) & short_mask_) {
      short_slot& slot = short_slots_[i];
      if (slot.word == word) [[likely]] {  // a free slot equals no word
        slot.count += count;
        return;
      }
      if (slot.count == 0) {
        slot = {word, count};
        if (++short_used_ > short_mask_ / 2) grow_short();
        return;
      }
    }
  }
  void add_long(std::string_view word, std::uint64_t hash, std::uint64_t count);
  void grow_short();
  void grow_long();
  const char* keep(std::string_view word);

  std::vector<short_slot> short_slots_;
  std::size_t short_mask_ = 0;
  std::size_t short_used_ = 0;

  std::vector<long_slot> long_slots_;
  std::size_t long_mask_ = 0;
  std::size_t long_used_ = 0;
  std::vector<arena_block> arena_;
  std::size_t arena_at_ = 0;  // the block that is being filled
  std::size_t arena_bytes_ = 0;

  // The key views the string that the entry shares.
  std::unordered_map<std::string_view, word_counts::huge_entry> huge_;
  std::size_t huge_bytes_ = 0;
};

namespace detail {
/// The 128-bit product of two words, folded: the mixing step of wyhash.
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using wide = unsigned __int128;
  const wide product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
inline constexpr std::uint64_t secret0 = 0xa0761d6478bd642fULL;
inline constexpr std::uint64_t secret1 = 0xe7037ed1a0b428dbULL;
}  // namespace detail

inline std::uint64_t short_word::hash() const noexcept {
  return detail::mix(lo ^ detail::secret0, hi ^ detail::secret1);
}

inline std::size_t short_word::size() const noexcept {
  const auto bytes = [](std::uint64_t part) {
    const int zeros = std::endian::native == std::endian::little ? std::countl_zero(part) : std::countr_zero(part);
    return static_cast<std::size_t>(8 - zeros / 8);
  };
  return hi != 0 ? 8 + bytes(hi) : bytes(lo);
}

}  // namespace word_count
