#include <troupe/scheduler/barrier.hpp>

namespace troupe {

barrier::barrier(std::size_t parties, std::function<void()> completion)
    : expected_(parties), left_(parties), completion_(std::move(completion)) {
  if (parties == 0) throw troupe_error(errc::invalid_argument, "a barrier for no parties: at least one has to arrive");
  detail::check_count(parties, "the number of parties of a barrier");
}

barrier::arrival barrier::count(std::size_t n, bool drops, std::uint64_t& phase) noexcept {
  std::lock_guard lock(guard_);
  if (n > left_) return arrival::refused;
  phase = phase_ + (completing_ ? 1 : 0);
  left_ -= n;
  if (drops) --expected_;
  if (left_ != 0 || completing_ || n == 0) return arrival::counted;
  completing_ = true;
  left_ = expected_;
  leaving_.take_all(line_);
  return arrival::last;
}

bool barrier::arrive(std::size_t n, bool drops, std::uint64_t& phase) noexcept {
  const arrival how = count(n, drops, phase);
  for (bool complete = how == arrival::last; complete;) {
    if (completion_) completion_();
    detail::wake_list woken;
    std::lock_guard lock(guard_);
    ++phase_;
    leaving_.grant_all(woken);
    complete = left_ == 0 && expected_ != 0;  // BR2
    if (complete) {
      left_ = expected_;
      leaving_.take_all(line_);
    }
    completing_ = complete;
  }
  return how != arrival::refused;
}

bool barrier::over_or_queue(detail::wait_node& n, std::uint64_t phase) noexcept {
  if (phase < phase_) return true;
  (phase == phase_ && completing_ ? leaving_ : line_).push(n);
  return false;
}

result<void> barrier::arrive(std::size_t n) {
  std::uint64_t phase = 0;
  if (arrive(n, false, phase)) return {};
  return error(errc::invalid_argument, "more parties arrived at a barrier than it expects");
}

result<void> barrier::arrive_and_drop() {
  std::uint64_t phase = 0;
  if (arrive(1, true, phase)) return {};
  return error(errc::invalid_argument, "a party left a barrier that expects nobody");
}

}  // namespace troupe
