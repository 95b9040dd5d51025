// GPT-2 with attention that stops at document borders.

#include <boost/test/unit_test.hpp>
#include <vector>

#include "compute/documents.hpp"
#include "compute/gpt2_forward.hpp"
#include "compute/product.hpp"
#include "tests/compute/gpt2_fixture.hpp"
#include "tests/compute/random_documents.hpp"
#include "tests/compute/random_floats.hpp"
#include "tests/compute/scalar_trainer.hpp"
#include "tests/compute/targets.hpp"
#include "tests/compute/whole_cross_entropy.hpp"

BOOST_AUTO_TEST_SUITE(gpt2_documents)

using Floats = std::vector<float>;

constexpr compute::Gpt2Shape shape = {.layers = 2, .heads = 3, .channels = 18, .vocabulary = 37, .positions = 90};
constexpr std::int32_t end_of_text = 36;

/// One row: the rest of one document, then another from `border` on.
struct TwoDocuments {
  static constexpr std::size_t T = 90, border = 37;

  Floats weights = tests::random_floats(compute::gpt2_floats(shape), 3, 0.3);
  std::vector<std::int32_t> ids = tests::random_ids(T + 1, 1, end_of_text);
  std::vector<std::uint32_t> first = std::vector<std::uint32_t>(T);
  compute::TokenRows rows{ids.data(), 1, T, T, first.data()};

  TwoDocuments() {
    ids[border] = end_of_text;
    compute::document_firsts(first, ids, 1, T, end_of_text);
  }
  void change_ids(std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) ids[t] = (ids[t] + 1) % end_of_text;
  }
  /// The loss of each target.
  std::vector<double> losses() const {
    const compute::Gpt2Model model{shape, compute::gpt2_layout(shape), weights.data(), compute::PackedLayout(shape),
                                   nullptr};
    tests::Workspace memory(compute::gpt2_forward_workspace_floats(shape, 1, T));
    const auto space = compute::gpt2_workspace(shape, 1, T, compute::Gpt2Pass::loss, memory.span().data());
    compute::gpt2_forward(model, compute::gpt2_inputs(rows), rows.document_first, space);
    Floats logits(T * shape.vocabulary);
    const auto table = compute::dense(weights.data() + model.layout.token_embedding, shape.vocabulary, shape.channels);
    compute::multiply(compute::dense(logits.data(), T, shape.vocabulary),
                      compute::dense(space.normed, T, shape.channels), compute::As::stored, table,
                      compute::As::transposed, nullptr, space.scratch);
    std::vector<double> losses;
    for (std::size_t t = 0; t < T; ++t) {
      const auto row = compute::dense(logits.data() + t * shape.vocabulary, 1, shape.vocabulary);
      losses.push_back(tests::cross_entropy_loss(0, row, {compute::gpt2_targets(rows), T, t}));
    }
    return losses;
  }
  /// What flows into the embeddings of positions [begin, end), and into no others.
  Floats position_gradient(std::size_t begin, std::size_t end) const {
    const Floats gradient = tests::gradient_of(shape, weights, rows).gradient;
    const float* table = gradient.data() + compute::gpt2_layout(shape).position_embedding;
    return Floats(table + begin * shape.channels, table + end * shape.channels);
  }
};

BOOST_FIXTURE_TEST_CASE(each_targets_loss_adds_up_to_the_loss, TwoDocuments) {
  double nats = 0;
  for (const double loss : losses()) nats += loss;
  BOOST_TEST(tests::loss_of(shape, weights, rows).nats == nats);
  BOOST_TEST(tests::gradient_of(shape, weights, rows).loss.nats == nats);
}

BOOST_FIXTURE_TEST_CASE(other_tokens_of_the_first_document_change_nothing_of_the_second, TwoDocuments) {
  const auto losses_before = losses();
  const Floats gradient_before = position_gradient(border, T);
  change_ids(0, border);
  const auto losses_after = losses();
  for (std::size_t t = border; t < T; ++t) BOOST_TEST(losses_after[t] == losses_before[t]);
  for (std::size_t t = 0; t + 1 < border; ++t) BOOST_TEST(losses_after[t] != losses_before[t]);
  BOOST_TEST(tests::same_bits(position_gradient(border, T), gradient_before));
}

BOOST_FIXTURE_TEST_CASE(no_gradient_flows_from_the_second_document_to_the_first, TwoDocuments) {
  const Floats before = position_gradient(0, border);
  change_ids(border + 1, T);
  BOOST_TEST(tests::same_bits(position_gradient(0, border), before));
}

BOOST_FIXTURE_TEST_CASE(without_the_mask_both_happens, TwoDocuments) {
  rows.document_first = nullptr;
  const auto losses_before = losses();
  const Floats gradient_before = position_gradient(0, border);
  change_ids(border + 1, T);
  BOOST_TEST(!tests::same_bits(position_gradient(0, border), gradient_before));
  change_ids(0, border);
  for (std::size_t t = border; t < T; ++t) BOOST_TEST(losses()[t] != losses_before[t]);
}

BOOST_AUTO_TEST_CASE(rows_of_one_document_have_the_bits_of_no_mask) {
  const auto weights = tests::random_floats(compute::gpt2_floats(shape), 3, 0.2);
  const auto ids = tests::random_ids(2 * 71, 1, shape.vocabulary);
  const std::vector<std::uint32_t> zeros(2 * 70);
  const auto none = tests::gradient_of(shape, weights, {ids.data(), 2, 70, 133});
  const auto one = tests::gradient_of(shape, weights, {ids.data(), 2, 70, 133, zeros.data()});
  BOOST_TEST(none.loss.nats == one.loss.nats);
  BOOST_TEST(tests::same_bits(none.gradient, one.gradient));
}

BOOST_AUTO_TEST_CASE(the_scalar_trainer_gives_the_gradient_of_rows_of_documents) {
  const auto weights = tests::random_floats(compute::gpt2_floats(shape), 6, 0.2);
  constexpr std::size_t B = 3, T = 77;
  const auto ids = tests::random_ids(B * (T + 1), 2, shape.vocabulary);
  const auto first = tests::random_documents(B, T, 3, 0.06);
  const compute::TokenRows rows{ids.data(), B, T, B * T - 5, first.data()};
  const auto expected = tests::scalar_gradient(shape, weights, rows);
  tests::for_each_target([&] {
    const auto found = tests::gradient_of(shape, weights, rows);
    BOOST_TEST(found.loss.nats == expected.nats);
    BOOST_TEST(tests::same_bits(found.gradient, expected.gradient));
    BOOST_TEST(tests::loss_of(shape, weights, rows).nats == expected.nats);
  });
  // The same under any compiler, in debug and release: changes with arithmetic_version only.
  BOOST_TEST(tests::checksum(expected.gradient) == 3881580974205818157u);
}

BOOST_AUTO_TEST_SUITE_END()
