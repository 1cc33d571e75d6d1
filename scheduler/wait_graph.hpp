#pragma once

#include <pthread.h>

#include <cstdint>
#include <memory>
#include <string>

#include <troupe/base/intrusive_list.hpp>
#include <troupe/scheduler/trampoline.hpp>

// Who waits for whom: an edge from each party that waits without end to the party that alone can end the wait, where
// that one is known: the owner of a mutex, the green thread or actor whose result a future is. A cycle of such edges is
// a deadlock, whatever else happens; the wait that would complete it ends with `errc::deadlock`. Timed waits end by
// themselves and are not in it; nor are semaphores, events and the like, which anybody may release.
//
// WG1. An edge is in the table from before the wait is published until its party goes on, but for WG6. Whoever holds
//     the lock of its bucket may use it: neither it nor what it waits for goes meanwhile.
// WG2. An edge counts only while the wait is published and not decided, and that is looked up together with the owner,
//     at one moment (for a mutex under the lock of its line). The lock of a bucket comes before the lock of a line.
// WG3. No false alarm: a cycle counts once it was walked twice in a row with the same waits (by ticket). Each of them
//     lasted from its first look to its second, so all were there at the moment between the two walks; and none of
//     their parties can have given up what it owns, as it waited all the time.
// WG4. None is missed: each party walks after it has published its wait. If the walk of P stops at Q, which did not
//     wait yet, then Q walks later than P has published; that order has no cycle, so one walk of a deadlock does not
//     stop.
// WG5. One party at a time confirms a cycle, and ends its own wait before the next one looks: of those in a cycle one
//     gets the error.
// WG6. Most green threads that are waited for have never waited in the graph themselves, so that a walk would end at
//     them. Whoever waits for one of those neither stands in the table nor walks. A green thread says that it will wait
//     in the word that it shares with who waits for its result (F6), before its first such wait is published, and puts
//     the edge of who waits already into the table itself. So all edges of a deadlock are in the table when its last
//     wait is published; and who did not walk has published its wait before the one that it waits for, which takes that
//     one's place in WG4.
namespace troupe::detail {

/// For people: `thread "app/0"`, by what the operating system shows.
std::string name_of_thread(pthread_t thread);

/// One party that waits for another. Base of waits that have an owner.
class wait_edge : public list_hook<wait_edge> {
public:
  /// The party that has to end the wait; null if it is unknown or the wait is over (WG2).
  virtual const void* blocker() noexcept = 0;

  /// What is waited for, such as `mutex "accounts"`; and what the blocker does to it: "holds".
  virtual std::string subject() const = 0;
  virtual const char* verb() const noexcept = 0;

  /// Ends the wait because of the deadlock that `story` tells. True if the party is then to be resumed.
  virtual bool give_up(std::unique_ptr<std::string> story) noexcept = 0;

  /// Lets the party go on, after `give_up`, outside of all locks.
  virtual void resume_party() noexcept = 0;

protected:
  wait_edge() noexcept {}
  ~wait_edge() = default;

  /// Says that `party`, the calling one, is about to wait (WG6).
  void announce_edge(const void* party) noexcept;

  /// Puts the wait that was announced into the table: by its party before it is published, or by whom it waits for.
  void enter_graph() noexcept;

  /// Takes it out again. Called by whoever may destroy it.
  void leave_graph() noexcept {
    if (ticket_) remove();
  }

private:
  friend class wait_graph;

  void remove() noexcept;
  std::string party_name() const;

  std::uint64_t ticket_ = 0;  // tells one wait of a party from its next; 0 while not in the table
  const void* party_;         // from `announce_edge` on, as what follows
  const strand* strand_;      // null: an OS thread
  pthread_t thread_;          // where there is no strand
};

inline void wait_edge::announce_edge(const void* party) noexcept {
  party_ = party;
  strand* self = this_trampoline ? this_trampoline->self : nullptr;
  strand_ = self;
  if (!self)
    thread_ = pthread_self();
  else if (!self->has_waited_in_graph)
    self->first_wait_in_graph();
}

/// Walks from `party`, whose wait has just been published, and ends that wait if the walk leads back to it. The edge of
/// the party may be gone by then.
void look_for_deadlock(const void* party) noexcept;

}  // namespace troupe::detail
