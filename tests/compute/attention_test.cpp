#include "compute/attention.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "compute/cpu.hpp"
#include "tests/compute/attention_arrays.hpp"

namespace tests {

BOOST_AUTO_TEST_SUITE(attention)

const std::vector<AttentionShape> shapes = {
    {1, 1, 16, 1},   {2, 3, 12, 4},  {1, 16, 64, 4},    {2, 33, 21, 3},    {1, 63, 16, 1},    {1, 64, 64, 1},
    {1, 65, 128, 2}, {1, 100, 5, 5}, {1, 70, 300, 1},   {2, 130, 34, 2},   {1, 256, 64, 1},   {1, 257, 16, 1},
    {1, 300, 48, 2}, {1, 530, 7, 1}, {2, 33, 24, 4, 2}, {1, 70, 32, 4, 1}, {1, 300, 24, 6, 2}};

BOOST_DATA_TEST_CASE(vectors_have_the_bits_of_the_definition, boost::unit_test::data::make(shapes), shape) {
  compute::set_floating_point_mode();
  BOOST_TEST(equals_the_definition(Arrays(shape, 1)));
  BOOST_TEST(equals_the_definition(Arrays(shape, 2, 30)));  // sharp: most probabilities are exactly zero
}

BOOST_AUTO_TEST_CASE(any_shape_gives_the_bits_of_the_definition) {
  compute::set_floating_point_mode();
  BOOST_TEST(rc::check([] {
    const auto size = [](int first, int last) { return static_cast<std::size_t>(*rc::gen::inRange(first, last)); };
    const std::size_t kv_heads = size(1, 4), heads = kv_heads * size(1, 4);
    const AttentionShape shape{size(1, 3), size(1, 150), heads * size(1, 40), heads, kv_heads};
    RC_ASSERT(
        equals_the_definition(Arrays(shape, *rc::gen::arbitrary<std::uint32_t>(), *rc::gen::element(0.1f, 5.0f))));
  }));
}

BOOST_AUTO_TEST_CASE(sums_that_underflow_to_minus_zero_do_not_depend_on_masked_keys) {
  compute::set_floating_point_mode();
  const AttentionShape shape{1, 100, 8, 1};
  Arrays start(shape);
  for (std::size_t i = 0; i < start.qkv.size(); ++i) {
    const bool value = i % (3 * shape.C) >= 2 * shape.C;
    // Even channels: what is masked has the sign of what is not; odd channels: now this, now that.
    const bool positive = i % 2 == 1 && i / (3 * shape.C) % 2 == 1;
    if (value) start.qkv[i] = positive ? 1e-45f : -1e-45f;
  }
  for (float& x : start.dout) x *= 1e-38f;
  BOOST_TEST(equals_the_definition(start));
}

BOOST_AUTO_TEST_CASE(later_keys_have_no_weight_and_the_weights_of_the_others_add_up_to_one) {
  compute::set_floating_point_mode();
  check_weights(Arrays({2, 70, 32, 2}, 5));
}

BOOST_AUTO_TEST_CASE(chains_that_are_broken_off_and_taken_up_again_have_the_bits_of_the_definition) {
  compute::set_floating_point_mode();
  // 2,400 positions go through the backward pass 16 at a time, 1,100 go 32 at a time: a block of 256 in many parts.
  BOOST_TEST(equals_the_definition(Arrays({1, 2400, 3, 1}, 6)));
  BOOST_TEST(equals_the_definition(Arrays({1, 1100, 40, 2, 1}, 6)));
}

BOOST_AUTO_TEST_CASE(memory_grows_with_the_positions_and_not_with_their_square) {
  const auto floats = [](std::size_t T) {
    const AttentionShape shape{1, T, 768, 12};
    return shape.statistics_floats() + compute::attention_scratch_floats(shape);
  };
  BOOST_TEST(floats(8192) - floats(4096) == 2 * (floats(4096) - floats(2048)));
}

BOOST_AUTO_TEST_CASE(rows_taken_a_few_at_a_time_have_the_bits_of_the_whole_pass) {
  compute::set_floating_point_mode();
  const AttentionShape shape{1, 150, 52, 4, 2};
  const std::size_t row = shape.qkv_channels();
  Arrays whole(shape, 3);
  whole.forward();
  for_each_target([&] {
    for (const std::size_t step : {1, 7, 64, 100, 150}) {
      Arrays pieces(shape, 3);
      std::vector<float> filled(pieces.qkv.size(), std::numeric_limits<float>::quiet_NaN());
      for (std::size_t first = 0; first < shape.T; first += step) {
        const std::size_t last = std::min(first + step, shape.T);
        std::copy_n(pieces.qkv.data() + first * row, (last - first) * row, filled.data() + first * row);
        compute::attention_forward_rows(pieces.out.view().data, filled.data(), shape, first, last,
                                        pieces.scratch.data());
      }
      BOOST_TEST(same_bits(pieces.out.floats(), whole.out.floats()), "step " << step);
    }
  });
}

const std::vector<AttentionShape> small_shapes = {
    {1, 1, 4, 2}, {2, 6, 10, 2}, {1, 19, 14, 2}, {2, 7, 24, 6, 2}, {1, 9, 8, 4, 1}};

BOOST_DATA_TEST_CASE(the_gradient_is_the_central_difference, boost::unit_test::data::make(small_shapes), shape) {
  check_central_differences(Arrays(shape, 4));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tests
