#include <troupe/exchange/binding.hpp>

#include <algorithm>
#include <new>

#include <troupe/base/epoch.hpp>

namespace troupe {

struct binding_set::free_block {
  void operator()(void* p) const noexcept { ::operator delete(p); }
  static void call(void* p) { ::operator delete(p); }
};

binding_set::version_block binding_set::make_version(std::size_t size) {
  void* p = ::operator new(sizeof(version) + chunks_of(size) * sizeof(binding**));
  return version_block(new (p) version{size});
}

binding_set::chunk_block binding_set::copy_of(binding* const* from, std::size_t n, std::size_t room) {
  chunk_block made(static_cast<binding**>(::operator new(room * sizeof(binding*))));
  std::copy_n(from, n, made.get());
  return made;
}

binding_set::~binding_set() {
  const view last = read();
  if (last.size() < 2) return;
  for (std::size_t c = 0; c != chunks_of(last.size()); ++c) free_block::call(last.many()->chunks()[c]);
  free_block::call(last.many());
}

void binding_set::add(binding& b) {
  const view old = read();
  const std::size_t n = old.size();
  b.index = static_cast<std::uint32_t>(n);
  if (n == 0) return state_.store(reinterpret_cast<std::uintptr_t>(&b) + 1, release);
  const std::size_t end = n / chunk_size;
  const std::size_t rest = n % chunk_size;  // how many stand in the last chunk, if there is room in it
  binding* const first = &old[0];
  binding* const* from = &first;
  if (!old.is_one() && rest != 0) from = old.many()->chunks()[end];
  version_block next = make_version(n + 1);
  chunk_block longer = copy_of(from, rest, rest + 1);
  longer.get()[rest] = &b;
  if (!old.is_one()) std::copy_n(old.many()->chunks(), end, next->chunks());
  next->chunks()[end] = longer.release();
  state_.store(reinterpret_cast<std::uintptr_t>(next.release()), release);
  if (old.is_one()) return;
  if (rest != 0) epoch_retire(old.many()->chunks()[end], &free_block::call);
  epoch_retire(old.many(), &free_block::call);
}

void binding_set::remove(binding& b) {
  const view old = read();
  const std::size_t last = old.size() - 1;
  if (last == 0) return state_.store(0, release);
  // The last one takes its place.
  binding& moved = old[last];
  const std::size_t hole = b.index / chunk_size;
  const std::size_t end = last / chunk_size;
  if (last == 1) {
    binding& left = old[1 - b.index];
    left.index = 0;
    state_.store(reinterpret_cast<std::uintptr_t>(&left) + 1, release);
  } else {
    version_block next = make_version(last);
    std::copy_n(old.many()->chunks(), chunks_of(last), next->chunks());
    chunk_block shorter;
    if (const std::size_t rest = last % chunk_size; rest != 0) shorter = copy_of(old.many()->chunks()[end], rest, rest);
    chunk_block filled;
    if (hole != end) filled = copy_of(old.many()->chunks()[hole], chunk_size, chunk_size);
    if (&moved != &b) (hole != end ? filled : shorter).get()[b.index % chunk_size] = &moved;
    if (shorter) next->chunks()[end] = shorter.release();
    if (filled) next->chunks()[hole] = filled.release();
    moved.index = b.index;
    state_.store(reinterpret_cast<std::uintptr_t>(next.release()), release);
  }
  if (hole != end) epoch_retire(old.many()->chunks()[hole], &free_block::call);
  epoch_retire(old.many()->chunks()[end], &free_block::call);
  epoch_retire(old.many(), &free_block::call);
}

}  // namespace troupe
