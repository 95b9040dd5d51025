#include "compute/schedule.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <ostream>

namespace compute {
std::ostream& operator<<(std::ostream& out, ScheduleKind kind) {
  return out << static_cast<int>(kind);
}
}  // namespace compute

BOOST_AUTO_TEST_SUITE(schedule)

using compute::learning_rate;
using compute::Schedule;
using compute::ScheduleKind;

const auto kinds = boost::unit_test::data::make(
    std::vector{ScheduleKind::constant, ScheduleKind::cosine, ScheduleKind::wsd, ScheduleKind::linear});

Schedule make(ScheduleKind kind) {
  return {.kind = kind, .peak = 0.01, .final_fraction = 0.1, .warmup_steps = 10, .steps = 110, .decay_fraction = 0.2};
}

BOOST_DATA_TEST_CASE(warm_up_rises_linearly_to_the_peak, kinds, kind) {
  for (std::uint64_t step = 1; step <= 10; ++step)
    BOOST_TEST(learning_rate(make(kind), step) == 0.01 * (static_cast<double>(step) / 10));
  BOOST_TEST(learning_rate(make(kind), 10) == 0.01);
}

BOOST_DATA_TEST_CASE(after_warm_up_the_rate_never_rises, kinds, kind) {
  for (std::uint64_t step = 10; step < 120; ++step)
    BOOST_TEST(learning_rate(make(kind), step + 1) <= learning_rate(make(kind), step));
}

BOOST_DATA_TEST_CASE(past_the_end_the_last_rate_stays, kinds, kind) {
  const double end = kind == ScheduleKind::constant ? 0.01 : 0.001;
  BOOST_TEST(learning_rate(make(kind), 110) == end, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(learning_rate(make(kind), 5000) == learning_rate(make(kind), 110));
}

BOOST_AUTO_TEST_CASE(cosine_is_half_way_down_in_the_middle) {
  BOOST_TEST(learning_rate(make(ScheduleKind::cosine), 60) == 0.0055, boost::test_tools::tolerance(1e-12));
  const double quarter = 0.001 + 0.009 * 0.5 * (1 + std::sqrt(0.5));
  BOOST_TEST(learning_rate(make(ScheduleKind::cosine), 35) == quarter, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(wsd_is_flat_and_then_falls_linearly) {
  const Schedule wsd = make(ScheduleKind::wsd);  // falls over the last 22 of 110 steps
  BOOST_TEST(learning_rate(wsd, 11) == 0.01);
  BOOST_TEST(learning_rate(wsd, 88) == 0.01);
  BOOST_TEST(learning_rate(wsd, 99) == 0.0055, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(linear_falls_by_the_same_each_step) {
  for (std::uint64_t step = 10; step < 110; ++step) {
    const double fall =
        learning_rate(make(ScheduleKind::linear), step) - learning_rate(make(ScheduleKind::linear), step + 1);
    BOOST_TEST(fall == 0.00009, boost::test_tools::tolerance(1e-9));
  }
}

BOOST_DATA_TEST_CASE(degenerate_lengths_give_finite_rates, kinds, kind) {
  for (const std::uint64_t steps : {0, 1, 2, 10})
    for (const std::uint64_t warmup : {0, 1, 10, 100})
      for (const double decay : {0.0, 0.5, 1.0})
        for (std::uint64_t step = 1; step < 12; ++step) {
          const Schedule schedule{kind, 1.0, 0.0, warmup, steps, decay};
          const double rate = learning_rate(schedule, step);
          BOOST_TEST((rate >= 0 && rate <= 1));
        }
}

BOOST_AUTO_TEST_SUITE_END()
