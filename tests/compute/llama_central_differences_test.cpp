// The backward passes of the Llama family's operations that only whole models would check otherwise: what RMSNorm adds,
// the turn back, and both together on queries and keys. llama_operations_test.cpp has the other ones.

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <ostream>
#include <vector>

#include "compute/gpt2_parts.hpp"
#include "compute/rmsnorm.hpp"
#include "compute/rope.hpp"
#include "tests/compute/central_differences.hpp"
#include "tests/compute/gpt2_fixture.hpp"
#include "tests/compute/random_floats.hpp"

BOOST_AUTO_TEST_SUITE(llama_central_differences)

using compute::dense;
using compute::Into;
using tests::check_added;
using tests::check_near;
using tests::differences_sizes;
using tests::Doubles;
using tests::exact;
using tests::random_floats;
using tests::slopes;
using tests::unwritten;
using tests::weighted;
using Floats = std::vector<float>;
namespace data = boost::unit_test::data;

Doubles rmsnorm(const Doubles& x, const Doubles& gain, float epsilon) {
  const std::size_t C = gain.size();
  Doubles out(x.size());
  for (std::size_t row = 0; row < x.size(); row += C) {
    double squares = 0;
    for (std::size_t c = 0; c < C; ++c) squares += x[row + c] * x[row + c] / static_cast<double>(C);
    for (std::size_t c = 0; c < C; ++c)
      out[row + c] = x[row + c] / std::sqrt(squares + static_cast<double>(epsilon)) * gain[c];
  }
  return out;
}

// What replaces is checked in llama_operations_test.cpp, and what is replaced where it lies with the norms of heads.
BOOST_DATA_TEST_CASE(what_rmsnorm_adds_to_gradients_are_central_differences, data::make(differences_sizes), size) {
  const auto [rows, C] = size;
  constexpr float epsilon = 1e-6f;
  const Floats x = random_floats(rows * C, 1, 2), gain = random_floats(C, 2), dout = random_floats(rows * C, 3);
  const Floats there = random_floats(rows * C, 4), gain_there = random_floats(C, 5);
  const auto matrix = [&](auto& values) { return dense(values.data(), size.rows, size.columns); };
  Floats out(rows * C, unwritten), rstds(rows), dx = there, dgain = gain_there;
  compute::rmsnorm_forward(matrix(out), rstds.data(), matrix(x), gain.data(), epsilon);
  check_near("out", out, rmsnorm(exact(x), exact(gain), epsilon));
  compute::rmsnorm_backward(matrix(dx), Into::added, dgain.data(), Into::added, matrix(dout), matrix(x), rstds.data(),
                            gain.data());
  const auto loss = [&](const Doubles& in, const Doubles& gains) {
    return weighted(rmsnorm(in, gains, epsilon), dout);
  };
  check_added("dx", dx, there, slopes(x, [&](const Doubles& in) { return loss(in, exact(gain)); }));
  check_added("dgain", dgain, gain_there, slopes(gain, [&](const Doubles& gains) { return loss(exact(x), gains); }));
}

constexpr double theta = 50;

/// Turns a head of D channels at x to where a position puts it.
void turn(double* x, std::size_t D, std::size_t position) {
  for (std::size_t i = 0; i < D / 2; ++i) {
    const double exponent = -2 * static_cast<double>(i) / static_cast<double>(D);
    const double angle = static_cast<double>(position) * std::pow(theta, exponent);
    const double a = x[i], b = x[D / 2 + i];
    x[i] = a * std::cos(angle) - b * std::sin(angle);
    x[D / 2 + i] = b * std::cos(angle) + a * std::sin(angle);
  }
}

/// Heads of keys and of values: a divisor of heads.
struct HeadsSize {
  std::size_t heads, kv_heads, D, B, T;
};

std::ostream& operator<<(std::ostream& out, const HeadsSize& size) {
  return out << "heads " << size.heads << " kv " << size.kv_heads << " D " << size.D << " B " << size.B << " T "
             << size.T;
}

const std::vector<HeadsSize> heads_sizes = {{1, 1, 2, 1, 3}, {3, 1, 6, 2, 5}, {2, 2, 10, 1, 7}, {4, 2, 34, 1, 2}};

BOOST_DATA_TEST_CASE(ropes_gradient_is_the_central_difference, data::make(heads_sizes) * data::make({0, 11}), size,
                     first_position) {
  const auto [heads, kv_heads, D, B, T] = size;
  const auto first = static_cast<std::size_t>(first_position);
  const std::size_t columns = heads * D, stride = columns + 3, rows = B * T;
  const Floats x = random_floats(rows * stride, 1), dout = random_floats(rows * stride, 2);
  const float* table = compute::rope_table({.theta = theta}, D, first + T);
  Floats out = x, dx = dout;
  compute::rope_rotate({out.data(), rows, columns, stride}, table, D, T, first, compute::Turn::forward);
  compute::rope_rotate({dx.data(), rows, columns, stride}, table, D, T, first, compute::Turn::back);
  const auto turned = [&](Doubles values) {
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t head = 0; head < size.heads; ++head)
        turn(values.data() + row * stride + head * size.D, size.D, first + row % size.T);
    }
    return values;
  };
  check_near("out", out, turned(exact(x)));
  check_near("dx", dx, slopes(x, [&](const Doubles& values) { return weighted(turned(values), dout); }));
}

BOOST_DATA_TEST_CASE(the_gradients_of_queries_and_keys_before_norms_and_turns_are_central_differences,
                     data::make(heads_sizes), size) {
  const auto [heads, kv_heads, D, B, T] = size;
  compute::ModelShape shape{.layers = 1, .heads = heads, .channels = 5, .vocabulary = 3, .positions = T};
  shape.position_kind = compute::Positions::rotary;
  shape.rope.theta = theta;
  shape.kv_heads = kv_heads;
  shape.own_head_size = D;
  shape.qk_norm = true;
  const std::size_t rows = B * T, columns = shape.qkv_channels();
  const Floats x = random_floats(rows * columns, 1), dout = random_floats(rows * columns, 2);
  const Floats q_gain = random_floats(D, 3), k_gain = random_floats(D, 4);
  tests::Workspace memory(compute::gpt2_workspace_floats(shape, B, T));
  const compute::Gpt2Workspace space =
      compute::gpt2_workspace(shape, B, T, compute::Gpt2Pass::gradient, memory.span().data());
  float* const qkv = space.qkv.of(0);
  std::copy(x.begin(), x.end(), qkv);
  const compute::TokenSpan all{0, rows, T, 0};
  compute::place_queries_and_keys(shape, 0, all, q_gain.data(), k_gain.data(), space);
  Floats dqkv = dout, dq_gain(D, unwritten), dk_gain(D, unwritten);
  compute::place_queries_and_keys_backward(shape, 0, all, dense(dqkv.data(), rows, columns), q_gain.data(),
                                           k_gain.data(), dq_gain.data(), dk_gain.data(), space);

  // Values pass as they are.
  const auto placed = [&](Doubles values, const Doubles& q_gains, const Doubles& k_gains) {
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t head = 0; head < size.heads + size.kv_heads; ++head) {
        const auto at = values.begin() + static_cast<std::ptrdiff_t>(row * columns + head * size.D);
        const Doubles one(at, at + static_cast<std::ptrdiff_t>(size.D));
        Doubles normed = rmsnorm(one, head < size.heads ? q_gains : k_gains, shape.norm_epsilon);
        turn(normed.data(), size.D, row % size.T);
        std::copy(normed.begin(), normed.end(), at);
      }
    }
    return values;
  };
  check_near("qkv", Floats(qkv, qkv + x.size()), placed(exact(x), exact(q_gain), exact(k_gain)));
  const auto loss = [&](const Doubles& values, const Doubles& q_gains, const Doubles& k_gains) {
    return weighted(placed(values, q_gains, k_gains), dout);
  };
  check_near("dqkv", dqkv, slopes(x, [&](const Doubles& in) { return loss(in, exact(q_gain), exact(k_gain)); }));
  check_near("dq_gain", dq_gain, slopes(q_gain, [&](const Doubles& g) { return loss(exact(x), g, exact(k_gain)); }));
  check_near("dk_gain", dk_gain, slopes(k_gain, [&](const Doubles& g) { return loss(exact(x), exact(q_gain), g); }));
}

BOOST_AUTO_TEST_SUITE_END()
