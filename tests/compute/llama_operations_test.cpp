// The operations of the Llama family: the vector form of each has the bits of its plain form, and the plain form is the
// function and its slope, against double precision.

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <vector>

#include "compute/gelu_erf.hpp"
#include "compute/rmsnorm.hpp"
#include "compute/rope.hpp"
#include "compute/scalar_math.hpp"
#include "compute/swiglu.hpp"
#include "tests/compute/random_floats.hpp"
#include "tests/compute/targets.hpp"

BOOST_AUTO_TEST_SUITE(llama_operations)

using compute::dense;
using compute::Into;
using compute::Matrix;
using tests::random_floats;
using tests::same_bits;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;
namespace plain = compute::plain;

const auto sizes = boost::unit_test::data::make({1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 48, 64, 100, 129, 257});

/// The slope of f at x[i], by a central difference.
double slope(const std::function<double(const Doubles&)>& f, Doubles x, std::size_t i) {
  constexpr double h = 1e-5;
  const double at = x[i];
  x[i] = at + h;
  const double above = f(x);
  x[i] = at - h;
  return (above - f(x)) / (2 * h);
}

Doubles exact(const Floats& x) {
  return {x.begin(), x.end()};
}

BOOST_DATA_TEST_CASE(rmsnorm_has_the_plain_bits, sizes, size) {
  const auto C = static_cast<std::size_t>(size);
  constexpr std::size_t rows = 5;
  const std::size_t stride = C + 3;
  const Floats x = random_floats(rows * stride, 1, 3), gain = random_floats(C, 2);
  const Floats dout = random_floats(rows * C, 4), there = random_floats(rows * C, 5), dgain = random_floats(C, 6);
  struct Results {
    Floats out, rstds, replaced, added, gains_replaced, gains_added;
  };
  const auto run = [&](auto forward, auto backward) {
    Results r{Floats(rows * C), Floats(rows), dout, there, Floats(C), dgain};
    const compute::ConstMatrix in{x.data(), rows, C, stride};
    forward(dense(r.out.data(), rows, C), r.rstds.data(), in, gain.data(), 1e-6f);
    backward(dense(r.added.data(), rows, C), Into::added, r.gains_added.data(), Into::added,
             dense(dout.data(), rows, C), in, r.rstds.data(), gain.data());
    backward(dense(r.replaced.data(), rows, C), Into::replaced, r.gains_replaced.data(), Into::replaced,
             dense(r.replaced.data(), rows, C), in, r.rstds.data(), gain.data());
    return r;
  };
  const Results expected = run(plain::rmsnorm_forward, plain::rmsnorm_backward);
  tests::for_each_target([&] {
    const Results found = run(compute::rmsnorm_forward, compute::rmsnorm_backward);
    BOOST_TEST(same_bits(found.out, expected.out));
    BOOST_TEST(same_bits(found.rstds, expected.rstds));
    BOOST_TEST(same_bits(found.replaced, expected.replaced));
    BOOST_TEST(same_bits(found.added, expected.added));
    BOOST_TEST(same_bits(found.gains_replaced, expected.gains_replaced));
    BOOST_TEST(same_bits(found.gains_added, expected.gains_added));
  });
}

BOOST_AUTO_TEST_CASE(rmsnorm_is_the_function_and_its_slope) {
  constexpr std::size_t rows = 3, C = 10;
  constexpr float epsilon = 0.1f;
  const Floats x = random_floats(rows * C, 1), gain = random_floats(C, 2), dout = random_floats(rows * C, 3);
  const auto row_of = [&](const Doubles& in, const Doubles& gains, std::size_t row, std::size_t i) {
    double squares = 0;
    for (std::size_t c = 0; c < C; ++c) squares += in[row * C + c] * in[row * C + c];
    return in[row * C + i] / std::sqrt(squares / C + static_cast<double>(epsilon)) * gains[i];
  };
  const auto dot = [&](const Doubles& in, const Doubles& gains) {
    double sum = 0;
    for (std::size_t i = 0; i < rows * C; ++i) sum += row_of(in, gains, i / C, i % C) * dout[i];
    return sum;
  };
  Floats out(rows * C), rstds(rows), dx(rows * C), dgain(C);
  plain::rmsnorm_forward(dense(out.data(), rows, C), rstds.data(), dense(x.data(), rows, C), gain.data(), epsilon);
  plain::rmsnorm_backward(dense(dx.data(), rows, C), Into::replaced, dgain.data(), Into::replaced,
                          dense(dout.data(), rows, C), dense(x.data(), rows, C), rstds.data(), gain.data());
  for (std::size_t i = 0; i < rows * C; ++i) {
    BOOST_TEST(std::abs(out[i] - row_of(exact(x), exact(gain), i / C, i % C)) < 1e-5);
    BOOST_TEST(std::abs(dx[i] - slope([&](const Doubles& in) { return dot(in, exact(gain)); }, exact(x), i)) < 1e-5);
  }
  for (std::size_t i = 0; i < C; ++i)
    BOOST_TEST(std::abs(dgain[i] - slope([&](const Doubles& g) { return dot(exact(x), g); }, exact(gain), i)) < 1e-5);
}

BOOST_DATA_TEST_CASE(swiglu_has_the_plain_bits, sizes, size) {
  const auto F = static_cast<std::size_t>(size);
  constexpr std::size_t rows = 3;
  Floats both = random_floats(rows * 2 * F, 1, 4);
  both[0] = -1e10f;
  both[2 * F] = 100;
  const Floats dout = random_floats(rows * F, 2);
  const auto in = dense(static_cast<const float*>(both.data()), rows, 2 * F);
  Floats out(rows * F), again(rows * F), dboth(rows * 2 * F);
  plain::swiglu_forward(dense(out.data(), rows, F), in);
  plain::swiglu_backward(dense(dboth.data(), rows, 2 * F), dense(again.data(), rows, F), dense(dout.data(), rows, F),
                         in);
  BOOST_TEST(same_bits(again, out));
  tests::for_each_target([&] {
    Floats found(rows * F), found_again = dout, found_dboth = both;
    const Matrix aliased = dense(found_dboth.data(), rows, 2 * F), through = dense(found_again.data(), rows, F);
    compute::swiglu_forward(dense(found.data(), rows, F), in);
    compute::swiglu_backward(aliased, through, through, aliased);
    BOOST_TEST(same_bits(found, out));
    BOOST_TEST(same_bits(found_again, out));
    BOOST_TEST(same_bits(found_dboth, dboth));
  });
}

BOOST_AUTO_TEST_CASE(swiglu_is_the_function_and_its_slope) {
  const auto swiglu = [](const Doubles& x) { return x[0] / (1 + std::exp(-x[0])) * x[1]; };
  for (float gate = -12; gate < 12; gate += 0.125f) {
    const Floats both = {gate, 1.5f}, dout = {2};
    Floats out(1), dboth(2);
    plain::swiglu_backward(dense(dboth.data(), 1, 2), dense(out.data(), 1, 1), dense(dout.data(), 1, 1),
                           dense(both.data(), 1, 2));
    BOOST_TEST(std::abs(out[0] - swiglu(exact(both))) < 1e-5);
    for (std::size_t i = 0; i < 2; ++i) BOOST_TEST(std::abs(dboth[i] - 2 * slope(swiglu, exact(both), i)) < 1e-5);
  }
}

BOOST_DATA_TEST_CASE(gelu_with_erf_has_the_plain_bits, sizes, size) {
  const auto count = static_cast<std::size_t>(size);
  Floats x = random_floats(count, 1, 2);
  x[0] = -1e10f;
  x[count / 2] = 30;
  const Floats dout = random_floats(count, 2);
  Floats out(count), again(count), dx(count);
  plain::gelu_erf_forward(out, x);
  plain::gelu_erf_backward(dx, again, dout, x);
  BOOST_TEST(same_bits(again, out));
  tests::for_each_target([&] {
    Floats found(count), found_again = x, found_dx = dout;
    compute::gelu_erf_forward(found, x);
    compute::gelu_erf_backward(found_dx, found_again, found_dx, found_again);
    BOOST_TEST(same_bits(found, out));
    BOOST_TEST(same_bits(found_again, out));
    BOOST_TEST(same_bits(found_dx, dx));
  });
}

BOOST_AUTO_TEST_CASE(erf_is_within_an_ulp_of_one_of_the_exact_value) {
  for (float x = -5; x < 5; x += 0x1p-11f)
    BOOST_TEST(std::abs(plain::erf(x) - std::erf(static_cast<double>(x))) < 0x1p-23);
  BOOST_TEST(plain::erf(INFINITY) == 1.0f);
  BOOST_TEST(plain::erf(-INFINITY) == -1.0f);
  BOOST_TEST(std::isnan(plain::erf(NAN)));
}

BOOST_AUTO_TEST_CASE(gelu_with_erf_is_the_function_and_its_slope) {
  const auto gelu = [](const Doubles& x) { return x[0] * (1 + std::erf(x[0] * std::sqrt(0.5))) / 2; };
  for (float x = -12; x < 12; x += 0.0625f) {
    const Floats in = {x}, one = {1};
    Floats out(1), found(1);
    plain::gelu_erf_backward(found, out, one, in);
    BOOST_TEST(std::abs(out[0] - gelu(exact(in))) < 1e-6);
    BOOST_TEST(std::abs(found[0] - slope(gelu, exact(in), 0)) < 1e-5);
  }
}

BOOST_DATA_TEST_CASE(rope_has_the_plain_bits_and_turns_back, boost::unit_test::data::make({1, 2, 3, 8, 12, 16, 31, 32}),
                     pairs) {
  const std::size_t D = 2 * static_cast<std::size_t>(pairs);
  constexpr std::size_t heads = 3, T = 4, rows = 2 * T, first = 2;
  const std::size_t stride = heads * D + 5;
  const Floats x = random_floats(rows * stride, 1);
  const float* table = compute::rope_table({}, D, first + T);
  const auto rotated = [&](auto rotate, Floats values, compute::Turn turn) {
    rotate({values.data(), rows, heads * D, stride}, table, D, T, first, turn);
    return values;
  };
  const Floats there = rotated(plain::rope_rotate, x, compute::Turn::forward);
  const Floats back = rotated(plain::rope_rotate, there, compute::Turn::back);
  for (std::size_t i = 0; i < x.size(); ++i) BOOST_TEST(std::abs(back[i] - x[i]) < 1e-5);
  tests::for_each_target([&] {
    BOOST_TEST(same_bits(rotated(compute::rope_rotate, x, compute::Turn::forward), there));
    BOOST_TEST(same_bits(rotated(compute::rope_rotate, there, compute::Turn::back), back));
  });
}

BOOST_AUTO_TEST_CASE(rope_is_the_rotation_by_the_position_times_the_frequency) {
  constexpr std::size_t D = 8, positions = 300;
  const float* table = compute::rope_table({.theta = 500}, D, positions);
  for (std::size_t position = 0; position < positions; ++position) {
    Floats x = {1, 2, 3, 4, 5, 6, 7, 8};
    const Floats before = x;
    plain::rope_rotate(dense(x.data(), 1, D), table, D, 1, position, compute::Turn::forward);
    for (std::size_t i = 0; i < D / 2; ++i) {
      const double angle = static_cast<double>(position) * std::pow(500.0, -2.0 * static_cast<double>(i) / D);
      const double a = before[i], b = before[D / 2 + i];
      BOOST_TEST(std::abs(x[i] - (a * std::cos(angle) - b * std::sin(angle))) < 2e-4);
      BOOST_TEST(std::abs(x[D / 2 + i] - (b * std::cos(angle) + a * std::sin(angle))) < 2e-4);
    }
  }
}

BOOST_AUTO_TEST_CASE(llama_3_scaling_divides_low_frequencies_and_leaves_high_ones) {
  constexpr std::size_t D = 64;
  const compute::RopeAngles angles{500000, compute::RopeScaling::llama3, 32, 1, 4, 8192};
  const float* table = compute::rope_table(angles, D, 2);
  // Row 1 is at position 1: the angle is the frequency. The settings are those of Llama 3.2 1B.
  for (std::size_t i = 0; i < D / 2; ++i) {
    const double plain_frequency = std::pow(500000.0, -2.0 * static_cast<double>(i) / D);
    const double wave = 2 * 3.14159265358979323846 / plain_frequency;
    double expected = plain_frequency;
    if (wave > 8192.0) {
      expected /= 32;
    } else if (wave >= 8192.0 / 4) {
      const double smooth = (8192.0 / wave - 1) / 3;
      expected *= (1 - smooth) / 32 + smooth;
    }
    BOOST_TEST(std::abs(table[D + D / 2 + i] - std::sin(expected)) <= 2e-7 * std::sin(expected));
  }
  const float* halved = compute::rope_table({.scaling = compute::RopeScaling::linear, .factor = 2}, D, 5);
  const float* whole = compute::rope_table({}, D, 5);
  for (std::size_t i = 0; i < D; ++i) BOOST_TEST(halved[4 * D + i] == whole[2 * D + i]);
}

BOOST_AUTO_TEST_CASE(rope_tables_are_made_once) {
  const compute::RopeAngles angles{.theta = 123};
  BOOST_TEST(compute::rope_table(angles, 4, 10) == compute::rope_table(angles, 4, 10));
  BOOST_TEST(compute::rope_table(angles, 4, 10) != compute::rope_table(angles, 4, 11));
}

BOOST_AUTO_TEST_CASE(the_exponential_in_double_is_that_of_the_library) {
  for (double x = -690; x < 690; x += 0.37) BOOST_TEST(std::abs(compute::exp(x) / std::exp(x) - 1) < 1e-15);
}

BOOST_AUTO_TEST_SUITE_END()
