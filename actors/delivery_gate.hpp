#pragma once

#include <cstdint>
#include <utility>

#include <troupe/base/atomic.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe::detail {

class delivery_account;

/// Lets messages of one subscription through until it is closed, and makes `close` exact: once it has returned no
/// handler starts (C5).
///
/// G1. A delivery announces itself in `inside_`, then looks at `open_`; `close` clears `open_`, then looks at `inside_`
///     (all seq_cst): either the delivery sees the gate closed, or `close` sees the delivery and waits for it.
/// G2. Deliveries through one gate come one at a time, since they go to one actor (C2).
/// G3. While somebody waits in `close` from within a handler, that one's own passage does not count, so that two
///     handlers that close each other's gates do not wait for each other. It counts again when the wait is over.
class delivery_gate {
public:
  delivery_gate() = default;
  delivery_gate(const delivery_gate&) = delete;
  delivery_gate& operator=(const delivery_gate&) = delete;

  bool is_open() const noexcept { return open_.load(relaxed); }

  /// One more has begun: the receiver's slice, which is the only writer. None does once the gate is closed.
  void count_delivery() noexcept { bump(deliveries_); }
  /// How many have been counted. Any thread.
  std::uint64_t deliveries() const noexcept { return deliveries_.load(relaxed); }

  /// Waits for a delivery that is on its way into its handler, unless it is the caller's own. Any thread.
  void close() noexcept {
    passage* const mine = passage::current();
    if (mine) mine->step_out();
    open_.store(false, seq_cst);
    if (inside_.load(seq_cst)) wait_until_empty();
    if (mine) mine->step_in();
  }

  /// Lets nothing more through and waits for nobody: where the handler may never return.
  void shut() noexcept { open_.store(false, seq_cst); }

  /// One delivery, from before its handler starts until it returns or, being a coroutine, first waits. Converts to true
  /// if it may go on. Left before anything is done that may free the gate.
  class passage final : public pause_hook {
  public:
    /// Without a gate nothing is closed. `counted`: it is that of one message.
    explicit passage(delivery_gate* gate, bool counted = false) noexcept : gate_(gate) {
      if (!gate_) return;
      gate_->inside_.store(true, seq_cst);
      open_ = gate_->open_.load(seq_cst);
      if (counted && open_) gate_->count_delivery();
      outer_ = std::exchange(current(), this);
    }
    ~passage() { leave(); }
    passage(const passage&) = delete;
    passage& operator=(const passage&) = delete;

    explicit operator bool() const noexcept { return open_; }

    void leave() noexcept {
      if (!gate_) return;
      current() = outer_;
      started();
      gate_ = nullptr;
    }
    /// G3.
    void step_out() noexcept { started(); }
    void step_in() noexcept {
      gate_->inside_.store(true, seq_cst);
      holds_ = true;
    }
    void paused() noexcept override { leave(); }

    /// The handler has started: nobody needs to wait for this delivery.
    void started() noexcept {
      holds_ = false;
      gate_->inside_.store(false, troupe::release);  // pairs with the load in close()
    }

    /// False once `close` waits for it no more: the next message needs a passage of its own.
    bool holds() const noexcept { return holds_; }

    static passage*& current() noexcept;

  private:
    delivery_gate* gate_;
    passage* outer_ = nullptr;
    bool open_ = true;
    bool holds_ = true;
  };

  delivery_account* account = nullptr;  ///< where losses are counted; null: nowhere; set before it is used

private:
  /// Looks again after an eighth of the time that it has waited, so that a long handler costs no more than some looks.
  /// Being told would cost each delivery a read-modify-write.
  void wait_until_empty() const noexcept;

  atomic<std::uint64_t> deliveries_{0};  // single writer; relaxed: only counts
  atomic<bool> open_{true};              // G1
  atomic<bool> inside_{false};           // G1, G2
};

}  // namespace troupe::detail
