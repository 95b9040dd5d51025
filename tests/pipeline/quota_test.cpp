#include "pipeline/quota.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temporary_folder.hpp"

BOOST_AUTO_TEST_SUITE(quota)

BOOST_AUTO_TEST_CASE(the_quota_of_every_control_group_above_counts) {
  tests::TemporaryFolder folder;
  const std::filesystem::path groups = folder.path() / "groups";
  std::filesystem::create_directories(groups / "a/b");
  std::filesystem::create_directories(groups / "cpu,cpuacct/c");
  const std::string proc = (folder.path() / "cgroup").string();
  const auto write = [](const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; };
  write(proc, "0::/a/b\n");
  BOOST_TEST(!pipeline::quota_cores(proc, groups.string()).has_value());
  write(groups / "a/b/cpu.max", "max 100000\n");
  BOOST_TEST(!pipeline::quota_cores(proc, groups.string()).has_value());
  write(groups / "a/b/cpu.max", "350000 100000\n");
  BOOST_TEST(pipeline::quota_cores(proc, groups.string()).value() == 3u);
  write(groups / "a/cpu.max", "200000 100000\n");
  BOOST_TEST(pipeline::quota_cores(proc, groups.string()).value() == 2u);
  write(groups / "a/cpu.max", "50000 100000\n");
  BOOST_TEST(pipeline::quota_cores(proc, groups.string()).value() == 1u);
  write(proc, "7:memory:/x\n4:cpu,cpuacct:/c\n");
  write(groups / "cpu,cpuacct/c/cpu.cfs_quota_us", "-1\n");
  write(groups / "cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
  BOOST_TEST(!pipeline::quota_cores(proc, groups.string()).has_value());
  write(groups / "cpu,cpuacct/c/cpu.cfs_quota_us", "400000\n");
  BOOST_TEST(pipeline::quota_cores(proc, groups.string()).value() == 4u);
}

BOOST_AUTO_TEST_SUITE_END()
