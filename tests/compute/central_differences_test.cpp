// The backward passes of single operations against central differences of their forward pass in double. Those of
// activations, of the loss' further terms and of attention stand beside what else is tested of them:
// operations_test.cpp, llama_operations_test.cpp, objective_test.cpp, attention_test.cpp.

#include "tests/compute/central_differences.hpp"

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <ostream>
#include <vector>

#include "compute/column_sums.hpp"
#include "compute/dropout.hpp"
#include "compute/embedding.hpp"
#include "compute/layernorm.hpp"
#include "compute/product.hpp"
#include "tests/compute/random_floats.hpp"
#include "tests/compute/whole_cross_entropy.hpp"

BOOST_AUTO_TEST_SUITE(central_differences)

using compute::As;
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

Doubles layernorm(const Doubles& x, const Doubles& gain, const Doubles& bias) {
  const std::size_t C = gain.size();
  Doubles out(x.size());
  for (std::size_t row = 0; row < x.size(); row += C) {
    double mean = 0, variance = 0;
    for (std::size_t c = 0; c < C; ++c) mean += x[row + c] / static_cast<double>(C);
    for (std::size_t c = 0; c < C; ++c) variance += std::pow(x[row + c] - mean, 2) / static_cast<double>(C);
    for (std::size_t c = 0; c < C; ++c)
      out[row + c] = (x[row + c] - mean) / std::sqrt(variance + 1e-5) * gain[c] + bias[c];
  }
  return out;
}

BOOST_DATA_TEST_CASE(layernorms_gradients_are_central_differences, data::make(differences_sizes), size) {
  const auto [rows, C] = size;
  const Floats x = random_floats(rows * C, 1, 2), gain = random_floats(C, 2), bias = random_floats(C, 3);
  const Floats dout = random_floats(rows * C, 4), there = random_floats(rows * C, 5);
  const auto matrix = [&](auto& values) { return dense(values.data(), size.rows, size.columns); };
  Floats out(rows * C, unwritten), means(rows), rstds(rows);
  compute::layernorm_forward(matrix(out), means.data(), rstds.data(), matrix(x), gain.data(), bias.data());
  check_near("out", out, layernorm(exact(x), exact(gain), exact(bias)));

  const auto loss = [&](const Doubles& in, const Doubles& gains, const Doubles& biases) {
    return weighted(layernorm(in, gains, biases), dout);
  };
  const Doubles dx = slopes(x, [&](const Doubles& in) { return loss(in, exact(gain), exact(bias)); });
  const Doubles dgain = slopes(gain, [&](const Doubles& gains) { return loss(exact(x), gains, exact(bias)); });
  const Doubles dbias = slopes(bias, [&](const Doubles& biases) { return loss(exact(x), exact(gain), biases); });
  for (const Into into : {Into::replaced, Into::added}) {
    Floats found = into == Into::added ? there : Floats(rows * C, unwritten);
    Floats found_gain(C, unwritten), found_bias(C, unwritten);
    compute::layernorm_backward(matrix(found), into, found_gain.data(), found_bias.data(), matrix(dout), matrix(x),
                                means.data(), rstds.data(), gain.data());
    check_added("dx", found, into == Into::added ? there : Floats(rows * C), dx);
    check_near("dgain", found_gain, dgain);
    check_near("dbias", found_bias, dbias);
  }
}

/// x weight + bias; weight: (inputs, outputs).
Doubles linear(const Doubles& x, const Doubles& weight, const Doubles& bias) {
  const std::size_t outputs = bias.size(), inputs = weight.size() / outputs, rows = x.size() / inputs;
  Doubles out(rows * outputs);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = bias[i % outputs];
    for (std::size_t k = 0; k < inputs; ++k) out[i] += x[i / outputs * inputs + k] * weight[k * outputs + i % outputs];
  }
  return out;
}

BOOST_DATA_TEST_CASE(a_linear_layers_gradients_are_central_differences,
                     data::make(differences_sizes) * data::make({5, 18}), size, outputs_count) {
  const auto [rows, inputs] = size;
  const auto outputs = static_cast<std::size_t>(outputs_count);
  const Floats x = random_floats(rows * inputs, 1), weight = random_floats(inputs * outputs, 2);
  const Floats bias = random_floats(outputs, 3), dout = random_floats(rows * outputs, 4);
  Floats scratch(compute::product_scratch_floats), out(rows * outputs, unwritten);
  Floats dx(x.size(), unwritten), dweight(weight.size(), unwritten), dbias(outputs, unwritten);
  const auto from = dense(dout.data(), rows, outputs), in = dense(x.data(), rows, inputs);
  const auto weights = dense(weight.data(), inputs, outputs);
  compute::multiply(dense(out.data(), rows, outputs), in, As::stored, weights, As::stored, bias.data(), scratch.data());
  check_near("out", out, linear(exact(x), exact(weight), exact(bias)));

  compute::multiply(dense(dx.data(), rows, inputs), from, As::stored, weights, As::transposed, nullptr, scratch.data());
  compute::multiply(dense(dweight.data(), inputs, outputs), in, As::transposed, from, As::stored, nullptr,
                    scratch.data());
  compute::column_sums(dbias.data(), from);
  const auto loss = [&](const Doubles& values, const Doubles& matrix, const Doubles& biases) {
    return weighted(linear(values, matrix, biases), dout);
  };
  check_near("dx", dx, slopes(x, [&](const Doubles& values) { return loss(values, exact(weight), exact(bias)); }));
  check_near("dweight", dweight,
             slopes(weight, [&](const Doubles& matrix) { return loss(exact(x), matrix, exact(bias)); }));
  check_near("dbias", dbias,
             slopes(bias, [&](const Doubles& biases) { return loss(exact(x), exact(weight), biases); }));
}

/// positions: of the table, more than T, or none.
struct EmbeddingSize {
  std::size_t V, positions, B, T, C;
};

std::ostream& operator<<(std::ostream& out, const EmbeddingSize& size) {
  return out << "V " << size.V << " positions " << size.positions << " B " << size.B << " T " << size.T << " C "
             << size.C;
}

const std::vector<EmbeddingSize> embeddings = {{3, 2, 1, 1, 1},  {4, 5, 2, 3, 7},  {11, 6, 3, 6, 17},
                                               {5, 0, 2, 9, 33}, {2, 9, 5, 8, 31}, {40, 3, 1, 2, 16}};

BOOST_DATA_TEST_CASE(embeddings_gradients_are_central_differences, data::make(embeddings), size) {
  const auto [V, positions, B, T, C] = size;
  const auto ids = tests::random_ids(B * (T + 1), 1, V);
  const compute::TokenGrid inputs{ids.data(), B, T, T + 1};
  const Floats tokens = random_floats(V * C, 2), places = random_floats(positions * C, 3);
  const Floats dout = random_floats(B * T * C, 4), head = random_floats(V * C, 5);
  const auto embedded = [&](const Doubles& token_table, const Doubles& place_table) {
    Doubles out(size.B * size.T * size.C);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t c = i % size.C, t = i / size.C % size.T, b = i / size.C / size.T;
      out[i] = token_table[static_cast<std::size_t>(ids[b * (size.T + 1) + t]) * size.C + c];
      if (size.positions > 0) out[i] += place_table[t * size.C + c];
    }
    return out;
  };
  Floats out(B * T * C, unwritten), dtokens = head;
  Floats dplaces(std::max<std::size_t>(positions, 1) * C, unwritten);  // never nullptr: offsets are added to it
  compute::embedding_forward(dense(out.data(), B * T, C), dense(tokens.data(), V, C),
                             dense(places.data(), positions, C), inputs, 0);
  check_near("out", out, embedded(exact(tokens), exact(places)));
  compute::embedding_backward(dense(dtokens.data(), V, C), dense(dplaces.data(), positions, C),
                              dense(dout.data(), B * T, C), inputs);
  check_added("dtokens", dtokens, head,
              slopes(tokens, [&](const Doubles& table) { return weighted(embedded(table, exact(places)), dout); }));
  if (positions == 0) return;
  check_near("dpositions", dplaces,
             slopes(places, [&](const Doubles& table) { return weighted(embedded(exact(tokens), table), dout); }));
}

// With label smoothing and the loss on the partition function: objective_test.cpp.
BOOST_DATA_TEST_CASE(the_cross_entropys_gradient_is_the_central_difference, data::make(differences_sizes), size) {
  const auto [rows, V] = size;
  const std::size_t counting = (rows + 1) / 2;  // the targets of the other rows are masked
  const Floats logits = random_floats(rows * V, 1, 3);
  const auto ids = tests::random_ids(rows, 2, V);
  const auto loss = [&](const Doubles& x) {
    double nats = 0;
    for (std::size_t row = 0; row < counting; ++row) {
      double sum = 0;
      for (std::size_t i = 0; i < size.columns; ++i) sum += std::exp(x[row * size.columns + i]);
      nats += std::log(sum) - x[row * size.columns + static_cast<std::size_t>(ids[row])];
    }
    return nats;
  };
  Floats gradient = logits;
  const double nats =
      tests::cross_entropy_gradient(0, dense(gradient.data(), rows, V), {{ids.data(), 1, rows, rows}, counting, 0});
  BOOST_TEST(std::abs(nats - loss(exact(logits))) < 1e-5);
  check_near("dlogits", gradient, slopes(logits, loss));
}

BOOST_DATA_TEST_CASE(dropouts_gradient_is_the_central_difference,
                     data::make({15, 33, 64, 65, 200}) * data::make({0.1f, 0.5f, 0.7f}), size, rate) {
  const auto count = static_cast<std::size_t>(size);
  const compute::Dropout how{.rate = rate, .seed = 5, .step = 3, .micro_batch = 2};
  const Floats x = random_floats(count, 1), dout = random_floats(count, 2);
  Floats out(count, unwritten), dx = dout;
  compute::dropout(out.data(), x.data(), count, how, 9);
  compute::dropout(dx.data(), dx.data(), count, how, 9);
  // The forward pass says which elements are kept; the backward pass has to find the same ones.
  const auto dropped = [&](Doubles values) {
    for (std::size_t i = 0; i < count; ++i) values[i] = out[i] == 0 ? 0 : values[i] / (1 - static_cast<double>(rate));
    return values;
  };
  check_near("out", out, dropped(exact(x)));
  check_near("dx", dx, slopes(x, [&](const Doubles& values) { return weighted(dropped(values), dout); }));
}

BOOST_AUTO_TEST_SUITE_END()
