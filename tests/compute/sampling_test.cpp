#include "compute/sampling.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "compute/random.hpp"

BOOST_AUTO_TEST_SUITE(sampling)

using compute::sample;
using compute::Sampling;

const std::vector<float> logits = {1.0f, 3.0f, 2.0f, 3.0f, -1.0f};
constexpr double almost_one = 1 - 0x1p-53;

BOOST_AUTO_TEST_CASE(temperature_zero_takes_the_lowest_of_the_most_likely) {
  for (const double uniform : {0.0, 0.5, almost_one}) BOOST_TEST(sample(logits, {.temperature = 0}, uniform) == 1);
}

BOOST_AUTO_TEST_CASE(candidates_are_ordered_by_falling_logit_then_rising_id) {
  BOOST_TEST(sample(logits, {}, 0.0) == 1);
  BOOST_TEST(sample(logits, {}, 0.5) == 3);
  BOOST_TEST(sample(logits, {}, almost_one) == 4);
}

BOOST_AUTO_TEST_CASE(top_k_leaves_the_k_most_likely) {
  BOOST_TEST(sample(logits, {.top_k = 1}, almost_one) == 1);
  BOOST_TEST(sample(logits, {.top_k = 2}, almost_one) == 3);
  BOOST_TEST(sample(logits, {.top_k = 3}, almost_one) == 2);
  BOOST_TEST(sample(logits, {.top_k = 99}, almost_one) == 4);
}

BOOST_AUTO_TEST_CASE(top_p_leaves_the_smallest_set_that_reaches_p) {
  // Probabilities by rank: 0.4024, 0.4024, 0.1480, 0.0545 for the first four, 0.0074 for the last.
  BOOST_TEST(sample(logits, {.top_p = 0.0}, almost_one) == 1);
  BOOST_TEST(sample(logits, {.top_p = 0.38}, almost_one) == 1);
  BOOST_TEST(sample(logits, {.top_p = 0.6}, almost_one) == 3);
  BOOST_TEST(sample(logits, {.top_p = 0.85}, almost_one) == 2);
  BOOST_TEST(sample(logits, {.top_p = 1.0}, almost_one) == 4);
}

BOOST_AUTO_TEST_CASE(min_p_leaves_what_is_likely_beside_the_best) {
  // Shares of the best one's probability by rank: 1, 1, 0.368, 0.135, 0.018.
  BOOST_TEST(sample(logits, {.min_p = 1.0}, almost_one) == 3);
  BOOST_TEST(sample(logits, {.min_p = 0.37}, almost_one) == 3);
  BOOST_TEST(sample(logits, {.min_p = 0.36}, almost_one) == 2);
  BOOST_TEST(sample(logits, {.min_p = 0.14}, almost_one) == 2);
  BOOST_TEST(sample(logits, {.min_p = 0.13}, almost_one) == 0);
  BOOST_TEST(sample(logits, {.min_p = 0.0}, almost_one) == 4);
  BOOST_TEST(sample(logits, {.temperature = 2, .min_p = 0.36}, almost_one) == 0);
  BOOST_TEST(sample(logits, {.top_k = 3, .min_p = 0.01}, almost_one) == 2);
  BOOST_TEST(sample(logits, {.top_p = 0.38, .min_p = 0.01}, almost_one) == 1);
}

BOOST_AUTO_TEST_CASE(tokens_that_were_seen_become_less_likely_once) {
  std::vector<float> changed = logits;
  const std::vector<std::int32_t> seen = {1, 4, 1};
  compute::penalize_repetition(changed, seen, 2.0f);
  const std::vector<float> expected = {1.0f, 1.5f, 2.0f, 3.0f, -2.0f};
  BOOST_TEST(changed == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(draws_follow_the_softmax_at_a_temperature) {
  const compute::RandomStream stream(3, compute::RandomPurpose::sampling, 0);
  constexpr std::size_t draws = 50000;
  std::vector<double> counts(logits.size());
  for (std::size_t i = 0; i < draws; ++i)
    ++counts[static_cast<std::size_t>(sample(logits, {.temperature = 2}, stream.uniform(i)))];
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit / 2.0);
  for (std::size_t i = 0; i < logits.size(); ++i)
    BOOST_TEST(std::abs(counts[i] / draws - std::exp(logits[i] / 2.0) / sum) < 0.01);
}

BOOST_AUTO_TEST_CASE(ugly_logits_still_give_an_id) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const double uniform : {0.0, 0.3, almost_one}) {
    BOOST_TEST(sample(std::vector{nan, 1.0f, -infinity}, {}, uniform) == 1);
    BOOST_TEST(sample(std::vector{0.0f, 1e30f, -1e30f}, {.temperature = 1e-30}, uniform) == 1);
    const auto any = sample(std::vector{nan, nan}, {}, uniform);
    BOOST_TEST((any == 0 || any == 1));
  }
  BOOST_TEST(sample(std::vector{5.0f}, {}, 0.9) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
