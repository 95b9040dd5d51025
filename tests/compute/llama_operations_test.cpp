// The operations of the Llama family: the vector form of each has the bits of its plain form, and the plain form is the
// function and its slope, against double precision.

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <vector>

#include "compute/rmsnorm.hpp"
#include "tests/compute/random_floats.hpp"
#include "tests/compute/targets.hpp"

BOOST_AUTO_TEST_SUITE(llama_operations)

using compute::dense;
using compute::Into;
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

BOOST_AUTO_TEST_SUITE_END()
