#include <troupe/actors/dead_letters.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <troupe/actors/detail/last_words.hpp>
#include <troupe/scheduler/green_thread.hpp>

namespace troupe::detail {

std::uint64_t dead_letter_office::add(address<dead_letter> to) {
  std::lock_guard guard(mutex_);
  watchers_.push_back({next_, std::move(to)});
  attention_->fetch_or(losses_watched, relaxed);
  return next_++;
}

void dead_letter_office::remove(std::uint64_t watch) noexcept {
  address<dead_letter> removed;  // destroyed outside of the lock
  std::lock_guard guard(mutex_);
  for (watcher& w : watchers_)
    if (w.number == watch) std::swap(removed, w.to);
  std::erase_if(watchers_, [&](const watcher& w) { return w.number == watch; });
  if (watchers_.empty()) attention_->fetch_and(static_cast<std::uint8_t>(~losses_watched), relaxed);
}

void dead_letter_office::tell(const dead_letter& lost) {
  // What the news itself pushes out of a full mailbox is no news: it could go on for ever.
  static constinit thread_local bool telling = false;
  if (telling) return;
  struct until_told {
    until_told() noexcept { telling = true; }
    ~until_told() { telling = false; }
  } const now;
  std::unique_lock lock(mutex_);
  const std::vector<watcher> watchers = watchers_;
  lock.unlock();
  for (const watcher& w : watchers)
    if (w.to.alive()) w.to.send(lost);
}

void core::tell_of_loss(cell* receiver, loss why, const char* type, std::uint64_t sender, std::uint64_t n) noexcept {
  if (type == type_name<dead_letter>()) return;
  try {
    dead_letters()->tell({why, any_ref(receiver), sender, type, n});
  } catch (...) {
    log_saying([&] {
      return fmt::format("the news that a {} was lost could not be sent: {}", type, current_exception_text());
    });
  }
}

std::shared_ptr<dead_letter_office> core::dead_letters() {
  return service<dead_letter_office>([this] { return std::make_shared<dead_letter_office>(attention_); });
}

}  // namespace troupe::detail
