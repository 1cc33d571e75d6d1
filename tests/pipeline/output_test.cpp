#include <troupe/pipeline/output.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "support.hpp"

namespace {

using troupe::errc;
using troupe::pipeline::output;
using troupe::testing::read_file;
using troupe::testing::scratch_folder;

std::size_t files_in(const scratch_folder& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

TEST(Output, replaces_a_file_only_when_it_is_finished) {
  scratch_folder folder;
  const auto file = folder.write("a", "old");
  auto out = output::replace(file).value();
  out.write("new").value();
  out.flush().value();
  EXPECT_EQ(read_file(file), "old");
  out.finish().value();
  EXPECT_EQ(read_file(file), "new");
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(Output, that_is_not_finished_leaves_the_old_file_and_nothing_else) {
  scratch_folder folder;
  const auto file = folder.write("a", "old");
  {
    auto first = output::replace(file).value();
    auto second = std::move(first);
    second.write("new").value();
    second.flush().value();
    first = output::replace(folder.path() / "b").value();
    std::swap(first, second);
  }
  EXPECT_EQ(read_file(file), "old");
  EXPECT_EQ(files_in(folder), 1U);
}

TEST(Output, that_replaces_a_file_keeps_its_mode_and_links_to_it) {
  scratch_folder folder;
  const auto file = folder.write("a", "old");
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  std::filesystem::create_symlink("a", folder.path() / "link");
  auto out = output::replace(folder.path() / "link").value();
  out.write("new").value();
  out.finish().value();
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path() / "link"));
  EXPECT_EQ(read_file(file), "new");
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0640));
}

TEST(Output, writes_to_devices_directly) {
  auto out = output::replace("/dev/full").value();
  out.write("new").value();
  EXPECT_EQ(out.finish().error(), errc::io);
}

TEST(Output, refuses_at_once_what_it_could_not_replace) {
  scratch_folder folder;
  for (const std::string name : {"no/a", ".", ""}) {
    const auto refused = output::replace(name.empty() ? std::filesystem::path() : folder.path() / name);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error(), errc::io) << name;
  }
  EXPECT_FALSE(output::replace(folder.path() / std::string(300, 'a')));
  EXPECT_EQ(files_in(folder), 0U);
  if (::geteuid() == 0) return;  // nothing is forbidden to it
  const auto file = folder.write("a", "old");
  ASSERT_EQ(::chmod(file.c_str(), 0400), 0);
  EXPECT_FALSE(output::replace(file));
}

}  // namespace
