#include "word_table.hpp"

#include <algorithm>

namespace word_count {

namespace {

constexpr std::size_t first_short_slots = std::size_t{1} << 12;
constexpr std::size_t first_long_slots = std::size_t{1} << 8;
constexpr std::size_t arena_block_size = std::size_t{1} << 20;

struct long_header {
  std::uint64_t count;
  std::uint64_t hash;
  std::size_t size;
};

/// The table uses the low bits of a hash; a shard is chosen by the high ones, so that the words of one shard still
/// spread over the whole table of their counter.
std::size_t shard_of(std::uint64_t hash, std::size_t shards) noexcept {
  return static_cast<std::size_t>(((hash >> 32) * shards) >> 32);
}

}  // namespace

word_table::word_table()
    : short_slots_(first_short_slots),
      short_mask_(first_short_slots - 1),
      long_slots_(first_long_slots),
      long_mask_(first_long_slots - 1) {}

std::uint64_t word_table::hash_long(std::string_view word) noexcept {
  const char* p = word.data();
  std::size_t left = word.size();
  std::uint64_t hash = detail::secret0 ^ left;
  const auto step = [&](const char* from) {
    std::uint64_t a;
    std::uint64_t b;
    std::memcpy(&a, from, 8);
    std::memcpy(&b, from + 8, 8);
    hash = detail::mix(a ^ detail::secret1, b ^ hash);
  };
  for (; left > 16; left -= 16, p += 16) step(p);
  step(p + left - 16);  // a long word has more than 16 bytes: the last 16 may overlap the ones before
  return hash;
}

const char* word_table::keep(std::string_view word) {
  while (arena_at_ < arena_.size() && arena_[arena_at_].size - arena_[arena_at_].used < word.size()) ++arena_at_;
  if (arena_at_ == arena_.size()) {
    const std::size_t size = std::max(arena_block_size, word.size());
    arena_.push_back({std::make_unique_for_overwrite<char[]>(size), size, 0});
  }
  auto& block = arena_[arena_at_];
  char* at = block.bytes.get() + block.used;
  std::memcpy(at, word.data(), word.size());
  block.used += word.size();
  arena_bytes_ += word.size();
  return at;
}

void word_table::add_long(std::string_view word, std::uint64_t hash, std::uint64_t count) {
  for (std::size_t i = hash & long_mask_;; i = (i + 1) & long_mask_) {
    long_slot& slot = long_slots_[i];
    if (slot.data == nullptr) {
      slot = {keep(word), hash, count, word.size()};
      if (++long_used_ > long_mask_ / 2) grow_long();
      return;
    }
    if (slot.hash == hash && std::string_view(slot.data, slot.size) == word) {
      slot.count += count;
      return;
    }
  }
}

void word_table::add_huge(std::shared_ptr<const std::string> word, std::uint64_t count) {
  const std::string_view key = *word;
  const auto [at, fresh] = huge_.try_emplace(key, word_counts::huge_entry{std::move(word), 0});
  at->second.count += count;
  if (fresh) huge_bytes_ += key.size();
}

void word_table::grow_short() {
  std::vector<short_slot> old(short_slots_.size() * 2);
  old.swap(short_slots_);
  short_mask_ = short_slots_.size() - 1;
  for (const auto& slot : old) {
    if (slot.count == 0) continue;
    std::size_t i = slot.word.hash() & short_mask_;
    while (short_slots_[i].count != 0) i = (i + 1) & short_mask_;
    short_slots_[i] = slot;
  }
}

void word_table::grow_long() {
  std::vector<long_slot> old(long_slots_.size() * 2);
  old.swap(long_slots_);
  long_mask_ = long_slots_.size() - 1;
  for (const auto& slot : old) {
    if (slot.data == nullptr) continue;
    std::size_t i = slot.hash & long_mask_;
    while (long_slots_[i].data != nullptr) i = (i + 1) & long_mask_;
    long_slots_[i] = slot;
  }
}

void word_table::merge(const word_counts& counts) {
  // The table of a counter does not fit into the cache: ask for the slots some words ahead.
  constexpr std::size_t ahead = 16;
  std::array<std::uint64_t, ahead> hashes{};
  const auto& in = counts.short_words;
  const auto announce = [&](std::size_t i) {
    hashes[i % ahead] = in[i].word.hash();
    __builtin_prefetch(&short_slots_[hashes[i % ahead] & short_mask_], 1);
  };
  for (std::size_t i = 0; i < std::min(ahead, in.size()); ++i) announce(i);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::uint64_t hash = hashes[i % ahead];
    if (i + ahead < in.size()) announce(i + ahead);
    add_short(in[i].word, hash, in[i].count);
  }

  const auto& bytes = counts.long_words;
  for (std::size_t at = 0; at < bytes.size();) {
    long_header head;
    std::memcpy(&head, bytes.data() + at, sizeof head);
    at += sizeof head;
    add_long({bytes.data() + at, head.size}, head.hash, head.count);
    at += head.size;
  }
  for (const auto& entry : counts.huge_words) add_huge(entry.word, entry.count);
}

std::vector<word_counts> word_table::take(std::size_t shards) {
  std::vector<word_counts> out(shards);
  for (auto& part : out) part.short_words.reserve(short_used_ / shards + short_used_ / shards / 4 + 16);
  for (auto& slot : short_slots_) {
    if (slot.count == 0) continue;
    out[shard_of(slot.word.hash(), shards)].short_words.push_back({slot.word, slot.count});
    slot = {};
  }
  short_used_ = 0;

  for (auto& slot : long_slots_) {
    if (slot.data == nullptr) continue;
    auto& bytes = out[shard_of(slot.hash, shards)].long_words;
    const long_header head{slot.count, slot.hash, slot.size};
    const auto* raw = reinterpret_cast<const char*>(&head);
    bytes.insert(bytes.end(), raw, raw + sizeof head);
    bytes.insert(bytes.end(), slot.data, slot.data + slot.size);
    slot = {};
  }
  long_used_ = 0;
  for (auto& block : arena_) block.used = 0;
  arena_at_ = 0;
  arena_bytes_ = 0;

  for (auto& [word, entry] : huge_) {
    out[shard_of(hash_long(word), shards)].huge_words.push_back(std::move(entry));
  }
  huge_.clear();
  huge_bytes_ = 0;
  return out;
}

std::vector<counted_word> word_table::sorted(std::size_t limit) const {
  std::vector<counted_word> all;
  all.reserve(distinct());
  for (const auto& slot : short_slots_) {
    if (slot.count != 0) all.push_back({slot.word.text(), slot.count});
  }
  for (const auto& slot : long_slots_) {
    if (slot.data != nullptr) all.push_back({{slot.data, slot.size}, slot.count});
  }
  for (const auto& [word, entry] : huge_) all.push_back({word, entry.count});

  if (limit >= all.size()) {
    std::sort(all.begin(), all.end());
  } else {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(limit);
    std::partial_sort(all.begin(), end, all.end());
    all.erase(end, all.end());
  }
  return all;
}

std::uint64_t word_table::words() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& slot : short_slots_) sum += slot.count;
  for (const auto& slot : long_slots_) sum += slot.count;
  for (const auto& [word, entry] : huge_) sum += entry.count;
  return sum;
}

}  // namespace word_count
