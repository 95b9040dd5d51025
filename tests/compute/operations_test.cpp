// The vector form of every operation but products and attention against its plain form: the same bits for sizes that
// fill vectors and sizes that do not, under every instruction set. What the operations mean is checked as a whole, by
// gpt2_gradient_test.cpp.

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "compute/adamw.hpp"
#include "compute/column_sums.hpp"
#include "compute/embedding.hpp"
#include "compute/gelu.hpp"
#include "compute/layernorm.hpp"
#include "tests/compute/random_floats.hpp"
#include "tests/compute/targets.hpp"
#include "tests/compute/whole_cross_entropy.hpp"

BOOST_AUTO_TEST_SUITE(operations)

using compute::dense;
using tests::random_floats;
using tests::same_bits;
using Floats = std::vector<float>;
namespace plain = compute::plain;

constexpr std::size_t rows = 5;
const auto sizes = boost::unit_test::data::make({1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 48, 64, 100, 129, 257});

BOOST_DATA_TEST_CASE(layernorm_has_the_plain_bits, sizes, size) {
  const auto C = static_cast<std::size_t>(size);
  const Floats x = random_floats(rows * C, 1, 3), gain = random_floats(C, 2), bias = random_floats(C, 3);
  const Floats dout = random_floats(rows * C, 4), there = random_floats(rows * C, 5);
  struct Results {
    Floats out, means, rstds, replaced, added, dgain, dbias;
  };
  const auto run = [&](auto forward, auto backward) {
    Results r{Floats(rows * C), Floats(rows), Floats(rows), Floats(rows * C), there, Floats(C), Floats(C)};
    const auto in = dense(x.data(), rows, C);
    const auto from = dense(dout.data(), rows, C);
    forward(dense(r.out.data(), rows, C), r.means.data(), r.rstds.data(), in, gain.data(), bias.data());
    backward(dense(r.replaced.data(), rows, C), compute::Into::replaced, r.dgain.data(), r.dbias.data(), from, in,
             r.means.data(), r.rstds.data(), gain.data());
    backward(dense(r.added.data(), rows, C), compute::Into::added, r.dgain.data(), r.dbias.data(), from, in,
             r.means.data(), r.rstds.data(), gain.data());
    return r;
  };
  const Results expected = run(plain::layernorm_forward, plain::layernorm_backward);
  tests::for_each_target([&] {
    const Results found = run(compute::layernorm_forward, compute::layernorm_backward);
    BOOST_TEST(same_bits(found.out, expected.out));
    BOOST_TEST(same_bits(found.means, expected.means));
    BOOST_TEST(same_bits(found.rstds, expected.rstds));
    BOOST_TEST(same_bits(found.replaced, expected.replaced));
    BOOST_TEST(same_bits(found.added, expected.added));
    BOOST_TEST(same_bits(found.dgain, expected.dgain));
    BOOST_TEST(same_bits(found.dbias, expected.dbias));
  });
}

BOOST_DATA_TEST_CASE(gelu_has_the_plain_bits, sizes, size) {
  const auto count = static_cast<std::size_t>(size);
  Floats x = random_floats(count, 1, 4);
  x[0] = -1e10f;
  x[count / 2] = 30;
  const Floats dout = random_floats(count, 2);
  Floats out(count), again(count), dx(count);
  plain::gelu_forward(out, x);
  plain::gelu_backward(dx, again, dout, x);
  BOOST_TEST(same_bits(again, out));
  tests::for_each_target([&] {
    Floats found(count), found_again(count), found_dx = dout;
    compute::gelu_forward(found, x);
    compute::gelu_backward(found_dx, found_again, found_dx, x);
    BOOST_TEST(same_bits(found, out));
    BOOST_TEST(same_bits(found_again, out));
    BOOST_TEST(same_bits(found_dx, dx));
  });
}

BOOST_AUTO_TEST_CASE(gelu_is_the_function_and_its_slope) {
  for (float x = -12; x < 12; x += 0.0625f) {
    const auto exact = [](double at) {
      return at / (1 + std::exp(-2 * std::sqrt(2 / 3.14159265358979323846) * (at + 0.044715 * at * at * at)));
    };
    const Floats in = {x}, one = {1};
    Floats out(1), slope(1);
    plain::gelu_backward(slope, out, one, in);
    BOOST_TEST(std::abs(out[0] - exact(x)) < 1e-6);
    BOOST_TEST(std::abs(slope[0] - (exact(x + 1e-5) - exact(x - 1e-5)) / 2e-5) < 1e-5);
  }
}

BOOST_DATA_TEST_CASE(cross_entropy_has_the_plain_bits, sizes, size) {
  const auto V = static_cast<std::size_t>(size);
  const Floats logits = random_floats(rows * V, 1, 5);
  const auto ids = tests::random_ids(rows, 2, V);
  const compute::TokenGrid targets{ids.data(), 1, rows, rows};
  for (const std::size_t count : {rows, rows - 2, std::size_t{0}}) {
    const compute::LossRows all{targets, count, 0};
    Floats expected = logits;
    const double nats = plain::cross_entropy_gradient(0, dense(expected.data(), rows, V), all);
    const auto in = dense(logits.data(), rows, V);
    BOOST_TEST(plain::cross_entropy_loss(0, in, all) == nats);
    tests::for_each_target([&] {
      Floats found = logits;
      BOOST_TEST(tests::cross_entropy_gradient(0, dense(found.data(), rows, V), all) == nats);
      BOOST_TEST(same_bits(found, expected));
      BOOST_TEST(tests::cross_entropy_loss(0, in, all) == nats);
    });
  }
}

BOOST_AUTO_TEST_CASE(cross_entropy_in_pieces_has_the_bits_of_the_whole) {
  constexpr std::size_t V = 19;
  const Floats logits = random_floats(rows * V, 1, 5);
  const auto ids = tests::random_ids(rows, 2, V);
  const compute::TokenGrid targets{ids.data(), 1, rows, rows};
  for (std::size_t count = 0; count <= rows; ++count) {
    Floats whole = logits, pieces = logits;
    const double expected = tests::cross_entropy_gradient(0, dense(whole.data(), rows, V), {targets, count, 0});
    double nats = 0;
    for (std::size_t first = 0; first < rows; first += 2) {
      const std::size_t rows_count = std::min<std::size_t>(2, rows - first);
      nats =
          tests::cross_entropy_gradient(nats, dense(pieces.data() + first * V, rows_count, V), {targets, count, first});
    }
    BOOST_TEST(nats == expected);
    BOOST_TEST(same_bits(pieces, whole));
  }
}

BOOST_DATA_TEST_CASE(embedding_has_the_plain_bits, sizes, size) {
  const auto C = static_cast<std::size_t>(size);
  constexpr std::size_t V = 4, positions = 5, B = 2, T = 3;
  const auto ids = tests::random_ids(B * (T + 1), 1, V);
  const compute::TokenGrid inputs{ids.data(), B, T, T + 1};
  const Floats tokens = random_floats(V * C, 2), places = random_floats(positions * C, 3);
  const Floats dout = random_floats(B * T * C, 4), head = random_floats(V * C, 5);
  struct Results {
    Floats out, dtokens, dpositions;
  };
  const auto run = [&](auto forward, auto backward) {
    Results r{Floats(B * T * C), head, Floats(positions * C, NAN)};
    forward(dense(r.out.data(), B * T, C), dense(tokens.data(), V, C), dense(places.data(), positions, C), inputs, 1);
    backward(dense(r.dtokens.data(), V, C), dense(r.dpositions.data(), positions, C), dense(dout.data(), B * T, C),
             inputs);
    return r;
  };
  const Results expected = run(plain::embedding_forward, plain::embedding_backward);
  tests::for_each_target([&] {
    const Results found = run(compute::embedding_forward, compute::embedding_backward);
    BOOST_TEST(same_bits(found.out, expected.out));
    BOOST_TEST(same_bits(found.dtokens, expected.dtokens));
    BOOST_TEST(same_bits(found.dpositions, expected.dpositions));
  });
}

BOOST_DATA_TEST_CASE(column_sums_have_the_plain_bits, sizes, size) {
  const auto C = static_cast<std::size_t>(size);
  const Floats x = random_floats(rows * (C + 3), 1);
  const compute::ConstMatrix strided{x.data(), rows, C, C + 3};
  Floats expected(C);
  plain::column_sums(expected.data(), strided);
  tests::for_each_target([&] {
    Floats found(C);
    compute::column_sums(found.data(), strided);
    BOOST_TEST(same_bits(found, expected));
  });
}

BOOST_DATA_TEST_CASE(adding_has_the_plain_bits, sizes, size) {
  const auto count = static_cast<std::size_t>(size);
  const Floats a = random_floats(count, 1), b = random_floats(count, 2);
  Floats expected(count);
  plain::add(expected, a, b);
  tests::for_each_target([&] {
    Floats found = a;
    compute::add(found, found, b);
    BOOST_TEST(same_bits(found, expected));
  });
}

const auto lengths = boost::unit_test::data::make({1, 5, 16, 37, 4095, 4096, 4097, 8192, 9999});

BOOST_DATA_TEST_CASE(square_sums_have_the_plain_bits, lengths, length) {
  const auto count = static_cast<std::size_t>(length);
  const Floats gradient = random_floats(count, 1);
  const std::size_t blocks = (count + compute::norm_block - 1) / compute::norm_block;
  std::vector<double> expected(blocks);
  plain::square_sums(expected, gradient, 0.37f);
  double direct = 0;
  for (const float x : gradient) direct += static_cast<double>(x) * x * 0.37 * 0.37;
  double total = 0;
  for (const double sum : expected) total += sum;
  BOOST_TEST(total == direct, boost::test_tools::tolerance(1e-6));
  tests::for_each_target([&] {
    std::vector<double> found(blocks);
    compute::square_sums(found, gradient, 0.37f);
    BOOST_TEST(found == expected, boost::test_tools::per_element());
  });
}

BOOST_DATA_TEST_CASE(adamw_has_the_plain_bits, lengths* boost::unit_test::data::make({false, true}), length, decayed) {
  const auto count = static_cast<std::size_t>(length);
  const Floats weights = random_floats(count, 1), gradient = random_floats(count, 2);
  compute::AdamWStep step{.learning_rate = 3e-3, .gradient_scale = 0.013f, .clip = 0.7f};
  const auto run = [&](auto update) {
    std::array<Floats, 3> state = {weights, Floats(count), Floats(count)};
    for (step.step = 1; step.step <= 3; ++step.step) update(state[0], state[1], state[2], gradient, decayed, step);
    return state;
  };
  const auto expected = run(plain::adamw_update);
  tests::for_each_target([&] {
    const auto found = run(compute::adamw_update);
    for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(same_bits(found[i], expected[i]));
  });
}

BOOST_AUTO_TEST_CASE(adamw_is_the_algorithm_in_double) {
  const Floats start = {0.5f, -2.0f, 0.0f}, gradient = {30.0f, -1e-3f, 0.0f};
  Floats w = start, m(3), v(3);
  double dw[3] = {0.5, -2, 0}, dm[3] = {}, dv[3] = {};
  compute::AdamWStep step{.learning_rate = 1e-2, .gradient_scale = 0.1f, .clip = 0.5f};
  for (step.step = 1; step.step <= 20; ++step.step) {
    plain::adamw_update(w, m, v, gradient, true, step);
    for (std::size_t i = 0; i < 3; ++i) {
      const double g = gradient[i] * 0.05;
      dm[i] = 0.9 * dm[i] + 0.1 * g;
      dv[i] = 0.95 * dv[i] + 0.05 * g * g;
      const double n = static_cast<double>(step.step);
      dw[i] -=
          1e-2 * (dm[i] / (1 - std::pow(0.9, n)) / (std::sqrt(dv[i] / (1 - std::pow(0.95, n))) + 1e-8) + 0.1 * dw[i]);
      BOOST_TEST(std::abs(w[i] - dw[i]) < 1e-5);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
