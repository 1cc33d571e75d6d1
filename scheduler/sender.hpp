#pragma once

#include <utility>

namespace troupe {

namespace detail {
// Whom the calling thread sends for; null: for whom its worker runs, or for itself. Initial-exec, hence without a call.
extern constinit thread_local const void* spoken_for __attribute__((tls_model("initial-exec")));
}  // namespace detail

/// While it lives, what the calling thread sends counts as sent by somebody else: by the actor whose constructor runs,
/// by who has forked what runs, or by who has a blocking call made (`current_sender` in worker.hpp).
class sends_for {
public:
  explicit sends_for(const void* sender) noexcept : outer_(std::exchange(detail::spoken_for, sender)) {}
  sends_for(const sends_for&) = delete;
  sends_for& operator=(const sends_for&) = delete;
  ~sends_for() { detail::spoken_for = outer_; }

private:
  const void* outer_;
};

}  // namespace troupe
