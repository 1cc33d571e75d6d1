#include <troupe/exchange/binding.hpp>

#include <memory>

#include <troupe/base/epoch.hpp>

namespace troupe {

binding_set::~binding_set() {
  version* last = current_.load(relaxed);
  if (!last) return;
  for (chunk* c : last->chunks) delete c;
  delete last;
}

binding_set::version* binding_set::edit(std::size_t c) const {
  const version* now = current_.load(relaxed);
  auto next = now ? std::make_unique<version>(*now) : std::make_unique<version>();
  if (c == next->chunks.size())
    next->chunks.push_back(new chunk{});
  else
    next->chunks[c] = new chunk(*next->chunks[c]);
  return next.release();
}

void binding_set::replace(version* next, std::size_t changed) noexcept {
  version* old = current_.exchange(next, acq_rel);
  if (!old) return;
  if (changed < old->chunks.size()) epoch_retire(old->chunks[changed]);
  epoch_retire(old);
}

void binding_set::add(binding& b) {
  b.index = read().size();
  const std::size_t c = b.index / chunk_size;
  version* next = edit(c);
  (*next->chunks[c])[b.index % chunk_size] = &b;
  ++next->size;
  replace(next, c);
}

void binding_set::remove(binding& b) {
  // The last one takes its place; the entry that it leaves is behind `size` and not read any more.
  const std::size_t last = read().size() - 1;
  if (b.index != last) {
    binding& moved = read()[last];
    const std::size_t c = b.index / chunk_size;
    version* filled = edit(c);
    (*filled->chunks[c])[b.index % chunk_size] = &moved;
    moved.index = b.index;
    --filled->size;
    replace(filled, c);
  } else {
    version* shorter = edit(last / chunk_size);
    --shorter->size;
    replace(shorter, last / chunk_size);
  }
  trim();
}

void binding_set::trim() {
  version* now = current_.load(relaxed);
  if (now->size > (now->chunks.size() - 1) * chunk_size) return;
  auto next = std::make_unique<version>(*now);
  const std::size_t gone = next->chunks.size() - 1;
  next->chunks.pop_back();
  replace(next.release(), gone);
}

}  // namespace troupe
