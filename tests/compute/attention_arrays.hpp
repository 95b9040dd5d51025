#pragma once

// Calls of attention for its tests: inputs, guarded outputs, and what they are checked against.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>
#include <random>
#include <vector>

#include "compute/attention.hpp"
#include "compute/product.hpp"
#include "tests/compute/guarded.hpp"
#include "tests/compute/random_documents.hpp"
#include "tests/compute/targets.hpp"

namespace compute {
inline std::ostream& operator<<(std::ostream& out, const AttentionShape& shape) {
  return out << "B " << shape.B << " T " << shape.T << " C " << shape.C << " H " << shape.H << " kv " << shape.kv_heads;
}
}  // namespace compute

namespace tests {

using compute::AttentionShape;

/// Inputs and outputs of one call, forward and backward; outputs with guards of 7 floats at both ends.
struct Arrays {
  explicit Arrays(const AttentionShape& s, std::uint32_t seed = 1, float scale = 1)
      : shape(s),
        qkv(s.B * s.T * s.qkv_channels()),
        dout(s.B * s.T * s.C),
        out(1, s.B * s.T * s.C, 0, 7),
        statistics(1, s.statistics_floats(), 0, 7),
        dqkv(1, s.B * s.T * s.qkv_channels(), 0, 7),
        scratch(compute::product_scratch_floats + compute::attention_scratch_floats(s) + 1,
                std::numeric_limits<float>::quiet_NaN()) {
    std::mt19937 random(seed);
    const auto fill = [&](std::vector<float>& x) {
      for (float& value : x) value = scale * (static_cast<float>(random() >> 8) * 0x1p-23f - 1);
    };
    fill(qkv);
    fill(dout);
  }

  /// The same with documents that end after a position with this probability.
  Arrays(const AttentionShape& s, std::uint32_t seed, float scale, double border) : Arrays(s, seed, scale) {
    first = random_documents(s.B, s.T, seed, border);
  }

  const std::uint32_t* documents() const { return first.empty() ? nullptr : first.data(); }
  void forward() {
    compute::attention_forward(out.view().data, statistics.view().data, qkv.data(), shape, scratch.data() + 1,
                               documents());
  }
  void backward() {
    compute::attention_backward(dqkv.view().data, dout.data(), qkv.data(), statistics.view().data, shape,
                                scratch.data() + 1, documents());
  }
  void plain_forward() {
    compute::plain::attention_forward(out.view().data, statistics.view().data, qkv.data(), shape, documents());
  }
  void plain_backward() {
    compute::plain::attention_backward(dqkv.view().data, dout.data(), qkv.data(), statistics.view().data, shape,
                                       documents());
  }

  AttentionShape shape;
  std::vector<std::uint32_t> first;  ///< empty: no mask
  std::vector<float> qkv, dout;
  GuardedMatrix out, statistics, dqkv;
  std::vector<float> scratch;
};

/// Whether each target's vectors give the bits of the plain form, forward and backward.
inline bool equals_the_definition(const Arrays& start) {
  Arrays expected = start;
  expected.plain_forward();
  expected.plain_backward();
  bool equal = true;
  for_each_target([&] {
    Arrays got = start;
    got.forward();
    got.backward();
    equal = equal && same_bits(got.out.floats(), expected.out.floats()) &&
            same_bits(got.statistics.floats(), expected.statistics.floats()) &&
            same_bits(got.dqkv.floats(), expected.dqkv.floats());
  });
  return equal;
}

/// Checks the weights of keys by values that are the same for all that a position may see, and huge for all others.
/// Requires as many heads of values as of queries.
inline void check_weights(Arrays arrays) {
  const AttentionShape& s = arrays.shape;
  for (std::size_t seen = 0; seen < s.T; ++seen) {
    const std::size_t first = arrays.first.empty() ? 0 : arrays.first[seen];
    for (std::size_t t = 0; t < s.T; ++t) {
      const float value = first <= t && t <= seen ? 3.0f : 1e30f;
      std::fill_n(arrays.qkv.data() + t * 3 * s.C + 2 * s.C, s.C, value);
    }
    arrays.forward();
    for (std::size_t c = 0; c < s.C; ++c) BOOST_REQUIRE(std::abs(arrays.out.at(0, seen * s.C + c) - 3) < 3e-6f);
  }
}

/// sum(dout * attention(qkv)) in double, straight from the formula.
inline double weighted_output(const std::vector<double>& qkv, const Arrays& arrays) {
  const AttentionShape& s = arrays.shape;
  const std::size_t D = s.C / s.H;
  double total = 0;
  for (std::size_t b = 0; b < s.B; ++b) {
    for (std::size_t h = 0; h < s.H; ++h) {
      const auto row = [&](std::size_t part, std::size_t t) {
        const std::size_t kv = s.kv_heads == 0 ? s.H : s.kv_heads, shared = h * kv / s.H;
        const std::size_t channel = part == 0 ? h * D : s.C + ((part - 1) * kv + shared) * D;
        return qkv.data() + (b * s.T + t) * (s.C + 2 * kv * D) + channel;
      };
      for (std::size_t t = 0; t < s.T; ++t) {
        const std::size_t first = arrays.first.empty() ? 0 : arrays.first[b * s.T + t];
        double weights = 0, weighted = 0;
        for (std::size_t j = first; j <= t; ++j) {
          double score = 0, value = 0;
          for (std::size_t c = 0; c < D; ++c) {
            score += row(0, t)[c] * row(1, j)[c];
            value += static_cast<double>(arrays.dout[(b * s.T + t) * s.C + h * D + c]) * row(2, j)[c];
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

/// Checks every element of the gradient of `weighted_output` with respect to qkv.
inline void check_central_differences(Arrays arrays) {
  arrays.forward();
  arrays.backward();
  std::vector<double> x(arrays.qkv.begin(), arrays.qkv.end());
  double dot = 0, squares = 0, squares_exact = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double centre = x[i], step = 1e-5;
    x[i] = centre + step;
    const double above = weighted_output(x, arrays);
    x[i] = centre - step;
    const double below = weighted_output(x, arrays);
    x[i] = centre;
    const double exact = (above - below) / (2 * step), got = static_cast<double>(arrays.dqkv.at(0, i));
    BOOST_TEST(std::abs(got - exact) < 2e-6 * static_cast<double>(arrays.shape.T),
               "element " << i << ": " << got << " " << exact);
    dot += got * exact;
    squares += got * got;
    squares_exact += exact * exact;
  }
  BOOST_TEST(dot >= 0.99999999 * std::sqrt(squares * squares_exact));
}

}  // namespace tests
