#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include <troupe/actors/statistics.hpp>
#include <troupe/base/text_table.hpp>
#include <troupe/exchange/exchange_info.hpp>

// Exchanges as text.

namespace troupe {

using detail::grouped;
using detail::json_string;
using detail::text_row;

namespace {

/// What has come since the earlier look.
exchange_counts news_of(const exchange_info& x, const std::vector<exchange_info>& before) {
  const auto old = std::find_if(before.begin(), before.end(), [&](const auto& other) { return other.name == x.name; });
  return old == before.end() ? x.counts : x.counts.since(old->counts);
}

std::string rate(std::uint64_t n, std::chrono::nanoseconds span) {
  return grouped(static_cast<std::uint64_t>(per_second(n, span) + 0.5));
}

/// All that was published or routed and came to nothing.
std::string losses(const exchange_counts& c) {
  std::string text;
  const auto add = [&](const char* what, std::uint64_t n) {
    if (n != 0) fmt::format_to(std::back_inserter(text), "{}{} {}", text.empty() ? "" : ", ", what, grouped(n));
  };
  add("unroutable", c.unroutable);
  add("failed", c.failed);
  add("refused", c.refused);
  for (std::size_t i = 0; i != c.lost.size(); ++i) add(to_string(static_cast<loss>(i)), c.lost[i]);
  return text.empty() ? "-" : text;
}

std::string slowest_of(const exchange_info& x) {
  const subscription_info* const s = x.slowest();
  return s ? fmt::format("{} ({})", s->subscriber, grouped(*s->counts.lag)) : "-";
}

std::string json_of(const subscription_info& s) {
  std::string text =
      fmt::format(R"({{"subscriber":{},"key":{},"delivered":{},"lagged":{},"conflated":{},"disconnected":{},)"
                  R"("refused":{},"bytes":{})",
                  json_string(s.subscriber), json_string(s.key), s.counts.delivered, s.counts.lagged,
                  s.counts.conflated, s.counts.disconnected, s.counts.refused, s.counts.bytes);
  if (s.counts.lag) fmt::format_to(std::back_inserter(text), R"(,"lag":{})", *s.counts.lag);
  if (s.options) fmt::format_to(std::back_inserter(text), R"(,"policy":{})", json_string(to_string(s.options->policy)));
  return text + "}";
}

std::string json_of(const exchange_info& x, const exchange_counts& news, std::chrono::nanoseconds since) {
  const exchange_counts& c = x.counts;
  std::string text = fmt::format(
      R"({{"exchange":{},"kind":{},"message":{},"publishers":{},"subscribers":{},"published":{},)"
      R"("published_per_second":{:.1f},"unroutable":{},"passed_on":{},"routed":{},"delivered":{},)"
      R"("delivered_per_second":{:.1f},"failed":{},"refused":{},"waiting":{},"waiting_bytes":{},"unacknowledged":{},)"
      R"("redelivered":{},"dead_letters":{},"kept":{},"kept_bytes":{},"lost":{{)",
      json_string(x.name), json_string(to_string(x.kind)), json_string(x.message), c.publishers, c.subscribers,
      c.published, per_second(news.published, since), c.unroutable, c.passed_on, c.routed, c.delivered,
      per_second(news.delivered, since), c.failed, c.refused, c.waiting(), c.waiting_bytes, c.unacknowledged,
      c.redelivered, c.dead_letters, x.kept, x.kept_bytes);
  bool first = true;
  const auto comma = [&] { return std::exchange(first, false) ? "" : ","; };
  for (std::size_t i = 0; i != c.lost.size(); ++i) {
    if (c.lost[i] != 0)
      fmt::format_to(std::back_inserter(text), "{}{}:{}", comma(), json_string(to_string(static_cast<loss>(i))),
                     c.lost[i]);
  }
  text += R"(},"subscriptions":[)";
  first = true;
  for (const subscription_info& s : x.subscriptions) text += comma() + json_of(s);
  return text + "]}";
}

}  // namespace

std::string to_table(const std::vector<exchange_info>& now, const std::vector<exchange_info>& before,
                     std::chrono::nanoseconds since) {
  std::vector<text_row> rows{
      {"exchange", "kind", "subscribers", "published", "pub/s", "delivered", "msg/s", "waiting", "slowest", "lost"}};
  for (const exchange_info& x : now) {
    const exchange_counts news = news_of(x, before);
    rows.push_back({x.name, std::string(to_string(x.kind)), grouped(x.counts.subscribers), grouped(x.counts.published),
                    rate(news.published, since), grouped(x.counts.delivered), rate(news.delivered, since),
                    grouped(x.counts.waiting()), slowest_of(x), losses(x.counts)});
  }
  return detail::aligned(rows);
}

std::string to_json(const std::vector<exchange_info>& now, const std::vector<exchange_info>& before,
                    std::chrono::nanoseconds since) {
  std::string text = "[";
  for (const exchange_info& x : now) text += (text.size() == 1 ? "" : ",") + json_of(x, news_of(x, before), since);
  return text + "]";
}

}  // namespace troupe
