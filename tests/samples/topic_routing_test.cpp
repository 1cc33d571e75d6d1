#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../cli/process.hpp"

namespace {

using troupe::testing::shell;

const std::string sample = TROUPE_SOURCE_DIR "/samples/topic_routing";

/// The lines of an output that begin with `prefix`, which is cut off, in their order.
std::vector<std::string> lines_of(const std::string& output, const std::string& prefix) {
  std::vector<std::string> lines;
  std::istringstream in(output);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(prefix)) lines.push_back(line.substr(prefix.size()));
  return lines;
}

TEST(TopicRouting, each_reader_gets_what_fits_its_pattern) {
  for (const std::string workers : {"1", "2", "4"}) {
    const auto end =
        shell("troupe run " + sample + "/pipeline.yaml --workers " + workers + " --set file=" + sample + "/log.txt");
    EXPECT_EQ(end.code, 0);
    EXPECT_EQ(end.err, "");
    using ::testing::ElementsAre;
    EXPECT_THAT(lines_of(end.out, "billing: "),
                ElementsAre("invoice 17 written", "card 4711 refused", "no rate for CHF"));
    EXPECT_THAT(lines_of(end.out, "europe: "),
                ElementsAre("invoice 17 written", "shard 3 does not answer", "no rate for CHF", "slow relay"));
    EXPECT_THAT(lines_of(end.out, "alarm: "),
                ElementsAre("card 4711 refused", "shard 3 does not answer", "no rate for CHF", "relay has gone"));
    EXPECT_THAT(lines_of(end.out, "unread: "), ElementsAre("index has 9 shards", "queue is empty"));
    EXPECT_THAT(lines_of(end.out, "at the end: "),
                ElementsAre("shard 3 does not answer", "no rate for CHF", "relay has gone"));
    EXPECT_EQ(std::count(end.out.begin(), end.out.end(), '\n'), 16);
  }
}

TEST(TopicRouting, its_graph_is_drawn) {
  const auto end = shell("troupe graph " + sample + "/pipeline.yaml");
  EXPECT_EQ(end.code, 0);
  EXPECT_THAT(end.out, ::testing::HasSubstr(R"("exchange log" -> "exchange errors" [style=bold, label="#.error"];)"));
}

TEST(TopicRouting, a_file_that_is_not_there_is_told) {
  const auto end = shell("troupe run " + sample + "/pipeline.yaml --set file=/no/log.txt");
  EXPECT_EQ(end.code, 1);
  EXPECT_THAT(end.err, ::testing::HasSubstr("actor 'read' failed: cannot read '/no/log.txt'"));
}

}  // namespace
