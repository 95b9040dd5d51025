#include "compute/attention.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <ostream>
#include <vector>

#include "compute/cpu.hpp"
#include "compute/product.hpp"
#include "tests/compute/guarded.hpp"
#include "tests/compute/targets.hpp"

namespace compute {
std::ostream& operator<<(std::ostream& out, const AttentionShape& shape) {
  return out << "B " << shape.B << " T " << shape.T << " C " << shape.C << " H " << shape.H;
}
}  // namespace compute

namespace tests {

using compute::AttentionShape;

namespace {

/// Inputs and outputs of one call, forward and backward; outputs with guards of 7 floats at both ends.
struct Arrays {
  explicit Arrays(const AttentionShape& s, std::uint32_t seed = 1, float scale = 1)
      : shape(s),
        qkv(s.B * s.T * 3 * s.C),
        dout(s.B * s.T * s.C),
        out(1, s.B * s.T * s.C, 0, 7),
        probabilities(1, s.B * s.H * s.T * s.T, 0, 7),
        dqkv(1, s.B * s.T * 3 * s.C, 0, 7),
        scratch(compute::product_scratch_floats + compute::attention_scratch_floats(s) + 1,
                std::numeric_limits<float>::quiet_NaN()) {
    std::mt19937 random(seed);
    const auto fill = [&](std::vector<float>& x) {
      for (float& value : x) value = scale * (static_cast<float>(random() >> 8) * 0x1p-23f - 1);
    };
    fill(qkv);
    fill(dout);
  }

  void forward() {
    compute::attention_forward(out.view().data, probabilities.view().data, qkv.data(), shape, scratch.data() + 1);
  }
  void backward() {
    compute::attention_backward(dqkv.view().data, dout.data(), qkv.data(), probabilities.view().data, shape,
                                scratch.data() + 1);
  }
  void plain_forward() {
    compute::plain::attention_forward(out.view().data, probabilities.view().data, qkv.data(), shape);
  }
  void plain_backward() {
    compute::plain::attention_backward(dqkv.view().data, dout.data(), qkv.data(), probabilities.view().data, shape);
  }

  AttentionShape shape;
  std::vector<float> qkv, dout;
  GuardedMatrix out, probabilities, dqkv;
  std::vector<float> scratch;
};

bool equals_the_definition(const Arrays& start) {
  Arrays expected = start;
  expected.plain_forward();
  expected.plain_backward();
  bool equal = true;
  for_each_target([&] {
    Arrays got = start;
    got.forward();
    got.backward();
    equal = equal && same_bits(got.out.floats(), expected.out.floats()) &&
            same_bits(got.probabilities.floats(), expected.probabilities.floats()) &&
            same_bits(got.dqkv.floats(), expected.dqkv.floats());
  });
  return equal;
}

/// sum(dout * attention(qkv)) in double, straight from the formula.
double weighted_output(const std::vector<double>& qkv, const std::vector<float>& dout, const AttentionShape& s) {
  const std::size_t D = s.C / s.H;
  double total = 0;
  for (std::size_t b = 0; b < s.B; ++b) {
    for (std::size_t h = 0; h < s.H; ++h) {
      const auto row = [&](std::size_t part, std::size_t t) {
        return qkv.data() + ((b * s.T + t) * 3 + part) * s.C + h * D;
      };
      for (std::size_t t = 0; t < s.T; ++t) {
        double weights = 0, weighted = 0;
        for (std::size_t j = 0; j <= t; ++j) {
          double score = 0, value = 0;
          for (std::size_t c = 0; c < D; ++c) {
            score += row(0, t)[c] * row(1, j)[c];
            value += static_cast<double>(dout[(b * s.T + t) * s.C + h * D + c]) * row(2, j)[c];
          }
          const double weight = std::exp(score / std::sqrt(static_cast<double>(D)));
          weights += weight;
          weighted += weight * value;
        }
        total += weighted / weights;
      }
    }
  }
  return total;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attention)

const std::vector<AttentionShape> shapes = {{1, 1, 16, 1},   {2, 3, 12, 4},   {1, 16, 64, 4},  {2, 33, 21, 3},
                                            {1, 63, 16, 1},  {1, 64, 64, 1},  {1, 65, 128, 2}, {1, 100, 5, 5},
                                            {1, 70, 300, 1}, {2, 130, 34, 2}, {1, 256, 64, 1}, {1, 257, 16, 1},
                                            {1, 300, 48, 2}, {1, 530, 7, 1}};

BOOST_DATA_TEST_CASE(vectors_have_the_bits_of_the_definition, boost::unit_test::data::make(shapes), shape) {
  compute::set_floating_point_mode();
  BOOST_TEST(equals_the_definition(Arrays(shape, 1)));
  BOOST_TEST(equals_the_definition(Arrays(shape, 2, 30)));  // sharp: most probabilities are exactly zero
}

BOOST_AUTO_TEST_CASE(any_shape_gives_the_bits_of_the_definition) {
  compute::set_floating_point_mode();
  BOOST_TEST(rc::check([] {
    const auto size = [](int first, int last) { return static_cast<std::size_t>(*rc::gen::inRange(first, last)); };
    const std::size_t heads = size(1, 5);
    const AttentionShape shape{size(1, 3), size(1, 150), heads * size(1, 40), heads};
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

BOOST_AUTO_TEST_CASE(probabilities_of_later_keys_are_zero_and_the_others_add_up_to_one) {
  const AttentionShape shape{2, 70, 32, 2};
  Arrays arrays(shape, 5);
  arrays.forward();
  for (std::size_t row = 0; row < shape.B * shape.H * shape.T; ++row) {
    double sum = 0;
    for (std::size_t j = 0; j < shape.T; ++j) {
      const float p = arrays.probabilities.at(0, row * shape.T + j);
      if (j > row % shape.T) BOOST_REQUIRE(std::bit_cast<std::uint32_t>(p) == 0U);
      sum += static_cast<double>(p);
    }
    BOOST_REQUIRE(std::abs(sum - 1) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(rows_taken_a_few_at_a_time_have_the_bits_of_the_whole_pass) {
  compute::set_floating_point_mode();
  const AttentionShape shape{1, 150, 39, 3};
  Arrays whole(shape, 3);
  whole.forward();
  for_each_target([&] {
    for (const std::size_t step : {1, 7, 64, 100, 150}) {
      Arrays pieces(shape, 3);
      std::vector<float> filled(pieces.qkv.size(), std::numeric_limits<float>::quiet_NaN());
      for (std::size_t first = 0; first < shape.T; first += step) {
        const std::size_t last = std::min(first + step, shape.T);
        std::copy_n(pieces.qkv.data() + first * 3 * shape.C, (last - first) * 3 * shape.C,
                    filled.data() + first * 3 * shape.C);
        compute::attention_forward_rows(pieces.out.view().data, filled.data(), shape, first, last,
                                        pieces.scratch.data());
      }
      BOOST_TEST(same_bits(pieces.out.floats(), whole.out.floats()), "step " << step);
    }
  });
}

const std::vector<AttentionShape> small_shapes = {{1, 1, 4, 2}, {2, 6, 10, 2}, {1, 19, 14, 2}};

BOOST_DATA_TEST_CASE(the_gradient_is_the_central_difference, boost::unit_test::data::make(small_shapes), shape) {
  Arrays arrays(shape, 4);
  arrays.forward();
  arrays.backward();
  std::vector<double> x(arrays.qkv.begin(), arrays.qkv.end());
  double dot = 0, squares = 0, squares_exact = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double centre = x[i], step = 1e-5;
    x[i] = centre + step;
    const double above = weighted_output(x, arrays.dout, shape);
    x[i] = centre - step;
    const double below = weighted_output(x, arrays.dout, shape);
    x[i] = centre;
    const double exact = (above - below) / (2 * step), got = static_cast<double>(arrays.dqkv.at(0, i));
    BOOST_TEST(std::abs(got - exact) < 2e-6 * static_cast<double>(shape.T),
               "element " << i << ": " << got << " " << exact);
    dot += got * exact;
    squares += got * got;
    squares_exact += exact * exact;
  }
  BOOST_TEST(dot >= 0.99999999 * std::sqrt(squares * squares_exact));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace tests
