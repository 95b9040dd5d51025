#include "compute/gpt2.hpp"

#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <set>

#include "tests/compute/gpt2_fixture.hpp"
#include "tests/compute/random_floats.hpp"
#include "tests/compute/targets.hpp"

BOOST_AUTO_TEST_SUITE(gpt2)

using compute::Gpt2Shape;
using compute::TokenRows;
using tests::gradient_of;
using tests::loss_of;
using tests::same_bits;

constexpr Gpt2Shape small = {.layers = 2, .heads = 3, .channels = 18, .vocabulary = 37, .positions = 11};

BOOST_AUTO_TEST_CASE(gpt2_small_has_124_439_808_parameters) {
  BOOST_TEST(compute::gpt2_parameters({12, 12, 768, 50257, 1024}) == 124'439'808u);
}

BOOST_AUTO_TEST_CASE(tensors_lie_one_after_the_other_at_multiples_of_16_floats) {
  std::size_t end = 0;
  std::set<std::string> names;
  for (const compute::Tensor& tensor : compute::gpt2_tensors(small)) {
    BOOST_TEST(tensor.offset % 16 == 0u);
    BOOST_TEST((tensor.offset >= end && tensor.offset < end + 16));
    BOOST_TEST(tensor.decayed == (tensor.shape.size() == 2));
    end = tensor.offset + tensor.count;
    names.insert(tensor.name);
  }
  BOOST_TEST(compute::gpt2_floats(small) == (end + 15) / 16 * 16);
  BOOST_TEST(names.size() == 4 + 12 * small.layers);
  for (const char* name : {"transformer.wte.weight", "transformer.wpe.weight", "transformer.h.1.attn.c_attn.weight",
                           "transformer.h.0.mlp.c_proj.bias", "transformer.ln_f.bias"})
    BOOST_TEST(names.count(name) == 1u);
}

BOOST_AUTO_TEST_CASE(the_initial_weights_are_the_same_bits_anywhere) {
  BOOST_TEST(tests::checksum(tests::initial_weights(small, 42)) == 4332661937407534487u);
}

BOOST_AUTO_TEST_CASE(initial_weights_made_in_pieces_are_the_same_bits) {
  const std::vector<float> whole = tests::initial_weights(small, 42);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    std::vector<float> weights(whole.size(), -1.0f);
    for (std::size_t first = 0; first < weights.size(); first += piece)
      compute::gpt2_initialize(weights, small, 42, first, std::min(first + piece, weights.size()));
    BOOST_TEST((weights == whole), "pieces of " << piece);
  }
}

BOOST_AUTO_TEST_CASE(the_initial_weights_have_the_deviations_of_gpt2) {
  const Gpt2Shape shape = {.layers = 8, .heads = 2, .channels = 64, .vocabulary = 300, .positions = 100};
  const auto weights = tests::initial_weights(shape, 1);
  for (const compute::Tensor& tensor : compute::gpt2_tensors(shape)) {
    const auto values = std::span(weights).subspan(tensor.offset, tensor.count);
    double squares = 0;
    for (const float value : values) squares += static_cast<double>(value) * value;
    const double deviation = std::sqrt(squares / static_cast<double>(tensor.count));
    const bool vector = tensor.shape.size() == 1;
    const double matrix = tensor.name.ends_with("c_proj.weight") ? 0.02 / 4 : 0.02;
    const double expected = vector ? (tensor.name.ends_with(".bias") ? 0 : 1) : matrix;
    BOOST_TEST(std::abs(deviation - expected) <= 0.05 * expected, tensor.name);
  }
}

BOOST_AUTO_TEST_CASE(an_untrained_model_knows_nothing) {
  const Gpt2Shape shape = {.layers = 2, .heads = 2, .channels = 32, .vocabulary = 1000, .positions = 32};
  const auto ids = tests::random_ids(4 * 33, 1, shape.vocabulary);
  const auto loss = loss_of(shape, tests::initial_weights(shape, 1), {ids.data(), 4, 32, 128});
  BOOST_TEST(loss.targets_count == 128u);
  BOOST_TEST(loss.nats / 128 == std::log(1000.0), boost::test_tools::tolerance(0.01));
}

BOOST_AUTO_TEST_CASE(the_loss_alone_has_the_bits_of_the_loss_with_its_gradient) {
  const auto weights = tests::random_floats(compute::gpt2_floats(small), 3, 0.3);
  const auto ids = tests::random_ids(3 * 8, 1, small.vocabulary);
  const TokenRows rows{ids.data(), 3, 7, 19};
  BOOST_TEST(loss_of(small, weights, rows).nats == gradient_of(small, weights, rows).loss.nats);
}

BOOST_AUTO_TEST_CASE(the_context_of_rows_is_not_counted) {
  const auto weights = tests::random_floats(compute::gpt2_floats(small), 3, 0.3);
  const auto ids = tests::random_ids(3 * 8, 1, small.vocabulary);
  constexpr std::size_t T = 7;
  const auto nats_until = [&](std::size_t targets_count) {
    return loss_of(small, weights, TokenRows{ids.data(), 3, T, targets_count}).nats;
  };
  for (const std::size_t context : {1, 3, 6}) {
    for (const std::size_t targets_count : {21, 19, 15, 14, 8, 2}) {
      double nats = 0;
      std::size_t count = 0;
      for (std::size_t target = 0; target < targets_count; ++target) {
        if (target % T < context) continue;
        nats += nats_until(target + 1) - nats_until(target);
        ++count;
      }
      TokenRows rows{ids.data(), 3, T, targets_count};
      rows.context = context;
      const auto loss = loss_of(small, weights, rows);
      BOOST_TEST(loss.targets_count == count);
      BOOST_TEST(std::abs(loss.nats - nats) < 1e-9);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_gradient_is_written_whole) {
  const auto weights = tests::initial_weights(small, 3);
  const auto ids = tests::random_ids(5, 1, small.vocabulary);
  const auto [loss, gradient] = gradient_of(small, weights, {ids.data(), 1, 4, 4});
  std::vector<bool> used(gradient.size());
  for (const compute::Tensor& tensor : compute::gpt2_tensors(small)) {
    for (std::size_t i = 0; i < tensor.count; ++i) used[tensor.offset + i] = true;
    if (tensor.name == "transformer.wpe.weight") {  // positions from 4 on are not used
      for (std::size_t i = 4 * small.channels; i < tensor.count; ++i)
        BOOST_TEST(std::bit_cast<std::uint32_t>(gradient[tensor.offset + i]) == 0u);
    }
  }
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    BOOST_TEST(std::abs(gradient[i]) < 1e3f);
    if (!used[i]) BOOST_TEST(std::bit_cast<std::uint32_t>(gradient[i]) == 0u);
  }
}

BOOST_AUTO_TEST_CASE(masked_targets_contribute_nothing) {
  const auto weights = tests::random_floats(compute::gpt2_floats(small), 3, 0.2);
  auto ids = tests::random_ids(2 * 8, 1, small.vocabulary);
  const TokenRows rows{ids.data(), 2, 7, 7 + 3};
  const auto one = gradient_of(small, weights, rows);
  for (std::size_t i = 8 + 4; i < ids.size(); ++i) ids[i] = (ids[i] + 5) % 37;  // the rest of the second row
  const auto other = gradient_of(small, weights, rows);
  BOOST_TEST(one.loss.nats == other.loss.nats);
  for (std::size_t i = 0; i < one.gradient.size(); ++i)  // as numbers: a zero's sign may differ
    BOOST_REQUIRE(one.gradient[i] == other.gradient[i]);

  const auto none = gradient_of(small, weights, {ids.data(), 2, 7, 0});
  BOOST_TEST(none.loss.nats == 0.0);
  for (const float value : none.gradient) BOOST_REQUIRE(value == 0.0f);
}

BOOST_AUTO_TEST_CASE(rows_of_a_micro_batch_do_not_see_each_other) {
  const auto weights = tests::random_floats(compute::gpt2_floats(small), 3, 0.2);
  const auto ids = tests::random_ids(3 * 8, 1, small.vocabulary);
  double separate = 0;
  for (std::size_t b = 0; b < 3; ++b) separate += loss_of(small, weights, {ids.data() + b * 8, 1, 7, 7}).nats;
  BOOST_TEST(loss_of(small, weights, {ids.data(), 3, 7, 21}).nats == separate, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(packed_weights_give_the_bits_of_weights_as_they_lie) {
  compute::Gpt2Shape wide = small;  // wide enough for every operand to be packed
  wide.channels = 81;
  for (const compute::Gpt2Shape& shape : {small, wide}) {
    const auto weights = tests::random_floats(compute::gpt2_floats(shape), 3, 0.2);
    const auto ids = tests::random_ids(8, 1, shape.vocabulary);
    const TokenRows rows{ids.data(), 1, 7, 7};
    const auto expected = gradient_of(shape, weights, rows);
    for (const std::size_t shares : {1, 2, 7}) {
      const auto found = tests::packed_gradient_of(shape, weights, rows, shares);
      BOOST_TEST(found.loss.nats == expected.loss.nats);
      BOOST_TEST(same_bits(found.gradient, expected.gradient));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_gradient_added_while_it_is_computed_has_the_bits_of_one_added_afterwards) {
  const auto weights = tests::random_floats(compute::gpt2_floats(small), 3, 0.2);
  auto ids = tests::random_ids(2 * 2 * 9, 1, small.vocabulary);
  ids[20] = ids[21] = ids[22] = ids[3];  // in a row, and what the other one has too
  const TokenRows first{ids.data(), 2, 8, 16}, second{ids.data() + 2 * 9, 2, 8, 13};
  const compute::Objective objective{{0.1f, 1e-3f}, {.rate = 0.2f, .seed = 4, .step = 2, .micro_batch = 1}};
  tests::for_each_target([&] {
    for (const compute::Objective& wanted : {compute::Objective{}, objective}) {
      for (const auto activations : {compute::Activations::kept, compute::Activations::recomputed}) {
        const auto [found, expected] = tests::added_gradients_of(small, weights, first, second, wanted, activations);
        BOOST_TEST(found.loss.nats == expected.loss.nats);
        BOOST_TEST(same_bits(found.gradient, expected.gradient));
      }
    }
  });
  // From packed weights, and as many tokens as there may be.
  Gpt2Shape long_context = small;
  long_context.positions = 256;
  const auto long_weights = tests::random_floats(compute::gpt2_floats(long_context), 3, 0.2);
  const auto long_ids = tests::random_ids(257, 1, small.vocabulary);
  const TokenRows rows{long_ids.data(), 1, 256, 256};
  BOOST_TEST(compute::gpt2_gradient_adds(256));
  BOOST_TEST(!compute::gpt2_gradient_adds(257));
  tests::Workspace packed = tests::packed_weights(long_context, long_weights, 2);
  const auto [found, expected] =
      tests::added_gradients_of(long_context, long_weights, rows, rows, {}, compute::Activations::kept, packed.span());
  BOOST_TEST(same_bits(found.gradient, expected.gradient));
}

BOOST_AUTO_TEST_CASE(a_workspace_grows_with_the_context_and_not_with_its_square) {
  const Gpt2Shape shape{12, 12, 768, 257, 8192};  // few tokens: logits are no more than other buffers
  for (const auto activations : {compute::Activations::kept, compute::Activations::recomputed}) {
    const auto floats = [&](std::size_t T) { return compute::gpt2_workspace_floats(shape, 1, T, activations); };
    BOOST_TEST(floats(8192) - floats(4096) == 2 * (floats(4096) - floats(2048)));
  }
}

BOOST_AUTO_TEST_CASE(a_larger_workspace_changes_nothing) {
  const auto weights = tests::random_floats(compute::gpt2_floats(small), 3, 0.2);
  const auto ids = tests::random_ids(8, 1, small.vocabulary);
  const TokenRows rows{ids.data(), 1, 7, 7};
  tests::Workspace larger(compute::gpt2_workspace_floats(small, 4, 11));
  std::vector<float> gradient(weights.size());
  const auto loss = compute::gpt2_gradient(gradient, small, weights, rows, larger.span());
  const auto expected = gradient_of(small, weights, rows);
  BOOST_TEST(loss.nats == expected.loss.nats);
  BOOST_TEST(same_bits(gradient, expected.gradient));
}

/// Logits after each of the first `count` positions, computing them in these steps.
std::vector<float> logits_in_steps(std::span<const float> weights, std::span<const std::int32_t> ids,
                                   const std::vector<std::size_t>& ends) {
  tests::Workspace workspace(compute::gpt2_forward_workspace_floats(small, 1, small.positions));
  std::vector<float> logits(small.vocabulary);
  std::size_t first = 0;
  for (const std::size_t last : ends) {
    compute::gpt2_logits(logits, small, weights, ids, first, last, workspace.span());
    first = last;
  }
  return logits;
}

BOOST_AUTO_TEST_CASE(incremental_logits_have_the_bits_of_a_whole_pass) {
  const auto weights = tests::random_floats(compute::gpt2_floats(small), 3, 0.3);
  const auto ids = tests::random_ids(small.positions, 1, small.vocabulary);
  tests::for_each_target([&] {
    const auto whole = logits_in_steps(weights, ids, {11});
    BOOST_TEST(same_bits(logits_in_steps(weights, ids, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), whole));
    BOOST_TEST(same_bits(logits_in_steps(weights, ids, {5, 6, 10, 11}), whole));
  });
}

BOOST_AUTO_TEST_CASE(logits_are_those_that_training_sees) {
  const auto weights = tests::random_floats(compute::gpt2_floats(small), 3, 0.3);
  auto ids = tests::random_ids(small.positions + 1, 1, small.vocabulary);
  for (std::size_t t = 1; t <= small.positions; ++t) {
    const auto logits = logits_in_steps(weights, ids, {t});
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
    const double nats = std::log(sum) - logits[static_cast<std::size_t>(ids[t])];
    double before = 0;
    if (t > 1) before = loss_of(small, weights, {ids.data(), 1, t, t - 1}).nats;
    const double after = loss_of(small, weights, {ids.data(), 1, t, t}).nats;
    BOOST_TEST(std::abs(after - before - nats) < 1e-4 * (1 + after));
  }
}

BOOST_AUTO_TEST_SUITE_END()
