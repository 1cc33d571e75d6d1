#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <troupe/actors/address.hpp>
#include <troupe/actors/core.hpp>

namespace troupe {

/// News of a message that was lost, whatever the reason: a copy goes to each actor that watches. The loss of a
/// `dead_letter`, and of what it pushes out of a full mailbox, is counted as any other, and no news.
struct dead_letter {
  loss reason;       ///< why; a message that a full mailbox refused is told as `loss::overflow`
  any_ref receiver;  ///< whom it was for; may have ended; empty: nobody yet, it waited in the queue of an exchange
  std::uint64_t
      sender;        ///< `id()` of the actor that sent it, see `runtime::find_actor`; 0: none, or sent before anyone
                     ///< watched, or published
  std::string type;  ///< of the message, as the source spells it
  std::uint64_t count = 1;  ///< messages that were lost together
};

namespace detail {

/// Who is told of lost messages; one for each runtime. Any thread.
class dead_letter_office {
public:
  explicit dead_letter_office(atomic<std::uint8_t>& attention) noexcept : attention_(&attention) {}

  std::uint64_t add(address<dead_letter> to);
  void remove(std::uint64_t watch) noexcept;
  void tell(const dead_letter& lost);

private:
  struct watcher {
    std::uint64_t number;
    address<dead_letter> to;
  };

  atomic<std::uint8_t>* attention_;  // its bit is written under the mutex
  std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::vector<watcher> watchers_;
};

}  // namespace detail

/// The news of lost messages goes to an actor for as long as this lives, or the actor. Move only.
class [[nodiscard]] dead_letter_watch {
public:
  dead_letter_watch() = default;
  /// Internal.
  dead_letter_watch(std::shared_ptr<detail::dead_letter_office> office, std::uint64_t number) noexcept
      : office_(std::move(office)), number_(number) {}
  dead_letter_watch(dead_letter_watch&&) noexcept = default;
  dead_letter_watch& operator=(dead_letter_watch&& other) noexcept {
    dead_letter_watch taken(std::move(other));
    std::swap(office_, taken.office_);
    std::swap(number_, taken.number_);
    return *this;
  }
  ~dead_letter_watch() { stop(); }

  /// Ends it; news that is on its way may still come.
  void stop() noexcept {
    if (const auto office = std::move(office_)) office->remove(number_);
  }

private:
  std::shared_ptr<detail::dead_letter_office> office_;
  std::uint64_t number_ = 0;
};

}  // namespace troupe
