#include <troupe/actors/statistics.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>

#include <troupe/actors/detail/bounded_inbox.hpp>
#include <troupe/actors/detail/class_meters.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/base/text_table.hpp>

namespace troupe {

using detail::aligned;
using detail::grouped;
using detail::json_string;
using detail::text_row;

namespace {

/// Adds an actor that is alive.
void look_at(const cell& c, bool measured, class_statistics& sum) {
  ++sum.alive;
  if (!measured) sum.handled += c.handled();
  if (const detail::bounded_inbox* inbox = c.bounded()) {
    const std::size_t n = inbox->size();
    sum.queued += n;
    sum.longest_queue = std::max(sum.longest_queue, n);
  } else if (!c.waits_for_message()) {
    sum.queues_known = false;
  }
}

std::uint64_t less(std::uint64_t now, std::uint64_t before) noexcept { return now - std::min(now, before); }

}  // namespace

runtime_statistics runtime::statistics() const {
  runtime_statistics all;
  all.span = std::chrono::nanoseconds(scheduler().now() - core_->begun());
  std::map<std::string_view, class_statistics> by_name;  // the names of classes last as long as the program
  const detail::class_meters* const meters = core_->meters();
  if (meters) meters->for_each([&](const detail::class_meter& m) { m.add_to(by_name[m.of_class().name]); });
  for (const any_ref& a : all_actors()) {
    const cell& c = *a.get_cell();
    look_at(c, meters != nullptr, by_name[c.of_class().name]);
    ++all.alive;
  }
  all.counts = core_->counts();
  for (auto& [name, c] : by_name) {
    c.name = name;
    all.classes.push_back(std::move(c));
  }
  return all;
}

const class_statistics* runtime_statistics::find(std::string_view name) const noexcept {
  const auto at = std::find_if(classes.begin(), classes.end(), [&](const auto& c) { return c.name == name; });
  return at == classes.end() ? nullptr : &*at;
}

runtime_statistics runtime_statistics::since(const runtime_statistics& before) const {
  runtime_statistics rest = *this;
  rest.span -= before.span;
  const auto take = [](std::uint64_t& n, std::uint64_t old) { n = less(n, old); };
  take(rest.counts.sent, before.counts.sent);
  take(rest.counts.handled, before.counts.handled);
  take(rest.counts.failed, before.counts.failed);
  take(rest.counts.dead_letters, before.counts.dead_letters);
  take(rest.counts.dropped, before.counts.dropped);
  take(rest.counts.refused, before.counts.refused);
  take(rest.counts.mutes_broken, before.counts.mutes_broken);
  take(rest.counts.poison, before.counts.poison);
  take(rest.counts.late_replies, before.counts.late_replies);
  take(rest.counts.called_off, before.counts.called_off);
  take(rest.counts.spawned, before.counts.spawned);
  take(rest.counts.ended, before.counts.ended);
  for (class_statistics& c : rest.classes) {
    const class_statistics* const old = before.find(c.name);
    if (!old) continue;
    take(c.ended, old->ended);
    take(c.handled, old->handled);
    take(c.failed, old->failed);
    take(c.restarts, old->restarts);
    for (std::size_t i = 0; i != c.lost.size(); ++i) take(c.lost[i], old->lost[i]);
    c.times = c.times.since(old->times);
  }
  return rest;
}

double per_second(std::uint64_t n, std::chrono::nanoseconds span) noexcept {
  return span.count() <= 0 ? 0 : static_cast<double>(n) * 1e9 / static_cast<double>(span.count());
}

// --- for people ----------------------------------------------------------------------------------------------------

namespace {

std::string rate(std::uint64_t n, std::chrono::nanoseconds span) {
  return grouped(static_cast<std::uint64_t>(per_second(n, span) + 0.5));
}

std::string short_time(std::chrono::nanoseconds t) {
  const auto ns = static_cast<double>(t.count());
  if (ns < 1e3) return fmt::format("{}ns", t.count());
  if (ns < 1e6) return fmt::format("{:.3g}us", ns / 1e3);
  if (ns < 1e9) return fmt::format("{:.3g}ms", ns / 1e6);
  return fmt::format("{:.3g}s", ns / 1e9);
}

std::string losses(const class_statistics& c) {
  std::string text;
  for (std::size_t i = 0; i != c.lost.size(); ++i) {
    if (c.lost[i] == 0) continue;
    fmt::format_to(std::back_inserter(text), "{}{} {}", text.empty() ? "" : ", ", to_string(static_cast<loss>(i)),
                   grouped(c.lost[i]));
  }
  return text.empty() ? "-" : text;
}

}  // namespace

std::string to_table(const runtime_statistics& run, const runtime_statistics& interval) {
  const message_counts& n = run.counts;
  std::string text = fmt::format(
      "{:.1f} s, {} actors, {} messages/s; "
      "sent {} = handled {} + failed {} + dropped {} + dead letters {} + queued {}\n",
      static_cast<double>(run.span.count()) / 1e9, grouped(run.alive), rate(interval.counts.handled, interval.span),
      grouped(n.sent), grouped(n.handled), grouped(n.failed), grouped(n.dropped), grouped(n.dead_letters),
      grouped(n.queued()));
  if (n.refused != 0) text += fmt::format("refused {}: not sent, for lack of room in a mailbox\n", grouped(n.refused));
  std::vector<text_row> rows{
      {"class", "actors", "msg/s", "handled", "queued", "longest", "p50", "p99", "max", "failed", "restarts", "lost"}};
  for (const class_statistics& c : run.classes) {
    const class_statistics* const now = interval.find(c.name);
    const histogram none;
    const histogram& times = now ? now->times : none;
    const auto shown = [&](std::chrono::nanoseconds t) { return times.count() == 0 ? "-" : short_time(t); };
    const std::string about = c.queues_known ? "" : "?";
    rows.push_back({c.name, grouped(c.alive), rate(now ? now->handled : 0, interval.span), grouped(c.handled),
                    grouped(c.queued) + about, grouped(c.longest_queue) + about, shown(times.percentile(0.5)),
                    shown(times.percentile(0.99)), shown(times.max()), grouped(c.failed), grouped(c.restarts),
                    losses(c)});
  }
  return text + aligned(rows);
}

// --- for programs --------------------------------------------------------------------------------------------------

namespace {

std::string class_object(const class_statistics& c, const class_statistics* now, std::chrono::nanoseconds span) {
  std::string text = fmt::format(
      R"({{"class":{},"actors":{},"ended":{},"handled":{},"handled_per_second":{:.1f},"failed":{},"restarts":{},)"
      R"("queued":{},"longest_queue":{},"queues_known":{})",
      json_string(c.name), c.alive, c.ended, c.handled, per_second(now ? now->handled : 0, span), c.failed, c.restarts,
      c.queued, c.longest_queue, c.queues_known);
  if (now && now->times.count() != 0)
    fmt::format_to(std::back_inserter(text), R"(,"timed":{},"p50_ns":{},"p99_ns":{},"max_ns":{})", now->times.count(),
                   now->times.percentile(0.5).count(), now->times.percentile(0.99).count(), now->times.max().count());
  text += R"(,"lost":{)";
  bool first = true;
  for (std::size_t i = 0; i != c.lost.size(); ++i) {
    if (c.lost[i] == 0) continue;
    fmt::format_to(std::back_inserter(text), "{}{}:{}", std::exchange(first, false) ? "" : ",",
                   json_string(to_string(static_cast<loss>(i))), c.lost[i]);
  }
  return text + "}}";
}

}  // namespace

std::string to_json(const runtime_statistics& run, const runtime_statistics& interval) {
  const message_counts& n = run.counts;
  std::string text = fmt::format(
      R"({{"seconds":{:.6f},"interval_seconds":{:.6f},"actors":{},"sent":{},"handled":{},"handled_per_second":{:.1f},)"
      R"("failed":{},"dropped":{},"dead_letters":{},"queued":{},"refused":{},"late_replies":{},"called_off":{},)"
      R"("spawned":{},"ended":{},"classes":[)",
      static_cast<double>(run.span.count()) / 1e9, static_cast<double>(interval.span.count()) / 1e9, run.alive, n.sent,
      n.handled, per_second(interval.counts.handled, interval.span), n.failed, n.dropped, n.dead_letters, n.queued(),
      n.refused, n.late_replies, n.called_off, n.spawned, n.ended);
  for (std::size_t i = 0; i != run.classes.size(); ++i) {
    if (i != 0) text += ',';
    text += class_object(run.classes[i], interval.find(run.classes[i].name), interval.span);
  }
  return text + "]}";
}

}  // namespace troupe
