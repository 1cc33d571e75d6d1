#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace word_count {

/// Bytes behind a text that `scan_words` may read, whatever they hold.
inline constexpr std::size_t scan_padding = 64;

/// Whether a byte is part of a word: `[A-Za-z0-9_]`, whatever the locale.
constexpr bool is_word_byte(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

namespace detail {

inline constexpr std::array<std::uint8_t, 256> word_byte_table = [] {
  std::array<std::uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) table[static_cast<std::size_t>(c)] = is_word_byte(static_cast<char>(c));
  return table;
}();

/// One bit for each of 64 bytes: set where the byte is part of a word.
inline std::uint64_t word_bits(const char* text) noexcept {
#if defined(__SSE2__)
  const auto part = [text](int i) {
    const __m128i c = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text) + i);
    // A byte is in a range of n bytes from `first` if c - first, moved to the bottom of the signed range, is below
    // the bottom + n.
    const auto in_range = [](__m128i v, char first, int n) {
      const __m128i moved = _mm_add_epi8(v, _mm_set1_epi8(static_cast<char>(-128 - first)));
      return _mm_cmplt_epi8(moved, _mm_set1_epi8(static_cast<char>(-128 + n)));
    };
    const __m128i letter = in_range(_mm_or_si128(c, _mm_set1_epi8(0x20)), 'a', 26);
    const __m128i digit = in_range(c, '0', 10);
    const __m128i line = _mm_cmpeq_epi8(c, _mm_set1_epi8('_'));
    const int bits = _mm_movemask_epi8(_mm_or_si128(letter, _mm_or_si128(digit, line)));
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(bits));
  };
  return part(0) | part(1) << 16 | part(2) << 32 | part(3) << 48;
#else
  std::uint64_t bits = 0;
  for (unsigned i = 0; i < 64; ++i) {
    bits |= std::uint64_t{word_byte_table[static_cast<unsigned char>(text[i])]} << i;
  }
  return bits;
#endif
}

}  // namespace detail

/// Calls `sink(const char* data, std::size_t size)` for each word that ends before `end`, in order. Returns where the
/// word that reaches up to `end` begins, or `end` if there is none. `scan_padding` bytes from `end` on must be
/// readable.
///
/// The borders of words are collected for a block of text before the words are handled: a loop over the borders of each
/// 64 bytes mispredicts its end every time, and that costs more than the search for the borders.
template <class Sink>
const char* scan_words(const char* begin, const char* end, Sink&& sink) {
  constexpr std::size_t block = 4096;
  // The borders are written four at a time, so up to three more than there are.
  std::array<std::uint32_t, block + 4> borders;

  const char* open = nullptr;  // begin of the word that the last block left open
  for (const char* at = begin; at < end; at += block) {
    const std::size_t size = end - at < static_cast<std::ptrdiff_t>(block) ? static_cast<std::size_t>(end - at) : block;
    std::size_t found = 0;
    std::uint64_t before = open != nullptr ? 1 : 0;  // whether the byte before is part of a word
    for (std::size_t i = 0; i < size; i += 64) {
      std::uint64_t bits = detail::word_bits(at + i);
      std::uint64_t valid = ~0ULL;
      if (size - i < 64) {
        valid >>= 64 - (size - i);
        bits &= valid;
      }
      // Where a byte differs from the one before it. The end of the text is no border: the word may go on.
      std::uint64_t edges = (bits ^ (bits << 1 | before)) & valid;
      before = bits >> 63;
      const auto n = static_cast<std::size_t>(std::popcount(edges));
      for (std::size_t k = 0; k < n; k += 4) {
        for (std::size_t j = 0; j < 4; ++j) {
          borders[found + k + j] = static_cast<std::uint32_t>(i) + static_cast<std::uint32_t>(std::countr_zero(edges));
          edges &= edges - 1;
        }
      }
      found += n;
    }

    std::size_t k = 0;
    if (open != nullptr && found > 0) {
      sink(open, static_cast<std::size_t>(at + borders[0] - open));
      open = nullptr;
      k = 1;
    }
    for (; k + 1 < found; k += 2) sink(at + borders[k], std::size_t{borders[k + 1]} - borders[k]);
    if (k < found) open = at + borders[k];
  }
  return open != nullptr ? open : end;
}

}  // namespace word_count
