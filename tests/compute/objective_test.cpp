// What training may add: dropout, label smoothing, the loss on the partition function, recomputation.

#include "compute/objective.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "compute/dropout.hpp"
#include "tests/compute/gpt2_fixture.hpp"
#include "tests/compute/optimizer_reference.hpp"
#include "tests/compute/random_floats.hpp"
#include "tests/compute/targets.hpp"
#include "tests/compute/whole_cross_entropy.hpp"

BOOST_AUTO_TEST_SUITE(objective)

using compute::Dropout;
using compute::LossTerms;
using tests::same_bits;
using Floats = std::vector<float>;

Floats dropped(const Floats& x, const Dropout& how, std::uint32_t place = 3) {
  Floats out(x.size());
  compute::dropout(out.data(), x.data(), x.size(), how, place);
  return out;
}

BOOST_DATA_TEST_CASE(dropout_has_the_plain_bits, boost::unit_test::data::make({1, 15, 16, 17, 63, 64, 65, 200, 1000}),
                     size) {
  const Floats x = tests::random_floats(static_cast<std::size_t>(size), 1);
  const Dropout how{.rate = 0.3f, .seed = 0x123456789abcdef0, .step = 7, .micro_batch = 11};
  Floats expected(x.size());
  compute::plain::dropout(expected.data(), x.data(), x.size(), how, 3);
  tests::for_each_target([&] {
    BOOST_TEST(same_bits(dropped(x, how), expected));
    Floats in_place = x;
    compute::dropout(in_place.data(), in_place.data(), x.size(), how, 3);
    BOOST_TEST(same_bits(in_place, expected));
  });
}

BOOST_AUTO_TEST_CASE(dropout_zeroes_its_share_and_keeps_the_mean) {
  const Floats ones(100'000, 1.0f);
  for (const float rate : {0.1f, 0.5f, 0.9f}) {
    double sum = 0, zeros = 0;
    for (const float value : dropped(ones, {.rate = rate, .seed = 5})) {
      sum += value;
      zeros += value == 0;
    }
    BOOST_TEST(std::abs(zeros / 1e5 - static_cast<double>(rate)) < 0.006);
    BOOST_TEST(std::abs(sum / 1e5 - 1) < 0.03);
  }
}

BOOST_AUTO_TEST_CASE(dropouts_of_other_seeds_steps_batches_and_places_are_independent) {
  const Floats ones(10'000, 1.0f);
  const Floats one = dropped(ones, {.rate = 0.5f, .seed = 5, .step = 1, .micro_batch = 2}, 3);
  const std::vector<Floats> others = {dropped(ones, {.rate = 0.5f, .seed = 6, .step = 1, .micro_batch = 2}, 3),
                                      dropped(ones, {.rate = 0.5f, .seed = 5, .step = 2, .micro_batch = 2}, 3),
                                      dropped(ones, {.rate = 0.5f, .seed = 5, .step = 1, .micro_batch = 1}, 3),
                                      dropped(ones, {.rate = 0.5f, .seed = 5, .step = 1, .micro_batch = 2}, 4)};
  for (const Floats& other : others) {
    double both = 0;
    for (std::size_t i = 0; i < ones.size(); ++i) both += one[i] != 0 && other[i] != 0;
    BOOST_TEST(std::abs(both / 1e4 - 0.25) < 0.02);
  }
}

/// In double: what LossTerms says, of one row.
double objective_of(const std::vector<double>& x, std::size_t target, const LossTerms& terms) {
  double sum = 0, mean = 0;
  for (const double value : x) {
    sum += std::exp(value);
    mean += value / static_cast<double>(x.size());
  }
  const double log_z = std::log(sum), smoothing = terms.label_smoothing;
  return (1 - smoothing) * (log_z - x[target]) + smoothing * (log_z - mean) + terms.z_loss * log_z * log_z;
}

constexpr LossTerms all_terms[] = {{0.1f, 0}, {0, 0.01f}, {0.2f, 0.3f}};

BOOST_AUTO_TEST_CASE(the_terms_gradient_is_that_of_central_differences) {
  constexpr std::size_t rows = 3, V = 21;
  const Floats logits = tests::random_floats(rows * V, 1, 2);
  const auto ids = tests::random_ids(rows, 2, V);
  const compute::TokenGrid targets{ids.data(), 1, rows, rows};
  for (const LossTerms& terms : all_terms) {
    Floats gradient = logits;
    compute::plain::cross_entropy_gradient(0, compute::dense(gradient.data(), rows, V), {targets, rows, 0, terms});
    for (std::size_t row = 0; row < rows; ++row) {
      std::vector<double> x(logits.begin() + static_cast<std::ptrdiff_t>(row * V),
                            logits.begin() + static_cast<std::ptrdiff_t>((row + 1) * V));
      for (std::size_t i = 0; i < V; ++i) {
        constexpr double h = 1e-5;
        const double middle = x[i];
        x[i] = middle + h;
        const double above = objective_of(x, targets.token(row), terms);
        x[i] = middle - h;
        const double below = objective_of(x, targets.token(row), terms);
        x[i] = middle;
        BOOST_TEST(std::abs((above - below) / (2 * h) - gradient[row * V + i]) < 3e-6);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(label_smoothing_is_that_of_pytorch) {
  const tests::SmoothingReference& reference = tests::smoothing_reference;
  Floats gradient(reference.logits.begin(), reference.logits.end());
  const std::size_t rows = reference.targets.size(), V = gradient.size() / rows;
  tests::cross_entropy_gradient(0, compute::dense(gradient.data(), rows, V),
                                {{reference.targets.data(), 1, rows, rows}, rows, 0, {0.1f, 0}});
  for (std::size_t i = 0; i < gradient.size(); ++i) BOOST_TEST(std::abs(gradient[i] - reference.gradient[i]) < 1e-6);
}

BOOST_AUTO_TEST_CASE(the_terms_have_the_plain_bits_and_leave_the_loss) {
  constexpr std::size_t rows = 4;
  for (const std::size_t V : {1, 16, 19, 130}) {
    const Floats logits = tests::random_floats(rows * V, 1, 3);
    const auto ids = tests::random_ids(rows, 2, V);
    const compute::TokenGrid targets{ids.data(), 1, rows, rows};
    const double loss = tests::cross_entropy_loss(0, compute::dense(logits.data(), rows, V), {targets, 3, 0});
    for (const LossTerms& terms : all_terms) {
      Floats expected = logits;
      BOOST_TEST(compute::plain::cross_entropy_gradient(0, compute::dense(expected.data(), rows, V),
                                                        {targets, 3, 0, terms}) == loss);
      tests::for_each_target([&] {
        Floats found = logits;
        tests::cross_entropy_gradient(0, compute::dense(found.data(), rows, V), {targets, 3, 0, terms});
        BOOST_TEST(same_bits(found, expected));
      });
    }
  }
}

constexpr compute::Gpt2Shape small{.layers = 3, .heads = 3, .channels = 24, .vocabulary = 37, .positions = 20};
constexpr std::size_t B = 2, T = 19;

struct Pass {
  double nats;
  Floats gradient;
};

Pass pass(const Floats& weights, const compute::Objective& objective,
          compute::Activations activations = compute::Activations::kept) {
  const auto ids = tests::random_ids(B * (T + 1), 1, small.vocabulary);
  tests::Workspace workspace(compute::gpt2_workspace_floats(small, B, T, activations));
  Pass result{0, Floats(weights.size(), -3e33f)};
  result.nats = compute::gpt2_gradient(result.gradient, small, weights, {ids.data(), B, T, B * T}, workspace.span(),
                                       objective, activations)
                    .nats;
  return result;
}

BOOST_AUTO_TEST_CASE(recomputed_activations_give_the_same_bits_in_less_memory) {
  const Floats weights = tests::random_floats(compute::gpt2_floats(small), 3, 0.2);
  for (const float rate : {0.0f, 0.2f}) {
    const compute::Objective objective{{0.1f, 1e-3f}, {.rate = rate, .seed = 4, .step = 2, .micro_batch = 1}};
    const Pass kept = pass(weights, objective);
    const Pass recomputed = pass(weights, objective, compute::Activations::recomputed);
    BOOST_TEST(recomputed.nats == kept.nats);
    BOOST_TEST(same_bits(recomputed.gradient, kept.gradient));
  }
  BOOST_TEST(compute::gpt2_workspace_floats({12, 12, 768, 50257, 256}, 4, 256, compute::Activations::recomputed) <
             0.6 * static_cast<double>(compute::gpt2_workspace_floats({12, 12, 768, 50257, 256}, 4, 256)));
}

BOOST_AUTO_TEST_CASE(dropouts_gradient_is_that_of_the_loss_it_makes) {
  const Floats weights = tests::random_floats(compute::gpt2_floats(small), 3, 0.2);
  const compute::Objective objective{{}, {.rate = 0.3f, .seed = 4, .step = 2, .micro_batch = 1}};
  const Pass middle = pass(weights, objective);
  BOOST_TEST(middle.nats != pass(weights, {}).nats);
  // Each tensor by itself, along its own gradient: the difference of two losses is then as large as it can be.
  for (const compute::Tensor& tensor : compute::gpt2_tensors(small)) {
    double squares = 0;
    for (std::size_t i = tensor.offset; i < tensor.offset + tensor.count; ++i)
      squares += static_cast<double>(middle.gradient[i]) * static_cast<double>(middle.gradient[i]);
    if (squares < 1e-6) continue;  // biases of keys change nothing
    const double h = 0.02 / std::sqrt(squares);
    const auto moved = [&](double by) {
      Floats there = weights;
      for (std::size_t i = tensor.offset; i < tensor.offset + tensor.count; ++i)
        there[i] += static_cast<float>(by * static_cast<double>(middle.gradient[i]));
      return pass(there, objective).nats;
    };
    const double slope = (moved(h) - moved(-h)) / (2 * h);
    BOOST_TEST_CONTEXT(tensor.name) BOOST_TEST(std::abs(slope / squares - 1) < 0.02);
  }
}

BOOST_AUTO_TEST_SUITE_END()
