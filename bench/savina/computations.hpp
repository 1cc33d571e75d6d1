#pragma once

#include "work.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

/// What the actors of Savina's parallelism benchmarks compute: an integral, queens on a board, a sorted list.
namespace bench::savina {

/// A function without a simple integral, to be integrated by trapezoids.
inline double integrand(double x) {
  return std::sin(x * x * x - 1) / (x + 1) * std::sqrt(1 + std::exp(std::sqrt(2 * x)));
}

/// The integral from `left` on over so many pieces of a width.
inline double integrate(double left, std::uint64_t pieces, double width) {
  double sum = 0;
  for (std::uint64_t i = 0; i < pieces; ++i) {
    double x = left + static_cast<double>(i) * width;
    sum += (integrand(x) + integrand(x + width)) / 2 * width;
  }
  return sum;
}

/// Whether that is the whole integral, as far as so many pieces can tell.
inline bool integral_is(double value, std::uint64_t pieces) {
  constexpr std::uint64_t fine = 1'000'000;
  static const double exact = integrate(trapezoid_left, fine, (trapezoid_right - trapezoid_left) / fine);
  double width = (trapezoid_right - trapezoid_left) / static_cast<double>(pieces);
  return std::abs(value - exact) < 1e-6 + 4'000 * width * width;
}

/// The columns of queens in the first rows of a board.
struct queens {
  std::array<std::uint8_t, 16> columns;
  std::uint32_t count;
};

/// Whether the last queen is attacked by none before.
inline bool valid(const queens& board) {
  auto last = board.count - 1;
  for (std::uint32_t i = 0; i < last; ++i) {
    auto distance = static_cast<int>(last - i);
    auto difference = static_cast<int>(board.columns[last]) - static_cast<int>(board.columns[i]);
    if (difference == 0 || difference == distance || difference == -distance) {
      return false;
    }
  }
  return true;
}

/// Calls `found(board)` for each valid board with one more queen.
template <class Found>
void place_queen(queens board, unsigned size, Found&& found) {
  ++board.count;
  for (unsigned column = 0; column < size; ++column) {
    board.columns[board.count - 1] = static_cast<std::uint8_t>(column);
    if (valid(board)) {
      found(board);
    }
  }
}

/// Calls `found()` for each solution that begins with that board.
template <class Found>
void solve_queens(const queens& board, unsigned size, Found&& found) {
  if (board.count == size) {
    found();
  } else {
    place_queen(board, size, [&](const queens& next) { solve_queens(next, size, found); });
  }
}

/// How many solutions the boards from 1 to 14 have.
inline constexpr std::array<std::uint64_t, 15> queens_solutions{1,  1,   0,   0,    2,     10,    4,     40,
                                                                92, 352, 724, 2680, 14200, 73712, 365596};

/// The size of the board that takes about so many times longer than `queens_board`.
inline unsigned queens_size(const options& opts) {
  return static_cast<unsigned>(std::clamp(queens_board + steps_of_scale(opts, 5.5), 6L, 14L));
}

using numbers = std::vector<std::uint64_t>;

/// The numbers less than a pivot, equal to it, and greater.
struct parts {
  numbers less;
  numbers equal;
  numbers greater;
};

inline parts split(const numbers& data) {
  auto pivot = data[data.size() / 2];
  parts result;
  for (auto each : data) {
    (each < pivot ? result.less : each == pivot ? result.equal : result.greater).push_back(each);
  }
  return result;
}

inline numbers joined(numbers first, const numbers& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

inline numbers quicksort(const numbers& data) {
  if (data.size() < 2) {
    return data;
  }
  auto cut = split(data);
  return joined(joined(quicksort(cut.less), cut.equal), quicksort(cut.greater));
}

inline numbers unsorted(std::uint64_t count) {
  random_numbers source(1'024);
  numbers result(count);
  for (auto& each : result) {
    each = source.next() >> 4;
  }
  return result;
}

/// Whether `data` is sorted and has the count and the sum of `input`'s first numbers.
inline bool is_sorted_from(const numbers& data, const numbers& input, std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    sum += input[i];
  }
  for (auto each : data) {
    sum -= each;
  }
  return sum == 0 && data.size() == count && std::is_sorted(data.begin(), data.end());
}

}  // namespace bench::savina
