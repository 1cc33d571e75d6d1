#include <troupe/scheduler/wait_graph.hpp>

#include <array>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <troupe/base/atomic.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe::detail {

namespace {

struct bucket {
  spin_lock lock;
  intrusive_list<wait_edge, wait_edge> edges;
};

constexpr std::size_t bucket_count = 1'024;

bucket& bucket_of(const void* party) noexcept {
  static auto& table = *new std::array<bucket, bucket_count>;  // never destroyed: threads may wait until the very end
  const auto bits = reinterpret_cast<std::uintptr_t>(party);
  return table[(bits >> 4 ^ bits >> 14) % bucket_count];
}

atomic<std::uint64_t> last_ticket{0};  // only counts

std::mutex& confirming() {
  static auto& mutex = *new std::mutex;  // WG5
  return mutex;
}

}  // namespace

void wait_edge::enter_graph() noexcept {
  bucket& home = bucket_of(party_);
  const std::uint64_t ticket = last_ticket.fetch_add(1, relaxed) + 1;
  std::lock_guard lock(home.lock);
  ticket_ = ticket;
  home.edges.push_back(*this);
}

void wait_edge::remove() noexcept {
  std::lock_guard lock(bucket_of(party_).lock);
  unlink();
  ticket_ = 0;
}

std::string name_of_thread(pthread_t thread) {
  char name[32] = "";
  if (pthread_getname_np(thread, name, sizeof name) != 0 || !*name) return "a thread";
  return fmt::format("thread \"{}\"", name);
}

std::string wait_edge::party_name() const { return strand_ ? strand_->describe() : name_of_thread(thread_); }

class wait_graph {
public:
  struct link {
    std::uint64_t ticket;
    std::string party;
    std::string subject;
    const char* verb;
  };

  /// Follows the edges from `start`; true if they lead back there. Stops in a cycle that `start` is not part of
  /// (Brent).
  template <class Visit>
  static bool walk(const void* start, Visit visit) {
    const void* at = start;
    const void* landmark = start;
    for (std::size_t steps = 0, until_next = 1;; ++steps) {
      const void* next = nullptr;
      {
        bucket& home = bucket_of(at);
        std::lock_guard lock(home.lock);
        wait_edge* edge = find(home, at);
        if (!edge || !(next = edge->blocker()) || !visit(*edge)) return false;
      }
      if (next == start) return true;
      if (next == landmark) return false;
      if (steps == until_next) {
        landmark = next;
        until_next *= 2;
      }
      at = next;
    }
  }

  /// WG3. Expects `confirming()` to be held.
  static std::vector<link> confirmed_cycle(const void* start) {
    std::vector<std::uint64_t> first;
    if (!walk(start, [&](wait_edge& e) { return first.push_back(e.ticket_), true; })) return {};
    std::vector<link> second;
    const bool closed = walk(start, [&](wait_edge& e) {
      if (second.size() == first.size() || first[second.size()] != e.ticket_) return false;
      second.push_back({e.ticket_, e.party_name(), e.subject(), e.verb()});
      return true;
    });
    if (!closed || second.size() != first.size()) return {};
    return second;
  }

  static std::string tell(const std::vector<link>& cycle) {
    std::string story = "a deadlock: ";
    for (std::size_t i = 0; i != cycle.size(); ++i) {
      const link& next = cycle[(i + 1) % cycle.size()];
      story += fmt::format("{}{} waits for {}, which {} {}", i ? "; " : "", cycle[i].party, cycle[i].subject,
                           next.party, cycle[i].verb);
    }
    return story;
  }

  static void end_wait(const void* party, std::uint64_t ticket, std::string story) {
    auto text = std::make_unique<std::string>(std::move(story));
    bucket& home = bucket_of(party);
    wait_edge* ended = nullptr;
    {
      std::lock_guard lock(home.lock);
      wait_edge* edge = find(home, party);
      if (edge && edge->ticket_ == ticket && edge->give_up(std::move(text))) ended = edge;
    }
    if (ended) ended->resume_party();  // it waits for nobody else to do so
  }

private:
  static wait_edge* find(bucket& home, const void* party) noexcept {
    for (wait_edge& e : home.edges)
      if (e.party_ == party) return &e;
    return nullptr;
  }
};

void look_for_deadlock(const void* party) noexcept {
  if (!wait_graph::walk(party, [](wait_edge&) { return true; })) return;
  std::lock_guard one_at_a_time(confirming());
  if (const auto cycle = wait_graph::confirmed_cycle(party); !cycle.empty())
    wait_graph::end_wait(party, cycle.front().ticket, wait_graph::tell(cycle));
}

}  // namespace troupe::detail
