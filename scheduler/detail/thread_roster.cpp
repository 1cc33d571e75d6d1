#include <troupe/scheduler/detail/thread_roster.hpp>

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <new>

#include <fmt/format.h>

#include <troupe/base/epoch.hpp>
#include <troupe/base/error.hpp>

namespace troupe {

const char* to_string(thread_role role) noexcept {
  switch (role) {
    case thread_role::worker: return "worker";
    case thread_role::stand_in: return "stand-in";
    case thread_role::housekeeper: return "housekeeper";
    case thread_role::blocking: return "blocking";
    case thread_role::executor: return "executor";
    case thread_role::own: return "own";
    case thread_role::actor: return "actor";
  }
  return "unknown";
}

namespace detail {

thread_roster::entry::~entry() {
  std::lock_guard guard(home_->mutex_);
  std::erase(home_->entries_, this);
}

void thread_roster::entry::sign() noexcept {
  pthread_setname_np(pthread_self(), info_.name.substr(0, 15).c_str());
  native_id_.store(gettid(), relaxed);
  try {
    epoch_prepare();
  } catch (const std::bad_alloc&) {
    // The first guard will try again.
  }
}

std::shared_ptr<thread_roster::entry> thread_roster::add(const std::shared_ptr<thread_roster>& home, std::string name,
                                                         thread_role role, bool daemon) {
  auto made = std::make_shared<entry>(thread_info{std::move(name), 0, role, daemon}, home);
  std::lock_guard guard(home->mutex_);
  home->entries_.push_back(made.get());
  return made;
}

void thread_roster::set_blocking(blocking_limits limits, std::string name) {
  if (limits.threads == 0 || limits.threads > 1024)
    throw troupe_error(errc::invalid_argument, fmt::format("{} threads for blocking calls: 1 to 1024", limits.threads));
  limits_ = limits;
  name_ = std::move(name);
}

bool thread_roster::includes_caller() const {
  const int caller = gettid();
  std::lock_guard guard(mutex_);
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const entry* e) { return e->native_id_.load(relaxed) == caller; });
}

std::vector<thread_info> thread_roster::list() const {
  std::lock_guard guard(mutex_);
  std::vector<thread_info> all;
  all.reserve(entries_.size());
  for (const entry* e : entries_) {
    all.push_back(e->info_);
    all.back().native_id = e->native_id_.load(relaxed);
  }
  return all;
}

bool thread_roster::enlist(const std::shared_ptr<thread_owner>& owner) {
  std::lock_guard guard(mutex_);
  if (ended_) return false;
  std::erase_if(owners_, [](const auto& o) { return o.expired(); });
  owners_.push_back(owner);
  return true;
}

std::vector<std::shared_ptr<thread_owner>> thread_roster::owners() const {
  std::lock_guard guard(mutex_);
  std::vector<std::shared_ptr<thread_owner>> alive;
  for (const auto& o : owners_) {
    if (auto owner = o.lock()) alive.push_back(std::move(owner));
  }
  return alive;
}

void thread_roster::request_stop() noexcept {
  for (const auto& o : owners()) o->request_stop();
}

bool thread_roster::idle() const noexcept {
  const auto all = owners();
  return std::all_of(all.begin(), all.end(), [](const auto& o) { return o->idle(); });
}

void thread_roster::inspect(std::vector<worker_info>& all) const {
  for (const auto& o : owners()) o->inspect(all);
}

std::vector<std::string> thread_roster::end(std::int64_t deadline) noexcept {
  std::vector<std::string> stuck;
  {
    std::lock_guard guard(mutex_);
    ended_ = true;
  }
  for (const auto& o : owners()) o->end(deadline, stuck);
  {
    std::lock_guard guard(mutex_);
    owners_.clear();
  }
  std::shared_ptr<thread_owner> last;
  std::lock_guard guard(blocking_mutex_);
  last = std::move(blocking_pool_);
  return stuck;
}

}  // namespace detail
}  // namespace troupe
