#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <troupe/pipeline/detail/options.hpp>
#include <troupe/pipeline/pipeline.hpp>

#include "actors.hpp"
#include "support.hpp"

namespace {

using namespace troupe::pipeline;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using strings = std::vector<std::string>;

strings errors_of(const std::string& text) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  return troupe::testing::texts(pipeline::load(folder.write("p.yaml", text), classes).errors);
}

// Numbers go from the exchange `a`, which line 2 describes, to an actor, attached as line 6 says.
std::string numbers(const std::string& a, const std::string& attach = "a") {
  return "exchanges:\n"
         "  - {name: a, message: number" +
         a +
         "}\n"
         "actors:\n"
         "  - {name: count, class: counting, parameters: {last: 3}, publish: a}\n"
         "  - name: add\n"
         "    attach: " +
         attach + "\n    class: adding\n";
}

// The same with more exchanges on the lines 3 to 5, of which actors on the lines 9 to 11 take what comes.
std::string wired(const std::string& a, const strings& more, const strings& readers = {}) {
  std::string text = "exchanges:\n  - {name: a, message: number" + a + "}\n";
  for (std::size_t i = 0; i < 3; ++i) text += i < more.size() ? "  - {" + more[i] + "}\n" : std::string("\n");
  text +=
      "actors:\n"
      "  - {name: count, class: counting, parameters: {last: 3}, publish: a}\n"
      "  - {name: add, class: adding, attach: a}\n";
  for (const auto& reader : readers) text += "  - {" + reader + "}\n";
  return text;
}

TEST(ExchangeCheck, every_kind_can_be_named) {
  for (const auto* kind : {"fanout", "work_queue", "queue", "consistent_hash", "first_only"})
    EXPECT_EQ(errors_of(numbers(std::string(", kind: ") + kind)), strings{}) << kind;
  for (const auto* kind : {"direct", "topic"})
    EXPECT_EQ(errors_of(numbers(std::string(", kind: ") + kind, "{exchange: a, key: x.y}")), strings{}) << kind;
  EXPECT_EQ(errors_of(numbers(", kind: headers", "{exchange: a, key: \"all parity='odd'\"}")), strings{});
  EXPECT_EQ(errors_of(numbers(", kind: topics", "{exchange: a, key: x}")),
            strings{"2:38: unknown kind 'topics' (did you mean 'topic'?)"});
  EXPECT_EQ(errors_of(numbers(", kind: hash")),
            strings{"2:38: unknown kind 'hash' (known: fanout, direct, topic, headers, consistent_hash, work_queue, "
                    "queue, first_only)"});
  EXPECT_EQ(errors_of(numbers(", kind: [a]")),
            strings{"2:32: expected a text for 'kind' of this exchange, not a list"});
}

TEST(ExchangeCheck, a_queue_has_options_which_other_kinds_have_not) {
  EXPECT_EQ(errors_of(numbers(", kind: queue, max_deliveries: 5, ack_timeout: 30s, message_ttl: 1.5h, limit: 100, "
                              "when_full: drop_oldest",
                              "{exchange: a, prefetch: 8}")),
            strings{});
  EXPECT_EQ(
      errors_of(numbers(", ack_timeout: 30s")),
      strings{"2:32: 'ack_timeout' goes with kind queue, and the exchange 'a' is of kind fanout: remove it, or let "
              "that be 'kind: queue'"});
  EXPECT_EQ(
      errors_of(numbers(", kind: queue", "{exchange: a, policy: drop_oldest, limit: 7}")),
      (strings{"6:27: 'policy' goes with all kinds but work_queue and queue, and the exchange 'a' is of kind queue: "
               "remove it",
               "6:48: 'limit' goes with all kinds but work_queue and queue, and the exchange 'a' is of kind queue: "
               "remove it"}));
  EXPECT_EQ(
      errors_of(numbers(", kind: queue, alternate: a")),
      strings{"2:45: 'alternate' goes with all kinds but queue, and the exchange 'a' is of kind queue: remove it"});
}

TEST(ExchangeCheck, numbers_and_times_out_of_range_are_refused) {
  const auto queue = [](const std::string& option) { return errors_of(numbers(", kind: queue, " + option)); };
  EXPECT_EQ(queue("limit: 0"), strings{"2:52: limit: expected 1 to 281474976710656, not 0"});
  EXPECT_EQ(queue("limit: -3"), strings{"2:52: limit: expected 1 to 281474976710656, not -3"});
  EXPECT_EQ(queue("limit: 99999999999999999999"),
            strings{"2:52: limit: '99999999999999999999' is out of the range of an integer"});
  EXPECT_EQ(queue("limit: "), strings{"2:45: limit: expected a value, not nothing"});
  EXPECT_EQ(queue("limit: [1]"), strings{"2:52: limit: expected a value of type text, not a list"});
  EXPECT_EQ(queue("max_deliveries: 0"), strings{});
  EXPECT_EQ(queue("max_deliveries: 4294967296"),
            strings{"2:61: max_deliveries: expected 0 to 4294967295, not 4294967296"});
  EXPECT_EQ(queue("ack_timeout: 30"),
            strings{"2:58: ack_timeout: expected a time with its unit, such as 500ms, 30s, 5min or 1h, not '30'"});
  EXPECT_EQ(queue("ack_timeout: 0s"),
            strings{"2:58: ack_timeout: expected a time that is longer than nothing, not '0s'"});
  EXPECT_EQ(queue("ack_timeout: -1s"),
            strings{"2:58: ack_timeout: expected a time that is longer than nothing, not '-1s'"});
  EXPECT_EQ(queue("ack_timeout: 1e400d").size(), 1u);
  EXPECT_EQ(queue("ack_timeout: 999999999999d").size(), 1u);
  EXPECT_EQ(queue("when_full: drop_oldest"), strings{"2:56: 'when_full' needs a 'limit': how many messages may wait"});
  EXPECT_EQ(queue("limit: 3, when_full: block"),
            strings{"2:66: when_full: a queue cannot block its publishers: expected fail, drop_oldest or drop_newest"});
  EXPECT_EQ(queue("limit: 3, when_full: drop"),
            strings{"2:66: unknown when_full 'drop' (known: fail, drop_oldest, drop_newest)"});
  EXPECT_EQ(errors_of(numbers(", kind: queue", "{exchange: a, prefetch: 0}")),
            strings{"6:37: prefetch: expected 1 to 281474976710656, not 0"});
}

TEST(ExchangeCheck, an_option_can_be_a_parameter_of_the_pipeline) {
  const std::string parameters =
      "parameters:\n"
      "  patience: {type: text, default: 5s}\n"
      "  many: {type: integer, default: 7}\n";
  EXPECT_EQ(errors_of(parameters + numbers(", kind: queue, ack_timeout: \"${patience}\", limit: \"${many}\"")),
            strings{});
  EXPECT_EQ(errors_of(parameters + numbers(", kind: queue, ack_timeout: \"${patienc}\", limit: \"${many}0\"")),
            strings{"5:58: the pipeline has no parameter 'patienc' (did you mean 'patience'?)"});
  EXPECT_EQ(errors_of(parameters + numbers(", kind: queue, ack_timeout: \"${many}\"")),
            strings{"5:58: ack_timeout: expected a time with its unit, such as 500ms, 30s, 5min or 1h, not '7'"});
}

TEST(ExchangeCheck, an_exchange_says_what_it_retains) {
  EXPECT_EQ(errors_of(numbers(", retain: {last: 100, for_time: 1h, bytes: 16MiB, last_value: true}")), strings{});
  EXPECT_EQ(errors_of(numbers(", retain: {lost: 100}")),
            strings{"2:41: unknown key 'lost' of 'retain' (did you mean 'last'?)"});
  EXPECT_EQ(errors_of(numbers(", retain: 100")),
            strings{"2:32: expected a map under 'retain', such as {last: 100}, not the text '100' (known: last, "
                    "last_value, for_time, bytes)"});
  EXPECT_EQ(errors_of(numbers(", retain: {last: -1}")), strings{"2:47: last: expected 1 to 281474976710656, not -1"});
  EXPECT_EQ(errors_of(numbers(", retain: {bytes: many}")),
            strings{"2:48: bytes: expected a number of bytes, such as 4096, 64KiB or 16MiB, not 'many'"});
  EXPECT_EQ(errors_of(numbers(", retain: {last_value: false}")),
            strings{"2:32: 'retain' keeps nothing: remove it, or give 'last', 'for_time' or 'bytes'"});
  EXPECT_EQ(
      errors_of(numbers(", kind: work_queue, retain: {last: 1}")),
      strings{"2:50: the exchange 'a' is of kind work_queue, which gives a message to one of several and keeps none "
              "for those who come later: remove 'retain'"});
}

TEST(ExchangeCheck, an_attachment_says_where_it_begins) {
  for (const auto* start : {"latest", "earliest", "offset 0", "offset 7", "ago 5s", "ago 1.5 min"})
    EXPECT_EQ(errors_of(numbers(", retain: {last: 9}", std::string("{exchange: a, start: ") + start + "}")), strings{})
        << start;
  const auto with = [](const std::string& start) {
    return errors_of(numbers(", retain: {last: 9}", "{exchange: a, start: " + start + "}"));
  };
  EXPECT_EQ(with("earlist"), strings{"6:34: unknown start 'earlist' (did you mean 'earliest'?)"});
  EXPECT_EQ(with("offset -1"), strings{"6:34: start: offset: expected 0 to 9223372036854775807, not -1"});
  EXPECT_EQ(with("ago"), strings{"6:34: unknown start 'ago' (known: latest, earliest, offset 100, ago 5s)"});
  EXPECT_EQ(with("ago 5"),
            strings{"6:34: start: ago: expected a time with its unit, such as 500ms, 30s, 5min or 1h, not "
                    "'5'"});
  EXPECT_EQ(
      errors_of(numbers("", "{exchange: a, start: earliest}")),
      strings{"6:27: 'start' needs messages to start with, and the exchange 'a' keeps none: give it a 'retain', such "
              "as {last: 100}"});
  EXPECT_EQ(
      errors_of(numbers(", kind: work_queue", "{exchange: a, start: earliest}")),
      strings{
          "6:27: 'start' goes with fanout, direct, topic, headers, and the exchange 'a' is of kind work_queue: remove "
          "it"});
}

TEST(ExchangeCheck, the_members_of_a_group_say_the_same_of_it_and_what_a_group_can_do) {
  EXPECT_EQ(errors_of(numbers("", "{exchange: a, group: adders, policy: drop_oldest, limit: 10}")), strings{});
  EXPECT_EQ(
      errors_of(numbers("", "{exchange: a, group: adders, limit: 10}")),
      strings{"6:34: the group 'adders': it cannot block its publishers: give another policy with the limit, or no "
              "limit"});
  EXPECT_EQ(errors_of(numbers("", "{exchange: a, group: adders, policy: conflate, limit: 10}")),
            strings{"6:34: the group 'adders': the policy conflate is not for groups: give drop_oldest, drop_newest or "
                    "fail"});
  EXPECT_EQ(errors_of(numbers("", "{exchange: a, group: adders, prefetch: 4}")), strings{});
  EXPECT_EQ(errors_of(numbers("", "{exchange: a, prefetch: 4}")),
            strings{"6:27: 'prefetch' is for members of a group: give the 'group'"});
  EXPECT_EQ(errors_of(numbers("", "{exchange: a, group: adders, prefetch: 0}")).size(), 1u);
  EXPECT_EQ(errors_of(numbers(", kind: queue", "{exchange: a, group: adders}")),
            strings{"6:27: 'group' goes with fanout, direct, topic, headers, and the exchange 'a' is of kind queue: "
                    "remove it"});
  EXPECT_EQ(errors_of(wired("", {},
                            {"name: b, class: adding, attach: {exchange: a, group: g, policy: fail, limit: 9}",
                             "name: c, class: adding, attach: {exchange: a, group: g}"})),
            strings{"10:59: the members of the group 'g' have one policy and limit: 'b' has {fail, 9 messages, group "
                    "'g'}"});
}

TEST(ExchangeCheck, a_start_where_nothing_can_have_been_published_is_noted) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  const auto notes = [&](const std::string& start, const std::string& after) {
    auto text = numbers(", retain: {last: 9}", "{exchange: a, start: " + start + "}");
    text += after;
    return troupe::testing::texts(pipeline::load(folder.write("p.yaml", text), classes).notes);
  };
  EXPECT_EQ(
      notes("earliest", ""),
      strings{"6:24: note: 'start' makes no difference to actor 'add', which is attached before anything is published: "
              "give it 'after', the name of an actor that is to end first"});
  EXPECT_EQ(notes("latest", ""), strings{});
  EXPECT_EQ(notes("earliest", "    after: count\n"), strings{});
}

TEST(ExchangeCheck, keys_are_checked_as_the_kind_will) {
  const auto topic = [](const std::string& key) {
    return errors_of(numbers(", kind: topic", "{exchange: a, key: \"" + key + "\"}"));
  };
  EXPECT_EQ(topic("a.*.#"), strings{});
  EXPECT_EQ(topic("#.a.#.b.#.c.#"),
            strings{"6:32: key: pattern '#.a.#.b.#.c.#' has 4 times '#': at most 3 are allowed"});
  EXPECT_EQ(topic("a*"),
            strings{"6:32: key: pattern 'a*': '*' and '#' stand for whole words, 'a*' mixes them with letters"});
  EXPECT_EQ(topic(std::string(300, 'x')), strings{"6:32: key: a pattern of 300 bytes: at most 255 are allowed"});
  EXPECT_EQ(errors_of(numbers(", kind: consistent_hash", "{exchange: a, key: heavy}")),
            strings{"6:32: key: 'heavy' is no weight: expected a whole number from 1 to 1000"});
  EXPECT_EQ(errors_of(numbers(", kind: consistent_hash", "{exchange: a, key: \"{index}\"}")),
            strings{"6:32: key: '0' is no weight: expected a whole number from 1 to 1000"});
  EXPECT_EQ(errors_of(numbers(", kind: headers", "{exchange: a, key: parity}")).size(), 1u);
}

TEST(ExchangeCheck, headers_are_asked_for_by_a_map) {
  const auto headers = [](const std::string& match) {
    return errors_of(numbers(", kind: headers", "{exchange: a, " + match + "}"));
  };
  EXPECT_EQ(headers("match_all: {parity: odd, value: 7}"), strings{});
  EXPECT_EQ(headers("match_all: {}"), strings{});
  EXPECT_EQ(headers("match_any: {parity: \"it's\", flag: true, part: 0.5}"), strings{});
  EXPECT_EQ(headers("match_any: {}").size(), 1u);
  EXPECT_EQ(headers("match_any: [1]"),
            strings{"6:27: expected a map of headers for 'match_any', such as {region: eu, size: 10}, not a list"});
  EXPECT_EQ(headers("match_all: {\"a b\": 1}"),
            strings{"6:39: 'a b' is no name of a header: expected no blank, no quote and no '='"});
  EXPECT_EQ(headers("match_all: {a: }"), strings{"6:39: header 'a': expected a value, not nothing"});
  EXPECT_EQ(headers("match_all: {a: 1}, match_any: {b: 1}"),
            strings{"6:46: 'match_any' stands beside 'match_all': expected one of 'key', 'match_all' and 'match_any'"});
  EXPECT_EQ(errors_of(numbers(", kind: headers")),
            strings{"6:13: the exchange 'a' is of kind headers: expected {exchange: a, match_all: {...}}"});
  EXPECT_EQ(errors_of(numbers(", kind: topic", "{exchange: a, match_all: {x: 1}}")),
            strings{"6:27: 'match_all' goes with kind headers, and the exchange 'a' is of kind topic: give a 'key'"});
}

TEST(ExchangeCheck, several_keys_share_the_options_of_an_actor) {
  const auto twice = [](const std::string& first, const std::string& second) {
    return errors_of(
        numbers(", kind: topic", "[{exchange: a, key: x" + first + "}, {exchange: a, key: y" + second + "}]"));
  };
  EXPECT_EQ(twice("", ""), strings{});
  EXPECT_EQ(twice(", limit: 3", ", limit: 3"), strings{});
  EXPECT_EQ(twice(", limit: 3", ""), strings{});
  const std::string other =
      "actor 'add' is attached to 'a' with other options above: give the same, or none here, for its messages wait in "
      "one "
      "line";
  EXPECT_EQ(twice(", limit: 3", ", limit: 4"), strings{"6:58: " + other});
  EXPECT_EQ(twice("", ", limit: 4"), strings{"6:48: " + other});
}

TEST(ExchangeCheck, exchanges_are_attached_to_exchanges) {
  const strings readers{"name: add_b, class: adding, attach: b"};
  EXPECT_EQ(errors_of(wired("", {"name: b, message: number, attach: a"}, readers)), strings{});
  EXPECT_EQ(errors_of(wired("", {"name: b, message: number, attach: {exchange: a, key: x}"}, readers)),
            strings{"3:59: the exchange 'a' is of kind fanout, which has no keys: remove 'key'"});
  EXPECT_EQ(errors_of(wired("", {"name: b, message: number, attach: [a, a]"}, readers)),
            strings{"3:44: attached to 'a' a second time"});
  EXPECT_EQ(errors_of(wired("", {"name: b, message: number, attach: {exchange: a, limit: 3}"}, readers)),
            strings{"3:54: 'limit' is for actors: what 'b' is attached to passes on each message at once. Say it where "
                    "actors are attached to 'b'"});
  EXPECT_EQ(errors_of(wired("", {"name: b, message: number, attach: aa"}, readers)),
            (strings{"3:12: nobody publishes to the exchange 'b'", "3:40: unknown exchange 'aa' (did you mean 'a'?)"}));
  EXPECT_EQ(
      errors_of(wired(", kind: work_queue", {"name: b, message: number, attach: a"}, readers)),
      strings{"3:40: the exchange 'a' is of kind work_queue, which gives a message to one of its subscribers, and "
              "'b' cannot be one of them: attach 'b' to what 'a' gets its messages from"});
  EXPECT_EQ(errors_of(wired("", {"name: b, message: word, attach: a"}, {"name: spell, class: spelling, attach: b"})),
            strings{"3:38: the exchange 'a' carries 'number', but 'b', which is attached to it, carries 'word'"});
  EXPECT_EQ(
      errors_of("exchanges:\n"
                "  - {name: a, message: parcel}\n"
                "  - {name: b, message: parcel, attach: a}\n"
                "actors: [{name: x, class: unwrapping, attach: b}]\n"),
      (strings{"2:12: nobody publishes to the exchange 'a'",
               "3:40: 'parcel' cannot be copied, and so not be passed on from one exchange to another: let the actors "
               "be attached to 'a'"}));
  EXPECT_EQ(errors_of(wired("",
                            {"name: b, kind: direct, message: number",
                             "name: c, message: number, attach: {exchange: b, key: \"{index}\"}"},
                            {"name: add_c, class: adding, attach: c"})),
            (strings{"3:12: nobody publishes to the exchange 'b'",
                     "4:59: key '{index}': '{index}' is the number of a member of an actor; an exchange has none"}));
}

TEST(ExchangeCheck, a_circle_of_exchanges_is_told_with_its_way) {
  EXPECT_EQ(errors_of(wired("",
                            {"name: b, message: number, attach: [a, c]",
                             "name: c, kind: headers, message: number, attach: a, alternate: b"},
                            {"name: add_b, class: adding, attach: b",
                             "name: add_c, class: adding, attach: {exchange: c, match_all: {value: 1}}"})),
            strings{"3:44: the exchange 'c' is of kind headers: expected {exchange: c, match_all: {...}}"});
  EXPECT_EQ(
      errors_of(wired(", attach: c", {"name: b, message: number, attach: a", "name: c, message: number, attach: b"})),
      strings{"2:12: these exchanges pass messages on in a circle: a -> b -> c -> a: remove one 'attach', 'alternate' "
              "or 'dead_letters' of them"});
  EXPECT_EQ(errors_of(wired(", alternate: a", {})),
            strings{"2:12: these exchanges pass messages on in a circle: a -> a: remove one 'attach', 'alternate' or "
                    "'dead_letters' of them"});
  EXPECT_EQ(
      errors_of(wired(", kind: queue, dead_letters: b", {"name: b, kind: queue, message: number, dead_letters: a"},
                      {"name: add_b, class: adding, attach: b"})),
      strings{"2:12: these exchanges pass messages on in a circle: a -> b -> a: remove one 'attach', 'alternate' or "
              "'dead_letters' of them"});
}

TEST(ExchangeCheck, a_circle_of_actors_by_way_of_exchanges_is_told) {
  EXPECT_EQ(
      errors_of(wired("", {"name: b, message: number, attach: a", "name: c, message: number"},
                      {"name: twice, class: doubling, attach: b, publish: c",
                       "name: again, class: doubling, attach: c, publish: a"})),
      strings{"9:12: these actors publish in a circle, so that the pipeline would never end: twice -> again -> twice"});
}

TEST(ExchangeCheck, alternates_and_dead_letters_carry_what_fits) {
  EXPECT_EQ(errors_of(wired(", alternate: b", {"name: b, message: number"}, {"name: add_b, class: adding, attach: b"})),
            strings{});
  EXPECT_EQ(errors_of(wired(", alternate: b", {"name: b, message: word"}, {"name: spell, class: spelling, attach: b"})),
            strings{"2:43: the exchange 'a' carries 'number', but its alternate 'b' carries 'word'"});
  EXPECT_EQ(errors_of(wired(", alternate: bb", {})), strings{"2:43: unknown exchange 'bb' (known: a)"});
  EXPECT_EQ(errors_of(wired(", retain: {last: 1}, alternate: b", {"name: b, message: number"},
                            {"name: add_b, class: adding, attach: b"})),
            strings{});
  const std::string dead = ", kind: queue, dead_letters: b";
  EXPECT_EQ(errors_of(wired(dead, {"name: b, message: number"}, {"name: add_b, class: adding, attach: b"})), strings{});
  EXPECT_EQ(errors_of(wired(dead, {"name: b, message: dead_number"}, {"name: bury, class: burying, attach: b"})),
            strings{});
  EXPECT_EQ(errors_of(wired(dead, {"name: b, message: word"}, {"name: spell, class: spelling, attach: b"})),
            strings{"2:59: the exchange 'a' carries 'number', but 'b', which gets its dead letters, carries 'word': "
                    "expected 'number', or the message that is registered for dead_lettered of it"});
}

TEST(ExchangeCheck, a_class_that_answers_by_hand_needs_a_queue) {
  const auto picking = [](const std::string& kind) {
    auto text = numbers(kind);
    return errors_of(text.replace(text.find("class: adding"), 13, "class: picking"));
  };
  EXPECT_EQ(picking(", kind: queue"), strings{});
  EXPECT_EQ(picking(""), strings{"6:13: class 'picking' takes a delivery of 'number', which only queues give, and the "
                                 "exchange 'a' is of kind fanout: let that be 'kind: queue'"});
}

TEST(ExchangeCheck, the_graph_shows_all_that_is_said_of_exchanges) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  const auto file = folder.write(
      "p.yaml",
      wired(", kind: topic, alternate: jobs",
            {"name: kept, message: number, retain: {last: 100, for_time: 1h}, attach: {exchange: a, key: x.#}",
             "name: jobs, kind: queue, message: number, max_deliveries: 3, dead_letters: dead",
             "name: dead, message: dead_number"},
            {"name: late, class: adding, attach: {exchange: kept, start: earliest, limit: 7}",
             "name: pick, class: picking, attach: {exchange: jobs, prefetch: 8}",
             "name: bury, class: burying, attach: dead"}));
  auto text = troupe::testing::read_file(file);
  text.replace(text.find("adding, attach: a}"), 18, "adding, attach: {exchange: a, key: y}}");
  const auto loaded = pipeline::load(folder.write("p.yaml", text), classes);
  ASSERT_THAT(troupe::testing::texts(loaded.errors), ElementsAre());
  const auto dot = loaded.value->graph();
  for (const auto* line : {
           R"("exchange a" [shape=ellipse, label="a\ntopic of number"];)",
           R"("exchange kept" [shape=ellipse, label="kept\nfanout of number\nretain last 100, for_time 1h"];)",
           R"("exchange jobs" [shape=ellipse, label="jobs\nqueue of number\nmax_deliveries 3"];)",
           R"("exchange a" -> "actor add" [label="y"];)",
           R"("exchange kept" -> "actor late" [label="start earliest\nlimit 7"];)",
           R"("exchange jobs" -> "actor pick" [label="prefetch 8"];)",
           R"("exchange a" -> "exchange kept" [style=bold, label="x.#"];)",
           R"("exchange a" -> "exchange jobs" [style=dashed, label="alternate"];)",
           R"("exchange jobs" -> "exchange dead" [style=dotted, label="dead_letters"];)",
       })
    EXPECT_THAT(dot, HasSubstr(line));
}

// A row of the manual for each word, made from what the check reads it by.
template <class Settings>
strings rows_of(const std::vector<detail::option_word<Settings>>& table) {
  strings rows;
  for (const auto& w : table)
    rows.push_back("| `" + std::string(w.word) + "` | " + std::string(w.kinds.text) + " | " + std::string(w.form) +
                   " | " + std::string(w.meaning) + " |");
  return rows;
}

TEST(Manual, has_a_row_for_each_word_of_an_exchange_and_an_attachment) {
  const auto manual = troupe::testing::read_file(std::filesystem::path(TROUPE_SOURCE_DIR) / "docs/manual.md");
  for (const auto& rows :
       {rows_of(detail::exchange_words()), rows_of(detail::retain_words()), rows_of(detail::attach_words())})
    for (const auto& row : rows) EXPECT_THAT(manual.find(row), Not(manual.npos)) << row;
}

}  // namespace
