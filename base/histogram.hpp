#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <troupe/base/atomic.hpp>

namespace troupe {

namespace detail {

/// The buckets of a histogram of times: one for each nanosecond up to 32, then 16 for each doubling, so that a time is
/// known to 6 %; what takes longer than 2^40 ns, 18 minutes, is in the last. As in Gil Tene's HdrHistogram.
struct time_buckets {
  static constexpr std::uint64_t per_doubling = 16;
  static constexpr unsigned doublings = 40;
  static constexpr std::size_t count = (doublings - 3) * per_doubling;

  static constexpr std::size_t of(std::uint64_t ns) noexcept {
    ns = std::min(ns, (std::uint64_t{1} << doublings) - 1);
    if (ns < per_doubling) return ns;
    const auto shift = static_cast<unsigned>(std::bit_width(ns)) - 5;  // leaves five bits, the first of which is set
    return shift * per_doubling + (ns >> shift);
  }

  /// The longest time that is in it.
  static constexpr std::uint64_t longest(std::size_t bucket) noexcept {
    if (bucket < per_doubling) return bucket;
    const std::size_t shift = bucket / per_doubling - 1;
    return ((per_doubling + bucket % per_doubling + 1) << shift) - 1;
  }
};

static_assert(time_buckets::of(15) == 15 && time_buckets::of(16) == 16 && time_buckets::of(33) == time_buckets::of(32));
static_assert(time_buckets::longest(time_buckets::of(1000)) == 1023);
static_assert(time_buckets::of(~std::uint64_t{0}) == time_buckets::count - 1);

}  // namespace detail

/// How often which times came: percentiles of them to 6 %. A value; one thread at a time.
class histogram {
public:
  void add(std::chrono::nanoseconds time, std::uint64_t times = 1) {
    const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
    add_bucket(detail::time_buckets::of(ns), times);
    max_ = std::max(max_, ns);
  }
  void add(const histogram& other) {
    for (std::size_t i = 0; i != other.counts_.size(); ++i) add_bucket(i, other.counts_[i]);
    max_ = std::max(max_, other.max_);
  }

  /// What has come since `before`, an earlier state of the same. The longest of that is known to 6 %.
  histogram since(const histogram& before) const {
    histogram rest;
    for (std::size_t i = 0; i != counts_.size(); ++i) {
      const std::uint64_t old = i < before.counts_.size() ? before.counts_[i] : 0;
      if (counts_[i] <= old) continue;
      rest.add_bucket(i, counts_[i] - old);
      rest.max_ = std::min(max_, detail::time_buckets::longest(i));
    }
    return rest;
  }

  std::uint64_t count() const noexcept { return total_; }

  /// The time that at least this part of them, from 0 to 1, did not exceed; 0 if there are none.
  std::chrono::nanoseconds percentile(double part) const noexcept {
    const auto rank = static_cast<std::uint64_t>(part * static_cast<double>(total_) + 0.999999);  // rounded up
    const std::uint64_t wanted = std::max<std::uint64_t>(1, rank);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i != counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted)
        return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(max_, detail::time_buckets::longest(i))));
    }
    return max();
  }
  std::chrono::nanoseconds max() const noexcept { return std::chrono::nanoseconds(static_cast<std::int64_t>(max_)); }

private:
  friend class live_histogram;

  void add_bucket(std::size_t bucket, std::uint64_t times) {
    if (times == 0) return;
    if (counts_.empty()) counts_.resize(detail::time_buckets::count);
    counts_[bucket] += times;
    total_ += times;
  }

  std::vector<std::uint64_t> counts_;  // empty while there are none
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

/// The same, written by one thread, or by several if they say so, and read by any at any time.
class live_histogram {
public:
  /// `shared`: others write too.
  void add(std::int64_t ns, bool shared) noexcept {
    const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
    auto& bucket = counts_[detail::time_buckets::of(time)];
    if (shared)
      bucket.fetch_add(1, relaxed);
    else
      bump(bucket);
    std::uint64_t longest = max_.load(relaxed);
    while (longest < time && !max_.compare_exchange_weak(longest, time, relaxed)) {
    }
  }

  void add_to(histogram& sum) const {
    for (std::size_t i = 0; i != counts_.size(); ++i) sum.add_bucket(i, counts_[i].load(relaxed));
    sum.max_ = std::max(sum.max_, max_.load(relaxed));
  }

private:
  // Relaxed: each says no more than itself.
  std::array<atomic<std::uint32_t>, detail::time_buckets::count> counts_{};
  atomic<std::uint64_t> max_{0};
};

}  // namespace troupe
