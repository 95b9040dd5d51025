#include "io/block_pool.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <vector>

BOOST_AUTO_TEST_SUITE(block_pool)

BOOST_AUTO_TEST_CASE(blocks_start_at_pages_and_do_not_overlap) {
  io::BlockPool pool(5, 5000);
  const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  BOOST_TEST(pool.block_bytes() == (5000 + page_bytes - 1) / page_bytes * page_bytes);
  for (unsigned index = 0; index < pool.blocks_count(); ++index) {
    const io::Block block = pool.block(index);
    BOOST_TEST(block.index == index);
    BOOST_TEST(block.bytes.size() == pool.block_bytes());
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(block.bytes.data()) % page_bytes == 0);
    std::ranges::fill(block.bytes, static_cast<std::byte>(index));
  }
  for (unsigned index = 0; index < pool.blocks_count(); ++index) {
    const io::Block block = pool.block(index);
    BOOST_TEST(std::ranges::count(block.bytes, static_cast<std::byte>(index)) == std::ssize(block.bytes));
  }
}

BOOST_AUTO_TEST_CASE(an_untouched_pool_is_not_resident) {
  constexpr std::size_t block_bytes = std::size_t{1} << 20;
  io::BlockPool pool(64, block_bytes);
  const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> resident(64 * block_bytes / page_bytes);
  BOOST_REQUIRE(::mincore(pool.block(0).bytes.data(), 64 * block_bytes, resident.data()) == 0);
  BOOST_TEST(std::ranges::count(resident, 0) == std::ssize(resident));
}

BOOST_AUTO_TEST_CASE(a_pool_knows_its_own_memory) {
  io::BlockPool pool(2, 4096);
  const std::vector<std::byte> other(16);
  BOOST_TEST(pool.holds(1, pool.block(1).bytes));
  BOOST_TEST(pool.holds(1, pool.block(1).bytes.subspan(100, 50)));
  BOOST_TEST(!pool.holds(0, pool.block(1).bytes));
  BOOST_TEST(!pool.holds(2, pool.block(1).bytes));
  BOOST_TEST(!pool.holds(0, other));
}

BOOST_AUTO_TEST_CASE(a_pool_of_nothing_is_allowed) {
  io::BlockPool pool(0, 4096);
  BOOST_TEST(pool.blocks_count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
