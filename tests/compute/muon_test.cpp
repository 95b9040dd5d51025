// Muon: the vector form has the bits of the plain one, both do what PyTorch does, and what comes out is orthogonal.

#include "compute/muon.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "compute/product.hpp"
#include "tests/compute/gpt2_fixture.hpp"
#include "tests/compute/optimizer_reference.hpp"
#include "tests/compute/random_floats.hpp"
#include "tests/compute/targets.hpp"

BOOST_AUTO_TEST_SUITE(muon)

using compute::Matrix;
using Floats = std::vector<float>;

struct Extents {
  std::size_t rows, columns;
};
std::ostream& operator<<(std::ostream& out, const Extents& extents) {
  return out << extents.rows << " x " << extents.columns;
}
const std::vector<Extents> shapes = {{1, 1},   {1, 5},    {5, 1},     {3, 16},    {16, 3},    {17, 33},
                                     {64, 64}, {64, 192}, {130, 131}, {150, 129}, {129, 300}, {300, 140}};

/// A matrix that lies in a wider one, as queries, keys and values do.
struct Place {
  std::size_t rows, columns, stride;
  Matrix of(Floats& floats) const { return {floats.data() + 2, rows, columns, stride}; }
};

BOOST_DATA_TEST_CASE(vectors_have_the_plain_bits, boost::unit_test::data::make(shapes), extents) {
  const auto [rows, columns] = extents;
  const Place place{rows, columns, columns + 3};
  const std::size_t count = rows * place.stride + 2;
  const Floats weights = tests::random_floats(count, 1), momentum = tests::random_floats(count, 2);
  Floats gradient = tests::random_floats(count, 3);
  const compute::MuonStep step{.learning_rate = 0.03, .gradient_scale = 0.013f, .clip = 0.7f};

  Floats expected_weights = weights, expected_momentum = momentum;
  compute::plain::muon_update(place.of(expected_weights), place.of(expected_momentum), place.of(gradient), columns,
                              step);
  tests::for_each_target([&] {
    Floats found_weights = weights, found_momentum = momentum;
    tests::Workspace scratch(compute::muon_scratch_floats(rows, columns));
    compute::muon_update(place.of(found_weights), place.of(found_momentum), place.of(gradient), columns, step,
                         scratch.span().data());
    BOOST_TEST(tests::same_bits(found_weights, expected_weights));
    BOOST_TEST(tests::same_bits(found_momentum, expected_momentum));
  });
}

/// As in optimizer_reference.py.
Floats numbers(std::size_t count, unsigned seed) {
  Floats values(count);
  std::uint32_t state = seed;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int>((state >> 16) % 512) - 256) / 256;
  }
  return values;
}

BOOST_AUTO_TEST_CASE(three_steps_are_those_of_pytorch) {
  for (const tests::MuonReference& reference : tests::muon_references) {
    const std::size_t count = reference.outputs * reference.inputs;
    // Ours are also given transposed, (inputs, outputs), as GPT-2 has them.
    for (const bool transposed : {false, true}) {
      const auto as_given = [&](const Floats& floats) {
        if (!transposed) return floats;
        Floats turned(count);
        for (std::size_t i = 0; i < count; ++i)
          turned[i % reference.inputs * reference.outputs + i / reference.inputs] = floats[i];
        return turned;
      };
      const std::size_t rows = transposed ? reference.inputs : reference.outputs, columns = count / rows;
      Floats weights = as_given(numbers(count, reference.seed)), momentum(count);
      for (unsigned step = 0; step < 3; ++step) {
        const Floats gradient = as_given(numbers(count, reference.seed + 1 + step));
        compute::plain::muon_update(compute::dense(weights.data(), rows, columns),
                                    compute::dense(momentum.data(), rows, columns),
                                    compute::dense(gradient.data(), rows, columns), reference.outputs, {});
      }
      const Floats expected = as_given(Floats(reference.weights.begin(), reference.weights.end()));
      for (std::size_t i = 0; i < count; ++i) BOOST_TEST(std::abs(weights[i] - expected[i]) < 2e-6);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_step_is_nearly_orthogonal) {
  constexpr std::size_t rows = 24, columns = 40;
  Floats weights(rows * columns), momentum(rows * columns), gradient = tests::random_floats(rows * columns, 5);
  compute::plain::muon_update(compute::dense(weights.data(), rows, columns),
                              compute::dense(momentum.data(), rows, columns),
                              compute::dense(gradient.data(), rows, columns), rows, {.learning_rate = 1});
  Floats gram(rows * rows);
  compute::plain::multiply(compute::dense(gram.data(), rows, rows), compute::dense(weights.data(), rows, columns),
                           compute::As::stored, compute::dense(weights.data(), rows, columns), compute::As::transposed,
                           nullptr);
  for (std::size_t i = 0; i < rows; ++i) {
    BOOST_TEST(gram[i * rows + i] > 0.4f);
    BOOST_TEST(gram[i * rows + i] < 1.5f);
    for (std::size_t j = 0; j < i; ++j) BOOST_TEST(std::abs(gram[i * rows + j]) < 0.3f);
  }
}

BOOST_AUTO_TEST_CASE(a_gradient_of_zeros_only_decays) {
  Floats weights = {1, -2, 3, 4}, momentum(4), gradient(4);
  compute::plain::muon_update(compute::dense(weights.data(), 2, 2), compute::dense(momentum.data(), 2, 2),
                              compute::dense(gradient.data(), 2, 2), 2, {.learning_rate = 0.5, .weight_decay = 0.5});
  BOOST_TEST(weights == (Floats{0.75f, -1.5f, 2.25f, 3}));
}

BOOST_AUTO_TEST_SUITE_END()
