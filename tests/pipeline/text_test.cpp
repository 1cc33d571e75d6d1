#include <gtest/gtest.h>

#include <troupe/pipeline/text.hpp>

namespace {

using namespace troupe::pipeline;

TEST(EditDistance, counts_insertions_deletions_replacements_and_swaps) {
  EXPECT_EQ(edit_distance("word_reader", "word_reader"), 0u);
  EXPECT_EQ(edit_distance("word_raeder", "word_reader"), 1u);
  EXPECT_EQ(edit_distance("reader", "raeders"), 2u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
}

TEST(Suggestion, names_the_nearest) {
  EXPECT_EQ(suggestion("word_raeder", {"word_counter", "word_reader"}), " (did you mean 'word_reader'?)");
}

TEST(Suggestion, lists_the_known_where_none_is_near) {
  EXPECT_EQ(suggestion("zebra", {"one", "two"}), " (known: one, two)");
}

TEST(Suggestion, says_nothing_where_nothing_is_known) { EXPECT_EQ(suggestion("zebra", {}), ""); }

TEST(Suggestion, is_quick_for_a_name_of_a_megabyte) {
  EXPECT_EQ(suggestion(std::string(1 << 20, 'x'), {"one"}), " (known: one)");
}

TEST(Printable, escapes_what_would_change_a_terminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\n\xff"
                      "c"),
            "a\\x1b[2Jb\\n\\xffc");
  EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

TEST(Printable, cuts_what_is_long) { EXPECT_EQ(printable("abcdef", 3), "abc..."); }

TEST(Utf8, finds_the_first_byte_that_is_wrong) {
  EXPECT_EQ(find_invalid_utf8("plain gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8e\xad"), std::string::npos);
  EXPECT_EQ(find_invalid_utf8("ab\xc0\x80"), 2u);
  EXPECT_EQ(find_invalid_utf8("ab\xed\xa0\x80"), 2u);
  EXPECT_EQ(find_invalid_utf8("abc\xe2\x82"), 3u);
}

TEST(Name, is_letters_digits_and_few_signs) {
  EXPECT_TRUE(is_name("word_reader-2.a"));
  EXPECT_FALSE(is_name("2nd"));
  EXPECT_FALSE(is_name(""));
  EXPECT_FALSE(is_name("a b"));
  EXPECT_FALSE(is_name("read[0]"));
}

}  // namespace
