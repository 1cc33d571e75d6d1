#include <string>

#include <gtest/gtest.h>

#include <troupe/pipeline/detail/yaml.hpp>

#include "support.hpp"

namespace {

using namespace troupe::pipeline;
using namespace troupe::pipeline::detail;
using strings = std::vector<std::string>;

strings errors_of(const std::string& text) {
  diagnostics errors;
  parse_yaml("x.yaml", text, errors);
  return troupe::testing::texts(errors);
}

TEST(Yaml, nodes_know_their_places) {
  diagnostics errors;
  const auto root = parse_yaml("x.yaml", "a: 1\nb:\n  - {c: 'x y'}\n", errors);
  ASSERT_TRUE(root);
  EXPECT_TRUE(errors.empty());
  ASSERT_EQ(root->entries.size(), 2u);
  EXPECT_EQ(root->entries[1].at, (location{2, 1}));
  const auto& inner = *root->entries[1].value->items.at(0);
  EXPECT_EQ(inner.entries.at(0).value->text, "x y");
  EXPECT_EQ(inner.entries.at(0).value->at, (location{3, 9}));
}

TEST(Yaml, an_alias_shares_what_it_names) {
  diagnostics errors;
  const auto root = parse_yaml("x.yaml", "a: &x {b: 1}\nc: *x\n", errors);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->entries.at(0).value, root->entries.at(1).value);
}

TEST(Yaml, a_circle_of_aliases_is_refused) {
  EXPECT_EQ(errors_of("a: &x [1, *x]\n"),
            strings{"1:11: this alias stands for a node that contains it: aliases cannot be circular"});
}

TEST(Yaml, aliases_cannot_grow_without_bound) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const auto name = [](int n) { return "a" + std::to_string(n); };
    text += name(i) + ": &" + name(i) + " [";
    for (int j = 0; j < 10; ++j) text += "*" + name(i - 1) + ",";
    text += "]\n";
  }
  const auto errors = errors_of(text);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].find("more than 200000 nodes"), std::string::npos);
}

TEST(Yaml, nesting_is_bounded) {
  for (const std::string level : {"[", "{a: ", "- ", "? "}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += level;
    const auto errors = errors_of(text);
    ASSERT_EQ(errors.size(), 1u) << level;
    EXPECT_NE(errors[0].find("nested deeper than 32 levels"), std::string::npos) << errors[0];
  }
}

TEST(Yaml, keys_that_stand_twice_are_all_told) {
  EXPECT_EQ(errors_of("a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n"),
            (strings{"3:1: the key 'a' stands here again, first on line 1",
                     "4:11: the key 'd' stands here again, first on line 4"}));
}

TEST(Yaml, malformed_text_is_told_with_its_place) {
  EXPECT_EQ(errors_of("a: b: c\n"), strings{"1:5: malformed YAML: illegal map value"});
  EXPECT_EQ(errors_of("a: \"open\nb: 1\n"), strings{"1:4: malformed YAML: this quote (\") is never closed"});
  EXPECT_EQ(errors_of("a: *nobody\n"), strings{"1:4: malformed YAML: the referenced anchor is not defined"});
  EXPECT_EQ(errors_of("a: !custom 1\n"), strings{"1:4: unknown tag '!custom': pipeline files use none"});
  EXPECT_EQ(errors_of("[1]: 1\n"), strings{"1:1: a key is a text, not a list"});
}

TEST(Yaml, closed_quotes_at_the_end_are_right) {
  EXPECT_EQ(errors_of("a: \"x\\\"y\""), strings{});
  EXPECT_EQ(errors_of("a: 'it''s'"), strings{});
  EXPECT_EQ(errors_of("a: ''"), strings{});
}

TEST(Yaml, a_file_holds_exactly_one_document) {
  const std::string empty = "1:1: the file is empty, expected a map with 'exchanges' and 'actors'";
  for (const auto* text : {"", "# only a comment\n", "---\n", "~\n", "\n\n  \n"})
    EXPECT_EQ(errors_of(text), strings{empty});
  EXPECT_EQ(errors_of("a: 1\n---\nb: 2\n"), strings{"3:1: a second document begins here, expected one"});
}

TEST(ReadText, refuses_what_is_no_text) {
  const troupe::testing::scratch_folder folder;
  diagnostics errors;
  EXPECT_FALSE(read_text(folder.write("a.yaml", std::string("a: 1\nb\0", 7)), errors));
  EXPECT_FALSE(read_text(folder.write("b.yaml", "a: \xff\n"), errors));
  EXPECT_FALSE(read_text(folder.write("c.yaml", std::string(max_file_size + 1, '#')), errors));
  EXPECT_FALSE(read_text("/dev/zero", errors));
  EXPECT_FALSE(read_text(folder.path(), errors));
  EXPECT_FALSE(read_text(folder.path() / "missing.yaml", errors));
  const auto all = troupe::testing::texts(errors);
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all[0], "2:2: not a text in UTF-8: the byte 0x00");
  EXPECT_EQ(all[1], "1:4: not a text in UTF-8: the byte 0xff");
  EXPECT_NE(all[2].find("larger than 4 MiB"), std::string::npos);
  EXPECT_NE(all[3].find("larger than 4 MiB"), std::string::npos);
  EXPECT_NE(all[4].find("this is a folder"), std::string::npos);
  EXPECT_NE(all[5].find("No such file"), std::string::npos);
}

}  // namespace
