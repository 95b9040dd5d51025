// Training steps end to end within compute/: the vector path against the plain scalar trainer, bit for bit, and a text
// learnt by heart.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>

#include "compute/adamw.hpp"
#include "tests/compute/gpt2_fixture.hpp"
#include "tests/compute/random_floats.hpp"
#include "tests/compute/scalar_trainer.hpp"
#include "tests/compute/targets.hpp"

BOOST_AUTO_TEST_SUITE(training)

using tests::same_bits;
using Floats = std::vector<float>;

/// The step of the program without its executors: the same tree, written out for up to 12 micro-batches.
struct VectorTrainer {
  compute::Gpt2Shape shape;
  Floats weights, moment1 = Floats(weights.size()), moment2 = Floats(weights.size());

  tests::ScalarStep step(std::span<const compute::TokenRows> micro_batches, compute::AdamWStep adamw, double max_norm) {
    auto total = sum(micro_batches);
    adamw.gradient_scale = static_cast<float>(1.0 / static_cast<double>(total.loss.targets_count));
    std::vector<double> squares((weights.size() + compute::norm_block - 1) / compute::norm_block);
    compute::square_sums(squares, total.gradient, adamw.gradient_scale);
    double squared_norm = 0;
    for (const double square : squares) squared_norm += square;
    const double norm = std::sqrt(squared_norm);
    if (norm > max_norm) adamw.clip = static_cast<float>(max_norm / norm);
    for (const compute::Tensor& tensor : compute::gpt2_tensors(shape)) {
      const auto part = [&tensor](Floats& values) { return std::span(values).subspan(tensor.offset, tensor.count); };
      compute::adamw_update(part(weights), part(moment1), part(moment2), part(total.gradient), tensor.decayed, adamw);
    }
    return {total.loss.nats, static_cast<double>(total.loss.targets_count), norm};
  }

 private:
  tests::LossAndGradient sum(std::span<const compute::TokenRows> micro_batches) const {
    if (micro_batches.size() == 1) return tests::gradient_of(shape, weights, micro_batches.front());
    std::size_t split = 1;
    while (2 * split < micro_batches.size()) split *= 2;
    auto left = sum(micro_batches.first(split));
    const auto right = sum(micro_batches.subspan(split));
    compute::add(left.gradient, left.gradient, right.gradient);
    left.loss.nats += right.loss.nats;
    left.loss.targets_count += right.loss.targets_count;
    return left;
  }
};

BOOST_AUTO_TEST_CASE(the_vector_path_gives_the_weights_of_the_scalar_trainer) {
  const compute::Gpt2Shape shape = {.layers = 2, .heads = 2, .channels = 20, .vocabulary = 29, .positions = 10};
  constexpr std::size_t micro_batches_count = 5, B = 2, T = 9, steps = 3;
  const auto weights = tests::initial_weights(shape, 6);
  const auto step_rows = [&](std::size_t step, std::vector<std::int32_t>& ids) {
    ids = tests::random_ids(micro_batches_count * B * (T + 1), step, shape.vocabulary);
    std::vector<compute::TokenRows> rows;
    for (std::size_t i = 0; i < micro_batches_count; ++i)
      rows.push_back({ids.data() + i * B * (T + 1), B, T, i + 1 == micro_batches_count ? 13 : B * T});
    return rows;
  };
  const auto run = [&](auto& trainer, auto take_step) {
    std::vector<double> reports;
    for (std::size_t step = 1; step <= steps; ++step) {
      std::vector<std::int32_t> ids;
      const auto rows = step_rows(step, ids);
      const compute::AdamWStep adamw{.learning_rate = 1e-2, .weight_decay = 0.2, .step = step};
      const tests::ScalarStep report = take_step(trainer, rows, adamw, 0.05);
      BOOST_TEST(report.norm > 0.05);  // so that clipping is on the path
      reports.insert(reports.end(), {report.nats, report.targets_count, report.norm});
    }
    return reports;
  };
  auto scalar = tests::make_scalar_trainer(shape, weights);
  const auto expected = run(scalar, tests::scalar_step);
  tests::for_each_target([&] {
    VectorTrainer vectors{shape, weights};
    const auto found = run(vectors, [](VectorTrainer& trainer, auto& rows, auto& adamw, double max_norm) {
      return trainer.step(rows, adamw, max_norm);
    });
    BOOST_TEST(found == expected, boost::test_tools::per_element());
    BOOST_TEST(same_bits(vectors.weights, scalar.weights));
    BOOST_TEST(same_bits(vectors.moment1, scalar.moment1));
    BOOST_TEST(same_bits(vectors.moment2, scalar.moment2));
  });
  // The same under any compiler, in debug and release: changes with arithmetic_version only.
  BOOST_TEST(tests::checksum(scalar.weights) == 16825829397650498785u);
}

BOOST_AUTO_TEST_CASE(logits_held_in_pieces_give_the_gradient_of_logits_held_at_once) {
  const compute::Gpt2Shape shape = {.layers = 1, .heads = 1, .channels = 8, .vocabulary = 11, .positions = 300};
  constexpr std::size_t B = 4, T = 300;  // 1,200 tokens: two pieces of 512 and a rest
  const auto weights = tests::random_floats(compute::gpt2_floats(shape), 6, 0.2);
  const auto ids = tests::random_ids(B * (T + 1), 1, shape.vocabulary);
  const compute::TokenRows rows{ids.data(), B, T, 1111};
  const auto expected = tests::scalar_gradient(shape, weights, rows);
  const auto found = tests::gradient_of(shape, weights, rows);
  BOOST_TEST(found.loss.nats == expected.nats);
  BOOST_TEST(same_bits(found.gradient, expected.gradient));
  BOOST_TEST(tests::loss_of(shape, weights, rows).nats == expected.nats);
}

BOOST_AUTO_TEST_CASE(a_block_of_twelve_and_a_thirteenth_are_summed_as_the_tree_says) {
  const compute::Gpt2Shape shape = {.layers = 1, .heads = 1, .channels = 16, .vocabulary = 5, .positions = 3};
  const auto weights = tests::initial_weights(shape, 6);
  const auto ids = tests::random_ids(13 * 4, 1, shape.vocabulary);
  std::vector<compute::TokenRows> rows;
  for (std::size_t i = 0; i < 13; ++i) rows.push_back({ids.data() + i * 4, 1, 3, 3});
  std::vector<double> nats;
  for (const auto& one : rows) nats.push_back(tests::scalar_gradient(shape, weights, one).nats);
  const auto four = [&](std::size_t i) { return (nats[i] + nats[i + 1]) + (nats[i + 2] + nats[i + 3]); };
  auto trainer = tests::make_scalar_trainer(shape, weights);
  const auto step = tests::scalar_step(trainer, rows, {.learning_rate = 1e-3}, 1.0);
  BOOST_TEST(step.nats == ((four(0) + four(4)) + four(8)) + nats[12]);
  BOOST_TEST(step.targets_count == 39.0);
}

BOOST_AUTO_TEST_CASE(a_text_of_64_tokens_is_learnt_by_heart) {
  const std::string text = "the quick brown fox jumps over the lazy dog; then it sleeps, once";
  BOOST_REQUIRE(text.size() >= 65u);
  const std::vector<std::int32_t> ids(text.begin(), text.begin() + 65);
  const compute::Gpt2Shape shape = {.layers = 2, .heads = 2, .channels = 32, .vocabulary = 128, .positions = 64};
  const compute::TokenRows rows{ids.data(), 1, 64, 64};
  VectorTrainer trainer{shape, tests::initial_weights(shape, 1)};
  double loss = 0;
  for (std::uint64_t step = 1; step <= 250; ++step)
    loss = trainer.step({&rows, 1}, {.learning_rate = 3e-3, .weight_decay = 0.01, .step = step}, 1.0).nats / 64;
  BOOST_TEST(loss < 0.05);
}

BOOST_AUTO_TEST_SUITE_END()
