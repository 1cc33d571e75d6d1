#pragma once

namespace troupe {

/// What a scheduler runs, one slice at a time. Actors and green threads are jobs.
///
/// J1. A job is in at most one queue at a time, and is never queued while it runs: whoever makes it runnable owns the
///     right to do so (the push that found an actor idle, the completion that found a waiter).
/// J2. `run` may end with the job queued again, running on another thread or destroyed: the caller touches it no more.
class job {
public:
  job() = default;
  job(const job&) = delete;
  job& operator=(const job&) = delete;

  /// Runs one slice: as much as the budget of the calling worker allows.
  virtual void run() noexcept = 0;

  /// Called in place of `run` for a job that is still queued when its scheduler has ended. By then whatever owns most
  /// jobs has gone.
  virtual void abandoned() noexcept {}

protected:
  ~job() = default;
};

}  // namespace troupe
