#include <troupe/scheduler/schedule_strategy.hpp>

#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace troupe {

namespace {

constexpr std::string_view replay_prefix = "replay:";
constexpr std::string_view pct_prefix = "pct";

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number n{};
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, n);
  if (failure != std::errc{} || stop != end) return std::nullopt;
  return n;
}

std::optional<schedule_strategy> parse_strategy(std::string_view text) {
  if (text == "random") return schedule_strategy::random();
  if (!text.starts_with(pct_prefix)) return std::nullopt;
  text.remove_prefix(pct_prefix.size());
  schedule_strategy pct = schedule_strategy::pct(0);
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    pct.steps = number<std::uint64_t>(text.substr(slash + 1)).value_or(0);
    text = text.substr(0, slash);
  }
  pct.depth = number<unsigned>(text).value_or(0);
  if (pct.depth == 0 || pct.steps == 0) return std::nullopt;
  return pct;
}

}  // namespace

std::string seeded_schedule::text() const {
  switch (strategy.how) {
    case schedule_strategy::kind::random: break;
    case schedule_strategy::kind::pct: return fmt::format("{}:pct{}/{}", seed, strategy.depth, strategy.steps);
    case schedule_strategy::kind::replay: return std::string(replay_prefix) + strategy.recording;
  }
  return fmt::format("{}:random", seed);
}

result<seeded_schedule> seeded_schedule::parse(std::string_view text) {
  if (text.starts_with(replay_prefix))
    return seeded_schedule{0, schedule_strategy::replay(std::string(text.substr(replay_prefix.size())))};
  const std::size_t colon = text.find(':');
  const auto seed = number<std::uint64_t>(text.substr(0, colon));
  const auto how =
      colon == std::string_view::npos ? schedule_strategy::random() : parse_strategy(text.substr(colon + 1));
  if (!seed || !how)
    return error(errc::invalid_argument,
                 fmt::format("'{}' is no schedule: it is 7, 7:random, 7:pct3, 7:pct3/500 or replay:<recording>", text));
  return seeded_schedule{*seed, *how};
}

}  // namespace troupe
