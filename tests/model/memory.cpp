#include <model/memory.hpp>

#include <algorithm>

#include <fmt/format.h>

namespace troupe::model {

namespace {

bool acquires(std::memory_order o) noexcept {
  return o == std::memory_order_acquire || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}
bool releases(std::memory_order o) noexcept {
  return o == std::memory_order_release || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}

std::string line_of(const source& where) {
  const std::string_view file = where.file_name();
  return fmt::format("{}:{}", file.substr(file.rfind('/') + 1), where.line());
}

}  // namespace

void view::join(const view& other) noexcept {
  for (unsigned i = 0; i != max_locations; ++i) oldest[i] = std::max(oldest[i], other.oldest[i]);
  for (unsigned i = 0; i != max_threads; ++i) clock[i] = std::max(clock[i], other.clock[i]);
}

void memory::reset(unsigned old_reads) noexcept {
  views_ = {};
  for (unsigned t = 0; t != max_threads; ++t) views_[t].clock[t] = 1;
  used_ = 0;
  kept_.clear();
  old_reads_ = old_reads;
}

std::uint32_t memory::make(unsigned t, const location* address, std::uint64_t bits) {
  if (used_ == max_locations) fail_("the program has more variables than the explorer can follow");
  if (used_ == variables_.size()) variables_.emplace_back();
  const auto id = static_cast<std::uint32_t>(used_++);
  variable& v = variables_[id];
  v.address = address;
  v.history.assign(1, {bits, -1});
  v.oldest_seq_cst = 0;
  v.maker = t;
  v.made_at = views_[t].clock[t];
  v.gone = v.in_order = false;
  v.reads = v.writes = {};
  return id;
}

void memory::unmake(unsigned t, std::uint32_t id) {
  variable& v = variables_[id];
  if (!ordered(t, v.reads) || !ordered(t, v.writes))
    fail_(fmt::format("variable {} ends while another thread may still use it", id));
  v.gone = true;
}

void memory::unmake(unsigned t, const void* block, std::size_t bytes) {
  const auto first = reinterpret_cast<std::uintptr_t>(block);
  for (std::uint32_t id = 0; id != used_; ++id) {
    const auto address = reinterpret_cast<std::uintptr_t>(variables_[id].address);
    if (!variables_[id].gone && address - first < bytes) unmake(t, id);
  }
}

void memory::expect_ordered(const void* block, std::size_t bytes) {
  const auto first = reinterpret_cast<std::uintptr_t>(block);
  bool any = false;
  for (std::uint32_t id = 0; id != used_; ++id) {
    variable& v = variables_[id];
    v.in_order |= !v.gone && reinterpret_cast<std::uintptr_t>(v.address) - first < bytes;
    any |= v.in_order;
  }
  if (!any) fail_("no variable is where accesses have to be ordered");
}

bool memory::ordered(unsigned t, const clock_vector& accesses) const noexcept {
  for (unsigned i = 0; i != max_threads; ++i) {
    if (i != t && accesses[i] > views_[t].clock[i]) return false;
  }
  return true;
}

memory::variable& memory::at(unsigned t, std::uint32_t id, const source& where) {
  variable& v = variables_[id];
  if (v.gone) fail_(fmt::format("variable {} is used at {} after its end", id, line_of(where)));
  if (v.maker != t && views_[t].clock[v.maker] < v.made_at)
    fail_(fmt::format("variable {} is used at {} by a thread that cannot know that it was made", id, line_of(where)));
  return v;
}

int memory::keep(const view& v) {
  kept_.push_back(v);
  return static_cast<int>(kept_.size()) - 1;
}

std::uint64_t memory::take(unsigned t, std::uint32_t id, std::size_t index, std::memory_order order) {
  variable& v = variables_[id];
  const message m = v.history[index];
  view& mine = views_[t];
  mine.oldest[id] = std::max(mine.oldest[id], static_cast<std::uint16_t>(index));
  if (acquires(order) && m.view >= 0) mine.join(kept_[static_cast<std::size_t>(m.view)]);
  if (order == std::memory_order_seq_cst) v.oldest_seq_cst = std::max(v.oldest_seq_cst, mine.oldest[id]);
  v.reads[t] = mine.clock[t];
  return m.bits;
}

void memory::append(unsigned t, std::uint32_t id, std::uint64_t bits, std::memory_order order, int came_with) {
  variable& v = variables_[id];
  view& mine = views_[t];
  const auto index = static_cast<std::uint16_t>(v.history.size());
  mine.oldest[id] = index;
  v.reads[t] = mine.clock[t];
  int comes_with = came_with;
  if (releases(order)) {
    view handed = mine;
    if (came_with >= 0) handed.join(kept_[static_cast<std::size_t>(came_with)]);
    comes_with = keep(handed);
  }
  v.history.push_back({bits, comes_with});
  if (order == std::memory_order_seq_cst) v.oldest_seq_cst = index;
  tick(t);  // what this thread does from now on is not part of what it has handed over
}

std::uint64_t memory::load(unsigned t, std::uint32_t id, std::memory_order order, const source& where) {
  const variable& v = at(t, id, where);
  if (v.in_order) check_read(t, id, where);
  const unsigned newest_index = static_cast<unsigned>(v.history.size()) - 1;
  unsigned oldest = views_[t].oldest[id];
  if (order == std::memory_order_seq_cst) oldest = std::max<unsigned>(oldest, v.oldest_seq_cst);
  const unsigned back = old_reads_ == 0 ? 0 : choose_(newest_index - oldest + 1);
  if (back != 0) --old_reads_;
  return take(t, id, newest_index - back, order);
}

void memory::store(unsigned t, std::uint32_t id, std::uint64_t bits, std::memory_order order, const source& where) {
  if (at(t, id, where).in_order) check_write(t, id, where);
  append(t, id, bits, order, -1);
}

std::uint64_t memory::newest(unsigned t, std::uint32_t id, const source& where) {
  return at(t, id, where).history.back().bits;
}

void memory::modify(unsigned t, std::uint32_t id, std::uint64_t bits, std::memory_order order) {
  const std::size_t index = variables_[id].history.size() - 1;
  take(t, id, index, order);
  append(t, id, bits, order, variables_[id].history[index].view);
}

bool memory::compare_exchange(unsigned t, std::uint32_t id, std::uint64_t& expected, std::uint64_t desired,
                              std::memory_order success, std::memory_order failure, const source& where) {
  const variable& v = at(t, id, where);
  const std::size_t last = v.history.size() - 1;
  std::size_t oldest = views_[t].oldest[id];
  if (failure == std::memory_order_seq_cst) oldest = std::max<std::size_t>(oldest, v.oldest_seq_cst);
  // The newest value decides; but a comparison that fails is a load, which may give an old value.
  std::array<std::size_t, 16> candidates{last};
  unsigned n = 1;
  for (std::size_t i = last; old_reads_ != 0 && i-- > oldest;) {
    if (v.history[i].bits != expected && n != candidates.size()) candidates[n++] = i;
  }
  const unsigned pick = choose_(n);
  if (pick != 0) --old_reads_;
  if (pick == 0 && v.history[last].bits == expected) {
    modify(t, id, desired, success);
    return true;
  }
  expected = take(t, id, candidates[pick], failure);
  return false;
}

void memory::read_plain(unsigned t, std::uint32_t id, const source& where) {
  at(t, id, where);
  check_read(t, id, where);
}

void memory::write_plain(unsigned t, std::uint32_t id, const source& where) {
  at(t, id, where);
  check_write(t, id, where);
}

void memory::check_read(unsigned t, std::uint32_t id, const source& where) {
  variable& v = variables_[id];
  if (!ordered(t, v.writes)) fail_(fmt::format("a race: variable {} is read at {}", id, line_of(where)));
  v.reads[t] = views_[t].clock[t];
}

void memory::check_write(unsigned t, std::uint32_t id, const source& where) {
  variable& v = variables_[id];
  if (!ordered(t, v.writes) || !ordered(t, v.reads))
    fail_(fmt::format("a race: variable {} is written at {}", id, line_of(where)));
  v.writes[t] = views_[t].clock[t];
}

void memory::fork(unsigned from, unsigned to) {
  const std::uint16_t own = views_[to].clock[to];
  views_[to] = views_[from];
  views_[to].clock[to] = std::max(own, views_[to].clock[to]);
  tick(from);
}

}  // namespace troupe::model
