// How figures are shown.

#include "pipeline/metrics.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(what_took_little_time_is_shown_with_digits_that_say_how_little) {
  BOOST_TEST(pipeline::format_passed(0.0381) == "38 ms");
  BOOST_TEST(pipeline::format_passed(0.9999) == "1.0 s");
  BOOST_TEST(pipeline::format_passed(4.24) == "4.2 s");
  BOOST_TEST(pipeline::format_passed(59.96) == "1:00");
  BOOST_TEST(pipeline::format_passed(83) == "1:23");
}

BOOST_AUTO_TEST_CASE(a_rate_has_the_digits_that_matter) {
  BOOST_TEST(pipeline::format_rate(0.417) == "0.42");
  BOOST_TEST(pipeline::format_rate(7.26) == "7.3");
  BOOST_TEST(pipeline::format_rate(9.96) == "10");
  BOOST_TEST(pipeline::format_rate(12344.6) == "12,345");
}

BOOST_AUTO_TEST_SUITE_END()
