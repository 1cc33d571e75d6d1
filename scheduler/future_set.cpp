#include <troupe/scheduler/future_set.hpp>

#include <algorithm>
#include <functional>

#include <fmt/format.h>

namespace troupe::detail {

void refuse_empty_future(std::size_t place) {
  throw troupe_error(errc::invalid_argument,
                     fmt::format("future {} stands for nothing: it was moved from or never set", place));
}

void future_set::require_different() const {
  std::vector<const member*> all;
  all.reserve(size_);
  for (std::size_t i = 0; i != size_; ++i) all.push_back(&members_[i]);
  std::sort(all.begin(), all.end(), [](const member* a, const member* b) {
    return a->state == b->state ? a->position < b->position : std::less<>()(a->state, b->state);
  });
  const auto twice =
      std::adjacent_find(all.begin(), all.end(), [](const member* a, const member* b) { return a->state == b->state; });
  if (twice != all.end())
    throw troupe_error(errc::invalid_argument,
                       fmt::format("future {} is the same as future {}", twice[1]->position, twice[0]->position));
}

void future_set::member::completed() noexcept {
  wake_list woken;  // resumes at the very end, when nothing of the set is touched any more (FS2)
  {
    std::lock_guard lock(set->lock_);
    counted = true;
    set->count(*this, woken);
  }
  told.store(true, release);
}

void future_set::open() noexcept {
  for (std::size_t i = 0; i != size_; ++i)
    if (!members_[i].state->await(members_[i])) members_[i].completed();
}

void future_set::close() noexcept {
  for (std::size_t i = 0; i != size_; ++i) {
    member& m = members_[i];
    if (m.told.load(acquire)) continue;
    bool counted = false;
    {
      std::lock_guard lock(lock_);
      counted = m.counted;
    }
    if (!counted && m.state->withdraw(m)) m.told.store(true, relaxed);
    while (!m.told.load(acquire)) yield_thread();
  }
}

bool joined_futures::enough() const noexcept {
  switch (when_) {
    case return_when::first_completed: return done_ != 0 || size_ == 0;
    case return_when::first_exception: return failed_ || done_ == size_;
    case return_when::all_completed: break;
  }
  return done_ == size_;
}

void joined_futures::count(member& m, wake_list& woken) noexcept {
  ++done_;
  if (when_ == return_when::first_exception) failed_ = failed_ || m.state->failed();  // FS3
  if (!enough()) return;
  if (wait_node* n = line_.grant_one()) woken.add(*n);
}

result<waited_futures> joined_futures::request::finish(const wait_end& how) const {
  set->close();  // FS3: from now on the caller may take the futures
  if (how != wait_outcome::granted && how != wait_outcome::timeout) return error_of(how, "some futures");
  waited_futures found;
  for (std::size_t i = 0; i != set->size_; ++i)
    (set->members_[i].state->ready() ? found.done : found.not_done).push_back(i);
  return found;
}

bool arriving_futures::take(std::size_t& position) noexcept {
  member* m = done_.pop_front();
  if (!m) return false;
  position = m->position;
  ++given_;
  return true;
}

void arriving_futures::count(member& m, wake_list& woken) noexcept {
  done_.push_back(m);
  wait_node* n = line_.grant_one();
  if (!n) return;
  (void)take(*static_cast<std::size_t*>(n->place));
  woken.add(*n);
}

bool arriving_futures::request::try_locked(wait_node& n) noexcept {
  if (set->take(position)) return true;
  if (set->given_ == set->size_) return n.end(wait_outcome::closed);
  n.place = &position;
  set->line_.push(n);
  return false;
}

void arriving_futures::request::give_back() const noexcept {
  std::lock_guard lock(set->lock_);
  set->done_.push_front(set->members_[position]);
  --set->given_;
}

result<std::size_t> arriving_futures::request::finish(const wait_end& how) const {
  if (how == wait_outcome::granted) return position;
  if (how == wait_outcome::closed) return error(errc::closed, "all of the futures have been given");
  return error_of(how, "the next of some futures");
}

}  // namespace troupe::detail
