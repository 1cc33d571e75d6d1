#include <troupe/exchange/detail/retained.hpp>

#include <utility>

#include <fmt/format.h>

namespace troupe {

std::string to_string(const retention& r) {
  if (!r) return "{nothing}";
  std::string text = r.per_key ? "the last of each key" : "the last";
  if (r.messages != r.unlimited) text += fmt::format(" {} messages", r.messages);
  if (r.bytes != r.unlimited) text += fmt::format(" {} bytes", r.bytes);
  if (r.age != std::chrono::nanoseconds::max())
    text += fmt::format(" {} s", std::chrono::duration<double>(r.age).count());
  return "{" + text + "}";
}

namespace detail {

retained::~retained() {
  for (std::size_t i = 0; i != entries_.size(); ++i) {
    void* const box = entries_[i].box;
    if (box && boxes_->unref(box)) boxes_->destroy(box);
  }
}

void retained::drop_box(void* box, publish_aftermath& after) noexcept {
  if (boxes_->unref(box)) after.destroy_later(box, boxes_->destroy);
}

void retained::drop_front(publish_aftermath& after) noexcept {
  entry& e = entries_.front();
  if (e.box) {
    drop_box(e.box, after);
    --count_;
    bytes_ -= e.bytes;
    if (what_.per_key) newest_.erase(newest_.find(e.key));
  }
  entries_.pop_front();
}

void retained::drop_old(std::int64_t now, publish_aftermath& after) noexcept {
  while (!entries_.empty()) {
    const entry& e = entries_.front();
    const bool young = what_.age == std::chrono::nanoseconds::max() || now - e.time <= what_.age.count();
    // One that alone has too many bytes is not kept either.
    if (e.box && young && count_ <= what_.messages && bytes_ <= what_.bytes) return;
    drop_front(after);
  }
}

/// Entries stand in the order of their offsets, which may have holes.
retained::entry* retained::find(std::uint64_t offset) noexcept {
  std::size_t from = 0;
  for (std::size_t to = entries_.size(); from != to;) {
    const std::size_t middle = from + (to - from) / 2;
    if (entries_[middle].offset < offset)
      from = middle + 1;
    else
      to = middle;
  }
  return &entries_[from];
}

void retained::add(void* box, std::string_view routing_key, const std::string& key, std::size_t bytes, std::int64_t now,
                   publish_aftermath& after) {
  // Replaced entries leave holes; once they are the most, the others move together.
  if (entries_.size() > 2 * count_ + 64) entries_.remove_if([](entry& e) { return !e.box; });
  entry fresh{box, next_offset(), now, bytes, std::string(routing_key), key};
  entries_.make_room();
  if (what_.per_key) {
    const auto [known, is_new] = newest_.try_emplace(key, fresh.offset);
    if (!is_new) {
      entry& old = *find(std::exchange(known->second, fresh.offset));
      drop_box(std::exchange(old.box, nullptr), after);
      --count_;
      bytes_ -= old.bytes;
    }
  }
  entries_.push_back(std::move(fresh));
  ++count_;
  bytes_ += bytes;
  next_offset_.store(next_offset() + 1, relaxed);
  drop_old(now, after);
}

bool retained::is_from(const entry& e, const start_at& start, std::int64_t now) noexcept {
  switch (start.what()) {
    case start_at::from::latest: return false;
    case start_at::from::earliest: return true;
    case start_at::from::offset: return e.offset >= start.value();
    case start_at::from::time: return now - e.time <= static_cast<std::int64_t>(start.value());
  }
  return false;
}

}  // namespace detail
}  // namespace troupe
