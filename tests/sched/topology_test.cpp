#include "sched/topology.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(topology)

using Cores = std::vector<sched::CoreNumber>;
const Cores allowed = {0, 1, 2, 3, 8, 9};

BOOST_AUTO_TEST_CASE(this_process_may_use_at_least_one_core) {
  BOOST_TEST(!sched::allowed_cores().empty());
}

BOOST_AUTO_TEST_CASE(nothing_said_takes_all_allowed_cores) {
  BOOST_TEST(sched::choose_cores("", allowed) == allowed);
}

BOOST_AUTO_TEST_CASE(a_count_takes_the_first_cores) {
  BOOST_TEST(sched::choose_cores("2", allowed) == (Cores{0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_list_names_the_cores) {
  BOOST_TEST(sched::choose_cores("1-3,8", allowed) == (Cores{1, 2, 3, 8}), boost::test_tools::per_element());
  BOOST_TEST(sched::choose_cores("9,", allowed) == (Cores{9}), boost::test_tools::per_element());
}

const std::vector<std::string> refused = {"0", "7", "x", "0-", "-1", "4,5", "0,0", "3-1", "1.5", " 1", "0-99999999"};

BOOST_DATA_TEST_CASE(what_is_not_there_is_refused, boost::unit_test::data::make(refused), wanted) {
  BOOST_CHECK_EXCEPTION(sched::choose_cores(wanted, allowed), sched::TopologyError,
                        [&](const auto& error) { return std::string(error.what()).find("--cores " + wanted) == 0; });
}

BOOST_AUTO_TEST_SUITE_END()
