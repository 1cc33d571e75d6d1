#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include <troupe/exchange/detail/backlog.hpp>
#include <troupe/exchange/detail/ring.hpp>
#include <troupe/exchange/retention.hpp>

namespace troupe::detail {

/// What an exchange keeps of what was published. It is a backlog that nobody reads: references to the messages, in the
/// order of their offsets.
///
/// RT1. All is under one lock, which a publish holds from its offset until the message is with all who get it, and an
///     attach while it replays and becomes one of these: so there is neither a gap nor a double between the two. Of a
///     fanout that is the lock of its log, of other kinds `mutex()`.
/// RT2. An entry without a box has been replaced by a newer one of its key.
class retained {
public:
  /// How the messages of an exchange are dealt with.
  struct box_ops {
    void (*add_ref)(void* box) noexcept;
    bool (*unref)(void* box) noexcept;  ///< true: it was the last
    void (*destroy)(void* box) noexcept;
  };

  retained(const retention& what, const box_ops& boxes) noexcept : what_(what), boxes_(&boxes) {}
  retained(const retained&) = delete;
  retained& operator=(const retained&) = delete;
  ~retained();

  const retention& what() const noexcept { return what_; }
  std::mutex& mutex() noexcept { return mutex_; }
  /// How many messages are kept, and their bytes. Under the lock.
  std::size_t size() const noexcept { return count_; }
  std::size_t bytes() const noexcept { return bytes_; }
  /// The number of the next message. Any thread.
  std::uint64_t next_offset() const noexcept { return next_offset_.load(relaxed); }

  /// Keeps a message, and lets go of what is too old or too much; takes one reference to the box over. `now`: of the
  /// scheduler's clock, nanoseconds. Throws `std::bad_alloc`, has not kept it then, and the reference is still the
  /// caller's.
  void add(void* box, std::string_view routing_key, const std::string& key, std::size_t bytes, std::int64_t now,
           publish_aftermath& after);

  /// Gives a subscriber what is kept, from `start` on, as far as `wanted(routing key)` says.
  template <class Wanted>
  void replay(const start_at& start, std::int64_t now, binding& to, publish_aftermath& after, Wanted wanted) {
    drop_old(now, after);
    const std::uint64_t first = entries_.empty() ? next_offset() : entries_.front().offset;
    if (start.what() == start_at::from::offset && start.value() < first && !what_.per_key)
      to.backlog->missed(first - start.value());
    for (std::size_t i = 0; i != entries_.size(); ++i) {
      const entry& e = entries_[i];
      if (!e.box || !is_from(e, start, now) || !wanted(std::string_view(e.routing_key))) continue;
      boxes_->add_ref(e.box);
      boxed_message kept{.box = e.box};
      (void)to.backlog->push(kept, to, e.bytes, &e.key, after);
    }
  }

private:
  struct entry {
    void* box = nullptr;
    std::uint64_t offset = 0;
    std::int64_t time = 0;
    std::size_t bytes = 0;
    std::string routing_key{};
    std::string key{};  // by which one replaces another
  };

  static bool is_from(const entry& e, const start_at& start, std::int64_t now) noexcept;
  void drop_old(std::int64_t now, publish_aftermath& after) noexcept;
  void drop_front(publish_aftermath& after) noexcept;
  void drop_box(void* box, publish_aftermath& after) noexcept;
  entry* find(std::uint64_t offset) noexcept;

  const retention what_;
  const box_ops* const boxes_;
  std::mutex mutex_;
  ring<entry> entries_;
  std::unordered_map<std::string, std::uint64_t> newest_;  // of each key, its offset
  std::size_t count_ = 0;                                  // entries with a box
  std::size_t bytes_ = 0;
  atomic<std::uint64_t> next_offset_{0};  // written under the lock
};

/// Those of messages of type M.
template <class M>
inline constexpr retained::box_ops box_ops_of{
    [](void* box) noexcept { static_cast<shared_message<M>*>(box)->refs.fetch_add(1, relaxed); },
    [](void* box) noexcept { return static_cast<shared_message<M>*>(box)->refs.fetch_sub(1, acq_rel) == 1; },
    [](void* box) noexcept { delete static_cast<shared_message<M>*>(box); }};

}  // namespace troupe::detail
