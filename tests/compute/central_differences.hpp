#pragma once

// What a test of one operation's backward pass needs: central differences in double, and the comparison with them. The
// loss is a sum of the operation's outputs, each times a random weight; those weights are what the backward pass gets.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <vector>

namespace tests {

using Doubles = std::vector<double>;

/// What stands where an operation has to write.
inline constexpr float unwritten = NAN;

struct MatrixSize {
  std::size_t rows, columns;
};

inline std::ostream& operator<<(std::ostream& out, const MatrixSize& size) {
  return out << size.rows << " x " << size.columns;
}

/// Hardly any of them fills vectors.
inline const std::vector<MatrixSize> differences_sizes = {{1, 3}, {5, 7}, {3, 17}, {7, 31}, {4, 48}, {2, 129}};

inline Doubles exact(const std::vector<float>& x) {
  return {x.begin(), x.end()};
}

/// The sum of the outputs times their weights.
inline double weighted(const Doubles& out, const std::vector<float>& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < out.size(); ++i) sum += out[i] * static_cast<double>(weights[i]);
  return sum;
}

/// The gradient of loss(x) with respect to x. In double a step of 1e-5 leaves errors of 1e-10 or so.
template <class Loss>
Doubles slopes(const std::vector<float>& at, const Loss& loss) {
  constexpr double h = 1e-5;
  Doubles x = exact(at), result(at.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double centre = x[i];
    x[i] = centre + h;
    const double above = loss(x);
    x[i] = centre - h;
    result[i] = (above - loss(x)) / (2 * h);
    x[i] = centre;
  }
  return result;
}

/// Checks that found is expected but for f32's rounding: the difference is 1e-5 of the whole at most, so that the
/// cosine between them is 1 - 5e-11 at least.
inline void check_near(const char* name, const std::vector<float>& found, const Doubles& expected) {
  double squares = 0, difference = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    squares += expected[i] * expected[i];
    difference += (static_cast<double>(found[i]) - expected[i]) * (static_cast<double>(found[i]) - expected[i]);
  }
  BOOST_TEST_CONTEXT(name) {
    BOOST_TEST_REQUIRE(found.size() == expected.size());
    BOOST_TEST(squares > 1e-6);
    BOOST_TEST(std::sqrt(difference / squares) <= 1e-5);
  }
}

/// The same for what was added to `there`.
inline void check_added(const char* name, const std::vector<float>& found, const std::vector<float>& there,
                        Doubles expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += static_cast<double>(there[i]);
  check_near(name, found, expected);
}

}  // namespace tests
