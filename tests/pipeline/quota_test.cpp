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

BOOST_AUTO_TEST_CASE(memory_that_the_least_of_the_control_groups_leaves_counts) {
  tests::TemporaryFolder folder;
  const std::filesystem::path groups = folder.path() / "groups";
  std::filesystem::create_directories(groups / "a/b");
  std::filesystem::create_directories(groups / "memory/c");
  const std::string proc = (folder.path() / "cgroup").string();
  const auto write = [](const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; };
  const auto left = [&] { return pipeline::quota_memory_bytes(proc, groups.string()); };
  BOOST_TEST(!left().has_value());
  write(proc, "0::/a/b\n");
  write(groups / "a/b/memory.max", "max\n");
  write(groups / "a/b/memory.current", "300\n");
  BOOST_TEST(!left().has_value());
  write(groups / "a/b/memory.max", "1000\n");
  BOOST_TEST(left().value() == 700u);
  write(groups / "a/b/memory.stat", "anon 50\nfile 250\ninactive_file 100\nactive_file 20\n");
  BOOST_TEST(left().value() == 820u);
  write(groups / "a/memory.max", "900\n");
  write(groups / "a/memory.current", "500\n");
  BOOST_TEST(left().value() == 400u);
  write(groups / "a/memory.current", "950\n");
  BOOST_TEST(left().value() == 0u);
  write(proc, "7:memory:/c\n4:cpu,cpuacct:/c\n");
  write(groups / "memory/c/memory.limit_in_bytes", "9223372036854771712\n");
  write(groups / "memory/c/memory.usage_in_bytes", "300\n");
  BOOST_TEST(!left().has_value());
  write(groups / "memory/memory.limit_in_bytes", "2000\n");
  write(groups / "memory/memory.usage_in_bytes", "1500\n");
  write(groups / "memory/memory.stat", "inactive_file 1\ntotal_inactive_file 400\ntotal_active_file 10\n");
  BOOST_TEST(left().value() == 910u);
}

BOOST_AUTO_TEST_SUITE_END()
