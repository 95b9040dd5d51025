// Models of Llama's family as a whole, with each of their choices: the loss and every parameter's gradient against
// double precision, and what generation and the flat array rely on.

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <ostream>

#include "tests/compute/double_llama.hpp"
#include "tests/compute/gpt2_fixture.hpp"
#include "tests/compute/random_floats.hpp"
#include "tests/compute/targets.hpp"

namespace {

struct Choice {
  const char* name;
  compute::ModelShape shape;
};

std::ostream& operator<<(std::ostream& out, const Choice& choice) {
  return out << choice.name;
}

compute::ModelShape llama() {
  compute::ModelShape shape{.layers = 2, .heads = 2, .channels = 12, .vocabulary = 13, .positions = 7};
  shape.family = compute::Family::llama;
  shape.norm = compute::Norm::rms;
  shape.norm_epsilon = 1e-6f;
  shape.position_kind = compute::Positions::rotary;
  shape.rope.theta = 100;
  shape.activation = compute::Activation::swiglu;
  shape.own_hidden = 17;
  shape.qkv_bias = shape.projection_bias = shape.mlp_bias = shape.tied = false;
  return shape;
}

template <class Change>
Choice changed(const char* name, const Change& change) {
  Choice choice{name, llama()};
  change(choice.shape);
  return choice;
}

const std::vector<Choice> choices = {
    {"plain", llama()},
    changed("tied", [](auto& shape) { shape.tied = true; }),
    changed("all biases", [](auto& shape) { shape.qkv_bias = shape.projection_bias = shape.mlp_bias = true; }),
    changed("shared keys and values",
            [](auto& shape) {
              shape.heads = 6;
              shape.kv_heads = 2;
            }),
    changed("Qwen2",
            [](auto& shape) {
              shape.qkv_bias = true;
              shape.kv_heads = 1;
            }),
    changed("Qwen3",
            [](auto& shape) {
              shape.heads = 4;
              shape.kv_heads = 2;
              shape.own_head_size = 10;
              shape.qk_norm = true;
            }),
    changed("linear scaling",
            [](auto& shape) {
              shape.rope.scaling = compute::RopeScaling::linear;
              shape.rope.factor = 3;
            }),
};

/// Weights large enough that every part of the model matters: gains around 1, the rest normal(0, 0.3).
std::vector<float> lively_weights(const compute::ModelShape& shape) {
  auto weights = tests::random_floats(compute::gpt2_floats(shape), 11, 0.3);
  for (const compute::Tensor& tensor : compute::gpt2_tensors(shape)) {
    if (tensor.name.find("norm") == std::string::npos) continue;
    for (std::size_t i = 0; i < tensor.count; ++i) weights[tensor.offset + i] += 1;
  }
  return weights;
}

struct Sample {
  explicit Sample(const compute::ModelShape& shape)
      : weights(lively_weights(shape)), ids(tests::random_ids(2 * 7, 5, shape.vocabulary)) {}
  std::vector<float> weights;
  std::vector<std::int32_t> ids;
  std::vector<std::uint32_t> first = {0, 0, 2, 3, 3, 3, 0, 0, 0, 3, 3, 3};
  compute::TokenRows rows{ids.data(), 2, 6, 10, first.data()};  // the last two targets are masked
};

}  // namespace

BOOST_AUTO_TEST_SUITE(llama_model)

namespace data = boost::unit_test::data;

BOOST_DATA_TEST_CASE(the_loss_is_that_of_the_model_in_double, data::make(choices), choice) {
  const Sample sample(choice.shape);
  const std::vector<double> exact(sample.weights.begin(), sample.weights.end());
  for (const std::uint32_t* first : {sample.first.data(), static_cast<const std::uint32_t*>(nullptr)}) {
    compute::TokenRows rows = sample.rows;
    rows.document_first = first;
    const double expected = tests::double_llama_loss(choice.shape, exact, rows);
    BOOST_TEST(tests::loss_of(choice.shape, sample.weights, rows).nats == expected, boost::test_tools::tolerance(1e-6));
  }
}

BOOST_DATA_TEST_CASE(every_tensors_gradient_is_that_of_central_differences, data::make(choices), choice) {
  const Sample sample(choice.shape);
  const auto [loss, gradient] = tests::gradient_of(choice.shape, sample.weights, sample.rows);
  BOOST_TEST(loss.nats == tests::loss_of(choice.shape, sample.weights, sample.rows).nats);
  std::vector<double> exact(sample.weights.begin(), sample.weights.end());
  constexpr double h = 1e-5;
  for (const compute::Tensor& tensor : compute::gpt2_tensors(choice.shape)) {
    double dot = 0, found_squares = 0, expected_squares = 0;
    for (std::size_t i = tensor.offset; i < tensor.offset + tensor.count; ++i) {
      const double weight = exact[i];
      exact[i] = weight + h;
      const double above = tests::double_llama_loss(choice.shape, exact, sample.rows);
      exact[i] = weight - h;
      const double below = tests::double_llama_loss(choice.shape, exact, sample.rows);
      exact[i] = weight;
      const double expected = (above - below) / (2 * h);
      dot += expected * gradient[i];
      found_squares += static_cast<double>(gradient[i]) * gradient[i];
      expected_squares += expected * expected;
    }
    BOOST_TEST_CONTEXT(tensor.name) {
      BOOST_TEST(expected_squares > 0);
      BOOST_TEST(dot / std::sqrt(found_squares * expected_squares) >= 0.9999);
      BOOST_TEST(std::sqrt(found_squares / expected_squares) == 1.0, boost::test_tools::tolerance(1e-3));
    }
  }
}

BOOST_DATA_TEST_CASE(recomputed_activations_give_the_bits_of_kept_ones, data::make(choices), choice) {
  const Sample sample(choice.shape);
  const compute::Objective objective{{}, {.rate = 0.2f, .seed = 3}};
  std::vector<std::vector<float>> gradients;
  for (const auto activations : {compute::Activations::kept, compute::Activations::recomputed}) {
    tests::Workspace workspace(compute::gpt2_workspace_floats(choice.shape, 2, 6, activations));
    gradients.emplace_back(sample.weights.size());
    compute::gpt2_gradient(gradients.back(), choice.shape, sample.weights, sample.rows, workspace.span(), objective,
                           activations);
  }
  BOOST_TEST(tests::same_bits(gradients[1], gradients[0]));
  BOOST_TEST(!tests::same_bits(gradients[0], tests::gradient_of(choice.shape, sample.weights, sample.rows).gradient));
}

BOOST_DATA_TEST_CASE(packed_weights_give_the_bits_of_weights_as_they_lie, data::make(choices), choice) {
  const Sample sample(choice.shape);
  const auto expected = tests::gradient_of(choice.shape, sample.weights, sample.rows);
  for (const std::size_t shares : {1, 2, 7}) {
    const auto found = tests::packed_gradient_of(choice.shape, sample.weights, sample.rows, shares);
    BOOST_TEST(found.loss.nats == expected.loss.nats);
    BOOST_TEST(tests::same_bits(found.gradient, expected.gradient));
  }
}

BOOST_DATA_TEST_CASE(a_gradient_added_while_it_is_computed_has_the_bits_of_one_added_afterwards, data::make(choices),
                     choice) {
  const Sample sample(choice.shape);
  const auto ids = tests::random_ids(2 * 7, 6, choice.shape.vocabulary);
  compute::TokenRows second = sample.rows;
  second.ids = ids.data();
  for (const float rate : {0.0f, 0.2f}) {
    for (const auto activations : {compute::Activations::kept, compute::Activations::recomputed}) {
      const auto [found, expected] = tests::added_gradients_of(choice.shape, sample.weights, sample.rows, second,
                                                               {{}, {.rate = rate, .seed = 3}}, activations);
      BOOST_TEST(found.loss.nats == expected.loss.nats);
      BOOST_TEST(tests::same_bits(found.gradient, expected.gradient));
    }
  }
}

BOOST_DATA_TEST_CASE(tensors_fill_the_array_but_for_gaps_and_those_stay_zero, data::make(choices), choice) {
  const Sample sample(choice.shape);
  const auto gradient = tests::gradient_of(choice.shape, sample.weights, sample.rows).gradient;
  std::vector<float> initial = tests::initial_weights(choice.shape, 1);
  std::vector<bool> used(gradient.size());
  std::size_t parameters = 0;
  for (const compute::Tensor& tensor : compute::gpt2_tensors(choice.shape)) {
    parameters += tensor.count;
    for (std::size_t i = tensor.offset; i < tensor.offset + tensor.count; ++i) {
      BOOST_TEST(!used[i]);
      used[i] = true;
    }
  }
  BOOST_TEST(parameters == compute::gpt2_parameters(choice.shape));
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i]) continue;
    BOOST_TEST(gradient[i] == 0.0f);
    BOOST_TEST(initial[i] == 0.0f);
  }
}

BOOST_DATA_TEST_CASE(text_generated_a_few_tokens_at_a_time_has_the_bits_of_the_whole, data::make(choices), choice) {
  const Sample sample(choice.shape);
  const compute::ModelShape& shape = choice.shape;
  const std::span<const std::int32_t> ids(sample.ids.data(), shape.positions);
  const std::size_t floats = compute::gpt2_forward_workspace_floats(shape, 1, shape.positions);
  tests::Workspace whole(floats);
  std::vector<float> expected(shape.vocabulary), found(shape.vocabulary);
  compute::gpt2_logits(expected, shape, sample.weights, ids, 0, shape.positions, whole.span());
  for (const std::size_t step : {1, 2, 5}) {
    tests::Workspace pieces(floats);
    for (std::size_t first = 0; first < shape.positions; first += step)
      compute::gpt2_logits(found, shape, sample.weights, ids, first, std::min(first + step, shape.positions),
                           pieces.span());
    BOOST_TEST(tests::same_bits(found, expected));
  }
}

BOOST_AUTO_TEST_SUITE_END()
