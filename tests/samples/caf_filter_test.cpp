#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../cli/process.hpp"

namespace {

using troupe::testing::shell;

TEST(CafFilter, one_pipeline_has_actors_of_both_kinds) {
  const std::string samples = TROUPE_SOURCE_DIR "/samples/";
  for (const std::string workers : {"1", "2", "4"}) {
    const auto end = shell("troupe run " + samples + "caf_filter/pipeline.yaml --workers " + workers +
                           " --set word=error --set file=" + samples + "topic_routing/log.txt");
    EXPECT_EQ(end.code, 0);
    EXPECT_EQ(end.err, "");
    EXPECT_THAT(end.out, ::testing::HasSubstr("matches: 4\n"));
    EXPECT_THAT(end.out, ::testing::HasSubstr("billing.us.error card 4711 refused\n"));
  }
}

}  // namespace
