#include "pipeline/balance.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using pipeline::balance;
using pipeline::balance_line;

BOOST_AUTO_TEST_SUITE(balances)

BOOST_AUTO_TEST_CASE(twelve_on_eight_use_three_quarters) {
  BOOST_TEST(balance(12, 8) == 0.75);
  BOOST_TEST(
      balance_line(12, 1, 8) ==
      "balance: 12 micro-batches on 8 cores can keep them busy 75 % of the time; --cores 6 is as fast; larger steps "
      "do better: --accumulate 2 (100 %) or --workers 16 (100 %)");
}

BOOST_AUTO_TEST_CASE(what_divides_evenly_needs_no_advice) {
  for (const std::size_t cores : {1u, 2u, 3u, 4u, 6u, 12u}) {
    BOOST_TEST(balance(12, cores) == 1.0);
    BOOST_TEST(balance_line(12, 1, cores).find(';') == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(what_is_advised_is_better_and_holds_what_it_says) {
  for (std::size_t cores = 1; cores <= 70; ++cores)
    for (std::size_t workers = 1; workers <= 30; ++workers) {
      const double share = balance(workers, cores);
      BOOST_TEST(share > 0.0);
      BOOST_TEST(share <= 1.0);
      const std::string line = balance_line(workers, 1, cores);
      const std::size_t at = line.find("--accumulate ");
      if (share >= 0.95) {
        BOOST_TEST(at == std::string::npos);
        continue;
      }
      const std::size_t factor = std::stoul(line.substr(at + 13));
      BOOST_TEST(balance(workers * factor, cores) > share);
      const std::size_t fewer = line.find("--cores ");
      if (fewer == std::string::npos) continue;
      const std::size_t enough = std::stoul(line.substr(fewer + 8));
      BOOST_TEST((workers + enough - 1) / enough == (workers + cores - 1) / cores);
    }
}

BOOST_AUTO_TEST_SUITE_END()
