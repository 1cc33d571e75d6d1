// What messages look like to people.

#include <troupe/exchange/message_text.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/describe.hpp>

namespace message_text {

using troupe::to_text;

enum class side { buy, sell };
BOOST_DESCRIBE_ENUM(side, buy, sell)
enum class plain : std::uint8_t { zero, one };

struct stamped {
  int at = 0;
};
BOOST_DESCRIBE_STRUCT(stamped, (), (at))

struct order : stamped {
  std::string symbol;
  double price = 0;
  side what = side::buy;
  std::vector<int> parts;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(order, (stamped), (symbol, price, what, parts, note))

struct empty {};
BOOST_DESCRIBE_STRUCT(empty, (), ())

struct streamed {
  int n;
  friend std::ostream& operator<<(std::ostream& out, const streamed& s) { return out << "streamed " << s.n; }
};

struct formatted {
  int n;
  friend std::ostream& operator<<(std::ostream& out, const formatted&) { return out << "not this"; }
};

struct opaque {
  std::unique_ptr<int> content{};
  int more[3]{};
};

}  // namespace message_text

template <>
struct fmt::formatter<message_text::formatted> : fmt::formatter<int> {
  template <class Context>
  auto format(const message_text::formatted& f, Context& context) const {
    return fmt::formatter<int>::format(f.n, context);
  }
};

namespace message_text {

TEST(MessageText, of_texts_is_in_quotes_and_on_one_line) {
  EXPECT_EQ(to_text(std::string("some")), "'some'");
  EXPECT_EQ(to_text(std::string_view("it's\na \x1b tab\\")), R"('it\'s\na \x1b tab\\')");
  EXPECT_EQ(to_text('x'), "'x'");
  EXPECT_EQ(to_text(std::string("gr\xc3\xbc\xc3\x9f")), "'gr\xc3\xbc\xc3\x9f'") << "UTF-8 stays";
}

TEST(MessageText, of_numbers_is_as_they_are) {
  EXPECT_EQ(to_text(1), "1");
  EXPECT_EQ(to_text(10.5), "10.5");
  EXPECT_EQ(to_text(true), "true");
  EXPECT_EQ(to_text(std::uint64_t{1} << 40), "1099511627776");
}

TEST(MessageText, is_what_the_type_has_for_it_a_formatter_first) {
  EXPECT_EQ(to_text(formatted{7}), "7");
  EXPECT_EQ(to_text(streamed{7}), "streamed 7");
}

TEST(MessageText, of_described_types_names_what_is_in_them) {
  order o;
  o.at = 3;
  o.symbol = "ACME";
  o.price = 10.5;
  o.what = side::sell;
  o.parts = {1, 2};
  EXPECT_EQ(to_text(o), "{at: 3, symbol: 'ACME', price: 10.5, what: sell, parts: [1, 2], note: none}");
  o.note = "now";
  EXPECT_TRUE(to_text(o).ends_with("note: 'now'}")) << to_text(o);
  EXPECT_EQ(to_text(empty{}), "{}");
}

TEST(MessageText, of_enumerators_is_their_name_if_it_is_known) {
  EXPECT_EQ(to_text(side::buy), "buy");
  EXPECT_EQ(to_text(static_cast<side>(7)), "7");
  EXPECT_EQ(to_text(plain::one), "1");
}

TEST(MessageText, of_a_smart_pointer_is_that_of_what_it_points_to) {
  EXPECT_EQ(to_text(std::make_shared<const std::string>("a")), "'a'");
  EXPECT_EQ(to_text(std::unique_ptr<int>()), "none");
}

TEST(MessageText, of_ranges_is_cut_where_they_are_long) {
  EXPECT_EQ(to_text(std::vector<std::string>{"a", "b"}), "['a', 'b']");
  EXPECT_EQ(to_text(std::vector<int>{}), "[]");
  const std::string text = to_text(std::vector<int>(1000, 1));
  EXPECT_EQ(text, "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ...]");
}

TEST(MessageText, of_what_cannot_be_seen_into_is_its_type_and_size) {
  EXPECT_EQ(to_text(opaque{}), fmt::format("<message_text::opaque, {} bytes>", sizeof(opaque)));
}

}  // namespace message_text
