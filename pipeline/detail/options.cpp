#include <troupe/pipeline/detail/options.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <troupe/pipeline/text.hpp>
#include <troupe/pipeline/value.hpp>

namespace troupe::pipeline::detail {

namespace {

constexpr std::size_t most = std::size_t{1} << 48;  // messages, or bytes
constexpr std::size_t most_deliveries = UINT32_MAX;

constexpr kind_set all_kinds{"all kinds", [](const exchange_kind&) { return true; }};
constexpr kind_set queues{"kind queue", [](const exchange_kind& k) { return k == exchange_kind::queue; }};
constexpr kind_set queues_and_groups{"queue, fanout, direct, topic, headers", [](const exchange_kind& k) {
                                       return k == exchange_kind::queue || !k.competing();
                                     }};
constexpr kind_set no_queues{"all kinds but queue", [](const exchange_kind& k) { return k != exchange_kind::queue; }};
constexpr kind_set no_work_queues{"all kinds but work_queue and queue", [](const exchange_kind& k) {
                                    return k != exchange_kind::queue && k != exchange_kind::work_queue;
                                  }};
constexpr kind_set sharing{"fanout, direct, topic, headers", [](const exchange_kind& k) { return !k.competing(); }};

error wrong(std::string message) { return error(errc::invalid_argument, std::move(message)); }

result<std::size_t> parse_count(std::string_view word, std::string_view text, std::size_t least, std::size_t largest) {
  const auto n = parse_value(value_type::integer, text);
  if (!n) return wrong(fmt::format("{}: {}", word, printable(n.error().message())));
  const auto count = std::get<std::int64_t>(*n);
  if (count < 0 || static_cast<std::size_t>(count) < least || static_cast<std::size_t>(count) > largest)
    return wrong(fmt::format("{}: expected {} to {}, not {}", word, least, largest, count));
  return static_cast<std::size_t>(count);
}

struct unit {
  std::string_view name;
  std::int64_t size;
};

/// A number and its unit, in the smallest of the units. None: it is written differently, or too large.
template <std::size_t N>
std::optional<std::int64_t> parse_with_unit(std::string_view text, const std::array<unit, N>& units) {
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (code != std::errc()) return {};
  std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (name.starts_with(' ')) name.remove_prefix(1);
  const auto found = std::find_if(units.begin(), units.end(), [&](const unit& u) { return u.name == name; });
  if (found == units.end()) return {};
  const double total = number * static_cast<double>(found->size);
  constexpr double largest = 9.2e18;
  if (!(std::abs(total) <= largest)) return {};
  return static_cast<std::int64_t>(std::llround(total));
}

// Each reads one word of a file into the member at the end of `Path`.

template <std::size_t Least, std::size_t Largest, class Settings, auto... Path>
result<void> read_count(Settings& to, std::string_view word, std::string_view text) {
  const auto n = parse_count(word, text, Least, Largest);
  if (!n) return n.error();
  auto& member = (to.*....*Path);
  member = static_cast<std::remove_reference_t<decltype(member)>>(*n);
  return {};
}

template <class Settings, auto... Path>
result<void> read_bytes(Settings& to, std::string_view word, std::string_view text) {
  const auto n = parse_bytes(text);
  if (!n) return wrong(fmt::format("{}: {}", word, n.error().message()));
  (to.*....*Path) = *n;
  return {};
}

template <class Settings, auto... Path>
result<void> read_duration(Settings& to, std::string_view word, std::string_view text) {
  const auto d = parse_duration(text);
  if (!d) return wrong(fmt::format("{}: {}", word, d.error().message()));
  (to.*....*Path) = *d;
  return {};
}

/// One of several names, each that of an enumerator.
template <class E, std::size_t N>
result<void> read_enumerator(E& to, std::string_view word, std::string_view text,
                             const std::array<std::pair<std::string_view, E>, N>& names) {
  std::vector<std::string> known;
  for (const auto& [name, value] : names) {
    if (name == text) {
      to = value;
      return {};
    }
    known.emplace_back(name);
  }
  return wrong(fmt::format("unknown {} '{}'{}", word, printable(text), suggestion(text, known)));
}

template <class Settings, auto... Path>
result<void> read_text(Settings& to, std::string_view, std::string_view text) {
  (to.*....*Path) = std::string(text);
  return {};
}

result<void> read_when_full(exchange_settings& to, std::string_view word, std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, overflow>, 3> names{
      {{"fail", overflow::fail}, {"drop_oldest", overflow::drop_oldest}, {"drop_newest", overflow::drop_newest}}};
  if (text == "block")
    return wrong("when_full: a queue cannot block its publishers: expected fail, drop_oldest or drop_newest");
  return read_enumerator(to.for_queue.when_full, word, text, names);
}

result<void> read_policy(attach_settings& to, std::string_view word, std::string_view text) {
  using enum subscription_policy;
  static constexpr std::array<std::pair<std::string_view, subscription_policy>, 6> names{{{"block", block},
                                                                                          {"drop_oldest", drop_oldest},
                                                                                          {"drop_newest", drop_newest},
                                                                                          {"conflate", conflate},
                                                                                          {"disconnect", disconnect},
                                                                                          {"fail", fail}}};
  return read_enumerator(to.options.policy, word, text, names);
}

result<void> read_prefetch(attach_settings& to, std::string_view word, std::string_view text) {
  const auto n = parse_count(word, text, 1, most);
  if (!n) return n.error();
  to.consume.prefetch = to.options.group_prefetch = *n;
  return {};
}

result<void> read_start(attach_settings& to, std::string_view word, std::string_view text) {
  start_at& start = to.options.start;
  const auto argument = [&](std::string_view name) -> std::optional<std::string_view> {
    if (!text.starts_with(name) || !text.substr(name.size()).starts_with(' ')) return {};
    return text.substr(name.size() + 1);
  };
  if (text == "latest") {
    start = start_at::latest();
  } else if (text == "earliest") {
    start = start_at::earliest();
  } else if (const auto n = argument("offset")) {
    const auto offset = parse_count("start: offset", *n, 0, INT64_MAX);
    if (!offset) return offset.error();
    start = start_at::offset(*offset);
  } else if (const auto d = argument("ago")) {
    const auto ago = parse_duration(*d);
    if (!ago) return wrong(fmt::format("start: ago: {}", ago.error().message()));
    start = start_at::ago(*ago);
  } else {
    return wrong(fmt::format("unknown {} '{}'{}", word, printable(text),
                             suggestion(text, {"latest", "earliest", "offset 100", "ago 5s"})));
  }
  return {};
}

result<void> read_last_value(retention& to, std::string_view word, std::string_view text) {
  const auto yes = parse_value(value_type::boolean, text);
  if (!yes) return wrong(fmt::format("{}: {}", word, printable(yes.error().message())));
  to.per_key = std::get<bool>(*yes);
  return {};
}

constexpr std::string_view whole = "a whole number";
constexpr std::string_view time = "a time: `500ms`, `30s`, `5min`, `1h`";
constexpr std::string_view bytes = "bytes: `4096`, `64KiB`, `16MiB`";
constexpr std::string_view an_exchange = "an exchange";

}  // namespace

result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  static constexpr std::array<unit, 7> units{{{"ns", 1},
                                              {"us", 1'000},
                                              {"ms", 1'000'000},
                                              {"s", 1'000'000'000},
                                              {"min", 60'000'000'000},
                                              {"h", 3'600'000'000'000},
                                              {"d", 86'400'000'000'000}}};
  const auto n = parse_with_unit(text, units);
  if (!n)
    return wrong(
        fmt::format("expected a time with its unit, such as 500ms, 30s, 5min or 1h, not '{}'", printable(text)));
  if (*n <= 0) return wrong(fmt::format("expected a time that is longer than nothing, not '{}'", printable(text)));
  return std::chrono::nanoseconds(*n);
}

result<std::size_t> parse_bytes(std::string_view text) {
  static constexpr std::array<unit, 8> units{{{"", 1},
                                              {"B", 1},
                                              {"kB", 1'000},
                                              {"MB", 1'000'000},
                                              {"GB", 1'000'000'000},
                                              {"KiB", 1 << 10},
                                              {"MiB", 1 << 20},
                                              {"GiB", 1 << 30}}};
  const auto n = parse_with_unit(text, units);
  if (!n)
    return wrong(fmt::format("expected a number of bytes, such as 4096, 64KiB or 16MiB, not '{}'", printable(text)));
  if (*n < 1 || static_cast<std::size_t>(*n) > most)
    return wrong(fmt::format("expected 1 to {} bytes, not {}", most, printable(text)));
  return static_cast<std::size_t>(*n);
}

const std::vector<option_word<exchange_settings>>& exchange_words() {
  using s = exchange_settings;
  using o = exchange_options;
  static const std::vector<option_word<s>> words{
      {"alternate", no_queues, an_exchange, "gets what reaches nobody here", true,
       &read_text<s, &s::options, &o::alternate>},
      {"max_deliveries", queues, whole,
       "how often a message may be begun with before it is a dead letter; 0: any number", false,
       &read_count<0, most_deliveries, s, &s::for_queue, &queue::max_deliveries>},
      {"ack_timeout", queues, time, "by when a consumer has answered for a message, or another gets it", false,
       &read_duration<s, &s::for_queue, &queue::ack_timeout>},
      {"message_ttl", queues, time, "how long a message may wait before it is a dead letter", false,
       &read_duration<s, &s::for_queue, &queue::message_ttl>},
      {"dead_letters", queues, an_exchange, "gets the dead letters: of the same message, or of `dead_lettered` of it",
       true, &read_text<s, &s::for_queue, &queue::dead_letters>},
      {"limit", queues, whole, "messages that may wait", false, &read_count<1, most, s, &s::for_queue, &queue::limit>},
      {"when_full", queues, "`fail`, `drop_oldest`, `drop_newest`", "what becomes of a message beyond `limit`", false,
       &read_when_full},
  };
  return words;
}

const std::vector<option_word<retention>>& retain_words() {
  using r = retention;
  static const std::vector<option_word<r>> words{
      {"last", sharing, whole, "the last messages, so many", false, &read_count<1, most, r, &r::messages>},
      {"last_value", sharing, "`true`", "of each key only the last message", false, &read_last_value},
      {"for_time", sharing, time, "what was published within that time", false, &read_duration<r, &r::age>},
      {"bytes", sharing, bytes, "the newest, which have so many bytes together", false, &read_bytes<r, &r::bytes>},
  };
  return words;
}

const std::vector<option_word<attach_settings>>& attach_words() {
  using s = attach_settings;
  using o = subscribe_options;
  static const std::vector<option_word<s>> words{
      {"policy", no_work_queues, "`block`, `drop_oldest`, `drop_newest`, `conflate`, `disconnect`, `fail`",
       "what becomes of a message for which there is no room", false, &read_policy},
      {"limit", no_work_queues, whole, "messages that may wait for the actor", false,
       &read_count<1, most, s, &s::options, &o::limit>},
      {"limit_bytes", no_work_queues, bytes, "bytes that they may have", false,
       &read_bytes<s, &s::options, &o::limit_bytes>},
      {"start", sharing, "`latest`, `earliest`, `offset 100`, `ago 5s`", "where it begins in what the exchange retains",
       false, &read_start},
      {"group", sharing, "a name", "shares the messages with the other actors of that group: each goes to one of them",
       false, &read_text<s, &s::options, &o::group>},
      {"prefetch", queues_and_groups, whole,
       "messages that a consumer of a queue or a member of a group may have without having answered for them", false,
       &read_prefetch},
  };
  return words;
}

}  // namespace troupe::pipeline::detail
