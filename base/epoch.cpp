#include <troupe/base/epoch.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>

#include <troupe/base/pool.hpp>

// Invariants:
// E1  The epoch goes from e to e + 1 only under the domain's mutex, and only when every pinned record shows e.
// E2  An object is retired in the epoch r that is current under the mutex. A guard whose epoch is above r has
//     acquired the release that ended r, which the unlinking precedes: it cannot find the object.
// E3  The collector looks at a record with a read-modify-write, and pinning is one too, so one of them comes first.
//     If the pin is first, the collector sees it. If the collector is first and saw 0, the next pin acquires from it,
//     through it from the mutex, and so from the unlinking of all that was retired before: it cannot find those
//     objects. If it saw an earlier pin of the current epoch, the thread had acquired the end of the epoch before by
//     then, and E2 holds for all its later pins. No total order is needed. Records are added under the mutex.
// E4  An object retired in r is destroyed when the epoch has reached r + 2. A guard that can find it has, by E2 and
//     E3, an epoch of at most r and was seen by the collector, so by E1 the epoch is at most r + 1 while it lives.
// E5  One thread at a time runs destroyers, outside the mutex, in the order of retirement.

namespace troupe::detail {

atomic<std::uint64_t> epoch_now{2};

constinit thread_local epoch_record* epoch_self __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {

struct retired : pooled {
  void* object;
  void (*destroy)(void*);
  std::uint64_t epoch;
  retired* next;
};

constexpr std::size_t retires_per_collection = 64;

constinit thread_local bool in_destroyer = false;
constinit thread_local bool thread_ended = false;

class domain {
public:
  epoch_record* take_record() {
    // Under the mutex because of E3: a collector that does not see the new record comes before it.
    std::lock_guard lock(mutex_);
    for (auto* r = records_; r; r = r->next)
      if (!std::exchange(r->taken, true)) return r;
    return records_ = new epoch_record{.next = records_};
  }

  void leave_record(epoch_record& r) noexcept {
    std::lock_guard lock(mutex_);
    r.taken = false;
  }

  void retire(void* object, void (*destroy)(void*)) {
    auto* r = new retired;
    r->object = object;
    r->destroy = destroy;
    r->next = nullptr;
    bool due = false;
    {
      std::lock_guard lock(mutex_);
      r->epoch = epoch_now.load(relaxed);
      *last_ = r;
      last_ = &r->next;
      ++retired_;
      due = ++since_collection_ >= retires_per_collection;
    }
    if (due) collect();
  }

  std::size_t collect() noexcept {
    retired* ripe = nullptr;
    {
      std::lock_guard lock(mutex_);
      if (collecting_) return 0;
      since_collection_ = 0;
      if (!first_) return 0;
      if (advance()) advance();
      ripe = take_ripe();
      if (!ripe) return 0;
      collecting_ = true;
    }
    std::size_t count = 0;
    in_destroyer = true;
    while (ripe) {
      retired* r = std::exchange(ripe, ripe->next);
      r->destroy(r->object);
      delete r;
      ++count;
    }
    in_destroyer = false;
    std::lock_guard lock(mutex_);
    collecting_ = false;
    destroyed_ += count;
    return count;
  }

  void drain() noexcept {
    const std::uint64_t until = counts().first;
    for (unsigned round = 0;; ++round) {
      collect();
      if (counts().second >= until) return;
      if (round < 16)
        std::this_thread::yield();
      else
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }

  /// How many were ever retired, and destroyed.
  std::pair<std::uint64_t, std::uint64_t> counts() noexcept {
    std::lock_guard lock(mutex_);
    return {retired_, destroyed_};
  }

private:
  bool advance() noexcept {
    const std::uint64_t epoch = epoch_now.load(relaxed);
    for (auto* r = records_; r; r = r->next) {
      // acq_rel: pairs with pinning, either way round (E3), and with the release of unpinning.
      const std::uint64_t state = r->state.fetch_add(0, acq_rel);
      if (state != 0 && state != 2 * epoch + 1) return false;
    }
    // release: pairs with the acquire of pinning (E2).
    epoch_now.store(epoch + 1, release);
    return true;
  }

  retired* take_ripe() noexcept {
    const std::uint64_t epoch = epoch_now.load(relaxed);
    retired* const ripe = first_;
    retired** end = &first_;
    while (*end && (*end)->epoch + 2 <= epoch) end = &(*end)->next;
    if (end == &first_) return nullptr;
    first_ = std::exchange(*end, nullptr);
    if (!first_) last_ = &first_;
    return ripe;
  }

  std::mutex mutex_;
  retired* first_ = nullptr;
  retired** last_ = &first_;
  std::uint64_t retired_ = 0;
  std::uint64_t destroyed_ = 0;
  std::size_t since_collection_ = 0;
  bool collecting_ = false;
  epoch_record* records_ = nullptr;
};

// Trivially destroyed, hence usable from destructors of statics.
constinit domain the_domain;

struct thread_end {
  thread_end() noexcept {}
  ~thread_end() {
    thread_ended = true;
    // A guard that is still held, in a thread-local say, keeps the record; then it is lost for reuse, and safe.
    epoch_record* r = std::exchange(epoch_self, nullptr);
    if (r && r->depth == 0) the_domain.leave_record(*r);
  }
};

}  // namespace

epoch_record* epoch_enter_slow() {
  epoch_record* r = the_domain.take_record();
  r->borrowed = thread_ended;
  if (!thread_ended) {
    static thread_local thread_end hook;
    epoch_self = r;
  }
  return r;
}

void epoch_leave_slow(epoch_record* record) noexcept {
  record->borrowed = false;
  the_domain.leave_record(*record);
}

}  // namespace troupe::detail

namespace troupe {

void epoch_retire(void* object, void (*destroy)(void*)) { detail::the_domain.retire(object, destroy); }

std::size_t epoch_collect() noexcept { return detail::the_domain.collect(); }

void epoch_drain() noexcept {
  if (detail::in_destroyer || (detail::epoch_self && detail::epoch_self->depth != 0)) {
    std::fputs("troupe: epoch_drain() called under an epoch_guard or from a destroyer\n", stderr);
    std::abort();
  }
  detail::the_domain.drain();
}

std::size_t epoch_pending() noexcept {
  const auto [retired, destroyed] = detail::the_domain.counts();
  return static_cast<std::size_t>(retired - destroyed);
}

}  // namespace troupe
