#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <troupe/pipeline/pipeline.hpp>

#include "actors.hpp"
#include "support.hpp"

namespace {

using namespace troupe::pipeline;
using strings = std::vector<std::string>;

strings errors_of(const std::string& text, const load_options& options = {}) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  const auto loaded = pipeline::load(folder.write("p.yaml", text), classes, options);
  EXPECT_EQ(loaded.errors.empty(), static_cast<bool>(loaded));
  return troupe::testing::texts(loaded.errors);
}

strings notes_of(const std::string& text, const load_options& options = {}) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  return troupe::testing::texts(pipeline::load(folder.write("p.yaml", text), classes, options).notes);
}

constexpr auto valid = R"(
parameters:
  last: {type: integer, default: 100, help: The last number}
  file: {type: text, default: /dev/null}
workers: 2
exchanges:
  - {name: odd_even, kind: direct, message: number}
  - {name: doubles, message: number}
actors:
  - {name: count, class: counting, parameters: {last: "${last}"}, publish: odd_even}
  - {name: twice, class: doubling, count: 2, attach: {exchange: odd_even, key: "{index}"}, publish: {numbers: doubles}}
  - {name: add, class: adding, parameters: {file: "${file}.sum"}, attach: [doubles]}
)";

// The valid file with one text replaced.
std::string with(const std::string& from, const std::string& to) {
  std::string text = valid;
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Check, a_valid_file_has_no_errors) { EXPECT_EQ(errors_of(valid), strings{}); }

TEST(Check, workers_are_read) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  EXPECT_EQ(pipeline::load(folder.write("p.yaml", valid), classes).value->workers(), 2u);
  EXPECT_EQ(pipeline::load(folder.path() / "p.yaml", classes, {{}, 5, true}).value->workers(), 5u);
  EXPECT_EQ(errors_of(with("count: 2", "count: \"${workers}\"")), strings{});
  EXPECT_EQ(errors_of(with("workers: 2", "workers: 0")), strings{"5:10: workers: expected 1 to 1024, not 0"});
  EXPECT_EQ(errors_of(with("workers: 2", "workers: many")), strings{"5:10: workers: expected an integer, not 'many'"});
}

TEST(Check, unknown_class) {
  EXPECT_EQ(errors_of(with("class: doubling", "class: duobling")),
            strings{"11:26: unknown class 'duobling' (did you mean 'doubling'?)"});
}

TEST(Check, unknown_parameter) {
  EXPECT_EQ(errors_of(with("{last: \"${last}\"}", "{last: 1, fial_at: 2}")),
            strings{"10:58: class 'counting' has no parameter 'fial_at' (did you mean 'fail_at'?)"});
}

TEST(Check, missing_parameter) {
  EXPECT_EQ(errors_of(with("parameters: {last: \"${last}\"}, ", "")),
            strings{"10:12: class 'counting' needs the parameter 'last' (integer: The last number)"});
}

TEST(Check, parameter_of_the_wrong_type) {
  EXPECT_EQ(errors_of(with("{last: \"${last}\"}", "{last: ten}")),
            strings{"10:55: parameter 'last': expected an integer, not 'ten'"});
  EXPECT_EQ(errors_of(with("{last: \"${last}\"}", "{last: [1]}")),
            strings{"10:55: parameter 'last': expected a value of type integer, not a list"});
  EXPECT_EQ(errors_of(with("{last: \"${last}\"}", "{last: }")),
            strings{"10:49: parameter 'last': expected a value of type integer, not nothing"});
  EXPECT_EQ(
      errors_of(with("{last: \"${last}\"}", "{last: \"${file}\"}")),
      strings{"10:55: parameter 'last': expected a value of type integer, but the parameter 'file' has the type text"});
  EXPECT_EQ(errors_of(with("{last: \"${last}\"}", "{last: 0}")),
            strings{"10:55: parameter 'last': expected at least 1, not 0"});
}

TEST(Check, unknown_pipeline_parameter) {
  EXPECT_EQ(errors_of(with("${last}", "${lats}")),
            strings{"10:55: the pipeline has no parameter 'lats' (did you mean 'last'?)"});
  EXPECT_EQ(errors_of(with("${last}", "${last")), strings{"10:55: parameter 'last': '${' without '}'"});
}

TEST(Check, unknown_pipeline_parameters_are_told_although_what_they_are_for_is_unknown_too) {
  const std::string unknown = "the pipeline has no parameter 'lats' (did you mean 'last'?)";
  auto text = with("${last}", "${lats}");
  EXPECT_EQ(errors_of(std::string(text).replace(text.find("class: counting"), 15, "class: conuting")),
            (strings{"10:26: unknown class 'conuting' (did you mean 'counting'?)", "10:55: " + unknown}));
  EXPECT_EQ(errors_of(with("{last: \"${last}\"}", "{last: 1, lost: \"${lats}\"}")),
            (strings{"10:58: class 'counting' has no parameter 'lost' (did you mean 'last'?)", "10:64: " + unknown}));
  EXPECT_EQ(errors_of(with("{exchange: odd_even, key: \"{index}\"}", "[odd_even, {exchange: non, key: \"${lats}\"}]")),
            (strings{"11:55: the exchange 'odd_even' is of kind direct: expected {exchange: odd_even, key: ...}",
                     "11:76: unknown exchange 'non' (known: odd_even, doubles)", "11:86: " + unknown}));
}

TEST(Check, an_unused_pipeline_parameter_is_noted) {
  EXPECT_EQ(notes_of(valid), strings{});
  const auto unused = with("${last}", "7");
  EXPECT_EQ(errors_of(unused), strings{});
  EXPECT_EQ(
      notes_of(unused),
      strings{
          "3:3: note: the parameter 'last' is used nowhere: expected '${last}' in a value of an actor or an exchange"});
  EXPECT_EQ(notes_of(with("${last}", "${lats}")), strings{});
}

TEST(Check, an_escaped_dollar_is_a_text) { EXPECT_EQ(errors_of(with("${file}.sum", "/tmp/$${file}")), strings{}); }

TEST(Check, unbound_exchanges) {
  EXPECT_EQ(
      errors_of(with("actors:", "  - {name: idle, message: word}\nactors:")),
      (strings{"9:12: nobody publishes to the exchange 'idle'", "9:12: nobody is attached to the exchange 'idle'"}));
}

TEST(Check, unbound_ports_and_inputs) {
  EXPECT_EQ(
      errors_of(with(", publish: odd_even", "")),
      (strings{
          "7:12: nobody publishes to the exchange 'odd_even'",
          "10:12: the port 'numbers' of actor 'count' is bound to no exchange: expected publish: {numbers: ...}"}));
  EXPECT_EQ(errors_of(with(", attach: [doubles]", "")),
            (strings{"8:12: nobody is attached to the exchange 'doubles'",
                     "12:12: actor 'add' needs 'attach': its class 'adding' takes 'number'"}));
}

TEST(Check, message_types_that_differ) {
  EXPECT_EQ(errors_of(with("{name: doubles, message: number}", "{name: doubles, message: word}")),
            (strings{"11:111: the port 'numbers' of class 'doubling' publishes 'number', but the exchange 'doubles' "
                     "carries 'word'",
                     "12:76: the exchange 'doubles' carries 'word', but class 'adding' takes 'number'"}));
}

TEST(Check, unknown_message_kind_and_exchange) {
  EXPECT_EQ(errors_of(with("message: number", "message: nubmer")),
            strings{"7:45: unknown message 'nubmer' (did you mean 'number'?)"});
  EXPECT_EQ(errors_of(with("kind: direct", "kind: driect")),
            strings{"7:28: unknown kind 'driect' (did you mean 'direct'?)"});
  EXPECT_EQ(errors_of(with("attach: [doubles]", "attach: [dobules]")),
            (strings{"8:12: nobody is attached to the exchange 'doubles'",
                     "12:76: unknown exchange 'dobules' (did you mean 'doubles'?)"}));
}

TEST(Check, unknown_ports) {
  EXPECT_EQ(errors_of(with("{numbers: doubles}", "{nubmers: doubles}")),
            strings{"11:102: class 'doubling' has no port 'nubmers' (did you mean 'numbers'?)"});
  EXPECT_EQ(errors_of(with("attach: [doubles]", "attach: [doubles], publish: doubles")),
            (strings{"12:12: these actors publish in a circle, so that the pipeline would never end: add -> add",
                     "12:95: class 'adding' publishes nothing: remove 'publish'"}));
}

TEST(Check, duplicate_names) {
  EXPECT_EQ(errors_of(with("name: twice", "name: count")), strings{"11:12: there is another actor 'count' on line 10"});
  EXPECT_EQ(errors_of(with("actors:", "  - {name: doubles, message: number}\nactors:")),
            strings{"9:12: there is another exchange 'doubles' on line 8"});
  EXPECT_EQ(errors_of(with("workers: 2", "workers: 2\nworkers: 3")),
            strings{"6:1: the key 'workers' stands here again, first on line 5"});
}

TEST(Check, keys_of_attachments) {
  EXPECT_EQ(errors_of(with("{exchange: odd_even, key: \"{index}\"}", "odd_even")),
            strings{"11:54: the exchange 'odd_even' is of kind direct: expected {exchange: odd_even, key: ...}"});
  EXPECT_EQ(errors_of(with("[doubles]", "{exchange: doubles, key: a}")),
            strings{"12:100: the exchange 'doubles' is of kind fanout, which has no keys: remove 'key'"});
  EXPECT_EQ(errors_of(with("{index}", "{indxe}")),
            strings{"11:80: key '{indxe}': expected '{index}' at '{', the only thing that is replaced in a key"});
  EXPECT_EQ(errors_of(with("kind: direct", "kind: topic")), strings{});
  auto topic = with("kind: direct", "kind: topic");
  topic.replace(topic.find("{index}"), 7, "a..b*");
  EXPECT_EQ(errors_of(topic),
            strings{"11:80: key: pattern 'a..b*' has an empty word: there is one word between two dots"});
}

TEST(Check, unknown_keys_at_every_level) {
  EXPECT_EQ(errors_of(with("workers: 2", "wrokers: 2")),
            strings{"5:1: unknown key 'wrokers' of a pipeline (did you mean 'workers'?)"});
  EXPECT_EQ(errors_of(with("help:", "hepl:")),
            strings{"3:39: unknown key 'hepl' of the parameter 'last' (did you mean 'help'?)"});
  EXPECT_EQ(errors_of(with("kind: direct", "knid: direct")),
            (strings{"7:22: unknown key 'knid' of an exchange (did you mean 'kind'?)",
                     "11:80: the exchange 'odd_even' is of kind fanout, which has no keys: remove 'key'"}));
  EXPECT_EQ(errors_of(with("kind: direct", "kind: direct, alternat: doubles")),
            strings{"7:36: unknown key 'alternat' of an exchange (did you mean 'alternate'?)"});
  EXPECT_EQ(errors_of(with(", key: ", ", prefetsch: 3, key: ")),
            strings{"11:75: unknown key 'prefetsch' of an attachment (did you mean 'prefetch'?)"});
  EXPECT_EQ(errors_of(with("count: 2", "cuont: 2")),
            strings{"11:36: unknown key 'cuont' of an actor (did you mean 'count'?)"});
  EXPECT_EQ(errors_of(with(", key: ", ", kye: ")),
            (strings{"11:65: the exchange 'odd_even' is of kind direct: expected {exchange: odd_even, key: ...}",
                     "11:75: unknown key 'kye' of an attachment (did you mean 'key'?)"}));
}

TEST(Check, missing_and_misshapen_nodes) {
  EXPECT_EQ(errors_of("[1, 2]\n"), strings{"1:1: expected a map with 'exchanges' and 'actors', not a list"});
  EXPECT_EQ(errors_of("workers: 1\n"), strings{"1:1: the pipeline has no 'actors'"});
  EXPECT_EQ(errors_of("actors: []\n"), strings{"1:1: expected a list under 'actors', not an empty one"});
  EXPECT_EQ(errors_of("actors: [x, {class: counting, name: }, {name: 3x}]\n"),
            (strings{"1:10: expected a map that describes an actor, not the text 'x'",
                     "1:13: class 'counting' needs the parameter 'last' (integer: The last number)",
                     "1:13: the port 'numbers' of this actor is bound to no exchange: expected publish: {numbers: ...}",
                     "1:31: expected a text for 'name' of this actor, not nothing", "1:40: this actor has no 'class'",
                     "1:47: '3x' is not a name: expected letters, digits, '_', '-' and '.', a letter first"}));
  EXPECT_EQ(
      errors_of(with("{type: integer, default: 100, help: The last number}", "3")),
      strings{"3:3: expected a map with 'type', 'default' and 'help' for the parameter 'last', not the text '3'"});
  EXPECT_EQ(errors_of(with("default: 100", "default: many")),
            strings{"3:34: default of the parameter 'last': expected an integer, not 'many'"});
  EXPECT_EQ(errors_of(with("  last: {type", "  workers: {type: integer}\n  last: {type")),
            (strings{"3:3: the parameter 'workers' is there already: the number of worker threads",
                     "3:3: the parameter 'workers' has no default: give it with --set workers=..."}));
  EXPECT_EQ(errors_of(with("type: integer", "type: intgeer")),
            strings{"3:16: unknown type 'intgeer' (did you mean 'integer'?)"});
}

TEST(Check, all_errors_are_told_in_the_order_of_the_file) {
  auto text = with("class: doubling", "class: duobling");
  text.replace(text.find("[doubles]"), 9, "[dobules]");
  text.replace(text.find("workers"), 7, "wrokers");
  EXPECT_THAT(errors_of(text), ::testing::SizeIs(4));
}

TEST(Check, a_circle_of_actors_could_never_end) {
  EXPECT_EQ(errors_of(R"(
exchanges:
  - {name: a, message: number}
  - {name: b, message: number}
actors:
  - {name: count, class: counting, parameters: {last: 1}, publish: a}
  - {name: one, class: doubling, attach: a, publish: b}
  - {name: two, class: doubling, attach: b, publish: a}
)"),
            strings{"7:12: these actors publish in a circle, so that the pipeline would never end: one -> two -> one"});
}

TEST(Check, an_actor_comes_after_others) {
  const auto add = [](const std::string& after) {
    return errors_of(with("name: add, class: adding", "name: add, after: " + after + ", class: adding"));
  };
  EXPECT_EQ(add("count"), strings{});
  EXPECT_EQ(add("[count, twice]"), strings{});
  EXPECT_EQ(add("cuont"), strings{"12:24: unknown actor 'cuont' (did you mean 'count'?)"});
  EXPECT_EQ(add("[]"), strings{"12:17: expected the name of an actor, or a list of them, not a list"});
  EXPECT_EQ(add("[count, {a: 1}]"), strings{"12:32: expected the name of an actor, or a list of them, not a map"});
  const std::string circle = " in a circle, so that the pipeline would never end: ";
  EXPECT_EQ(add("add"),
            strings{"12:12: these actors publish to each other, or come 'after' each other," + circle + "add -> add"});
  EXPECT_EQ(errors_of(with("count: 2", "after: add, count: 2")),
            strings{"11:12: these actors publish to each other, or come 'after' each other," + circle +
                    "twice -> add -> twice"});
}

TEST(Check, the_graph_shows_who_comes_after_whom) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  const auto text = with("name: add, class: adding", "name: add, after: count, class: adding");
  EXPECT_THAT(pipeline::load(folder.write("p.yaml", text), classes).value->graph(),
              testing::HasSubstr(R"("actor count" -> "actor add" [style=dotted, arrowhead=empty, label="then"];)"));
}

TEST(Check, an_attachment_says_what_becomes_of_messages_that_wait) {
  const auto attached = [](const std::string& how) {
    return errors_of(with("[doubles]", "{exchange: doubles, " + how));
  };
  EXPECT_EQ(attached("policy: drop_oldest, limit: 1000}"), strings{});
  EXPECT_EQ(attached("policy: disconnect, limit_bytes: \"${last}\"}"), strings{});
  EXPECT_EQ(attached("policy: conflate}"), strings{});
  EXPECT_EQ(attached("limit: 5}"), strings{});
  EXPECT_EQ(attached("policy: drop_oldst, limit: 5}"),
            strings{"12:103: unknown policy 'drop_oldst' (did you mean 'drop_oldest'?)"});
  EXPECT_EQ(attached("policy: fail}"), strings{"12:103: the policy fail needs a 'limit' (messages) or 'limit_bytes'"});
  EXPECT_EQ(attached("policy: fail, limit: 0}"), strings{"12:116: limit: expected 1 to 281474976710656, not 0"});
  EXPECT_EQ(attached("policy: [], limit: 3}").size(), 1u);
  EXPECT_EQ(errors_of("exchanges: [{name: a, kind: work_queue, message: number}]\n"
                      "actors:\n"
                      "  - {name: count, class: counting, parameters: {last: 3}, publish: a}\n"
                      "  - {name: add, class: adding, parameters: {file: x}, attach: {exchange: a, limit: 3}}\n"),
            strings{"4:77: 'limit' goes with all kinds but work_queue and queue, and the exchange 'a' is of kind "
                    "work_queue: remove it"});
}

TEST(Check, the_graph_shows_policies) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  const auto text = with("[doubles]", "{exchange: doubles, policy: drop_oldest, limit: 7}");
  const auto loaded = pipeline::load(folder.write("p.yaml", text), classes);
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded.value->graph(), testing::HasSubstr(R"(label="policy drop_oldest\nlimit 7")"));
}

TEST(Check, counts_are_bounded) {
  EXPECT_EQ(errors_of(with("count: 2", "count: 0")), strings{"11:43: count: expected 1 to 10000, not 0"});
  EXPECT_EQ(errors_of(with("count: 2", "count: 1000000000")),
            strings{"11:43: count: expected 1 to 10000, not 1000000000"});
  EXPECT_EQ(errors_of(with("count: 2", "count: \"${last}\"")), strings{});
}

TEST(Set, overrides_a_parameter) {
  load_options options;
  options.set = {"last=5", "file=/tmp/x=y"};
  EXPECT_EQ(errors_of(valid, options), strings{});
}

TEST(Set, of_an_unknown_name_or_a_wrong_type_is_an_error) {
  load_options options;
  options.set = {"lats=5", "last=many", "last", "workers=2"};
  EXPECT_EQ(errors_of(valid, options),
            (strings{"--set lats=5: the pipeline has no parameter 'lats' (did you mean 'last'?)",
                     "--set last=many: expected an integer, not 'many'", "--set last: expected name=value",
                     "--set workers=2: the number of workers is set with --workers"}));
}

TEST(Set, a_parameter_without_default_must_be_given_to_run_but_not_to_check) {
  const auto text = with("default: 100, ", "");
  EXPECT_EQ(errors_of(text), strings{"3:3: the parameter 'last' has no default: give it with --set last=..."});
  EXPECT_EQ(errors_of(text, {{}, 0, false}), strings{});
  EXPECT_EQ(notes_of(text, {{}, 0, false}),
            strings{"3:3: note: the parameter 'last' has no default: a run needs --set last=..."});
  EXPECT_EQ(notes_of(text, {{"last=7"}, 0, false}), strings{});
  EXPECT_EQ(errors_of(text, {{"last=7"}, 0, true}), strings{});
}

TEST(Graph, shows_actors_exchanges_ports_and_keys) {
  const troupe::testing::scratch_folder folder;
  const auto classes = troupe::testing::classes();
  const auto dot = pipeline::load(folder.write("p.yaml", valid), classes).value->graph();
  EXPECT_THAT(dot, ::testing::StartsWith("digraph pipeline {"));
  EXPECT_THAT(dot, ::testing::HasSubstr(R"("actor twice" [shape=box, label="twice x 2\ndoubling"];)"));
  EXPECT_THAT(dot, ::testing::HasSubstr(R"("exchange odd_even" [shape=ellipse, label="odd_even\ndirect of number"];)"));
  EXPECT_THAT(dot, ::testing::HasSubstr(R"("actor count" -> "exchange odd_even" [label="numbers"];)"));
  EXPECT_THAT(dot, ::testing::HasSubstr(R"("exchange odd_even" -> "actor twice" [label="{index}"];)"));
}

}  // namespace
