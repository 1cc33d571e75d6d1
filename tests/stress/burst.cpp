#include "stress.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <troupe/base/pool.hpp>
#include <troupe/troupe.hpp>

#include "../common.hpp"

namespace stress {
namespace {

// A burst: each of a thousand actors is held up by its first message until all others are in the mailboxes; then all
// is handled, and the memory goes back (C10).

using namespace std::chrono_literals;
using tests::resident_bytes;

constexpr std::size_t receivers = 1'000;

struct hold {};

class receiver : public troupe::actor {
public:
  receiver(troupe::event* go, std::atomic<std::uint64_t>* out_of_order) : go_(go), out_of_order_(out_of_order) {}

  troupe::task<> on(hold) { co_await go_->wait(); }
  void on(std::uint64_t number) {
    if (number != ++last_) out_of_order_->fetch_add(1, std::memory_order_relaxed);
  }

private:
  troupe::event* go_;
  std::atomic<std::uint64_t>* out_of_order_;
  std::uint64_t last_ = 0;
};

std::string burst(std::uint64_t items) {
  const std::uint64_t each = items / receivers;
  std::atomic<std::uint64_t> out_of_order{0};
  troupe::event go;
  troupe::runtime rt({.workers = 4, .name = "stress"});
  std::vector<troupe::ref<receiver>> all;
  for (std::size_t i = 0; i != receivers; ++i) all.push_back(rt.spawn<receiver>(&go, &out_of_order));
  const auto handled = [&] { return rt.counts().handled; };
  for (const auto& r : all) r.send(hold{});
  [[maybe_unused]] const std::uint64_t before = resident_bytes();
  for (std::uint64_t n = 1; n <= each; ++n)
    for (const auto& r : all) r.send(n);
  [[maybe_unused]] const std::uint64_t peak = resident_bytes();
  std::string text;
  if (handled() != 0) text += "messages were handled before their time; ";
  go.set();
  if (!rt.wait_idle(10min)) text += "it did not come to an end; ";
  if (out_of_order != 0) text += std::to_string(out_of_order) + " messages came out of order (C1); ";
  if (handled() != (each + 1) * receivers)
    text += std::to_string(handled()) + " messages were handled, not " + std::to_string((each + 1) * receivers) + "; ";
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep what was freed
  if (peak - before < items * 40) text += "the burst took no memory; ";
  const std::uint64_t most = before + (peak - before) / 20;
  const auto patience = std::chrono::steady_clock::now() + 10s;  // the housekeeper waits for a moment of idleness
  while (resident_bytes() > most && std::chrono::steady_clock::now() < patience) std::this_thread::sleep_for(10ms);
  if (const std::uint64_t after = resident_bytes(); after > most)
    text += "of " + std::to_string((peak - before) >> 20) + " MB " + std::to_string((after - before) >> 20) +
            " stayed (C10); the pool has " + std::to_string(troupe::pool_stats().slabs >> 10) + " KB of slabs, " +
            std::to_string(troupe::pool_stats().in_use >> 10) + " KB in use; ";
#endif
  return text;
}

constexpr queue all[] = {
    {"burst", 1, "a thousand mailboxes filled, then emptied: order, and memory that comes back; C1, C10", burst},
};

}  // namespace

std::span<const queue> bursts() { return all; }

}  // namespace stress
