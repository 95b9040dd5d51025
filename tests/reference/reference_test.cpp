// The losses, gradients and 20 steps of AdamW of every model under tests/reference are PyTorch's, as make_reference.py
// wrote them down.

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "compute/adamw.hpp"
#include "io/safetensors.hpp"
#include "pipeline/model_config.hpp"
#include "tests/compute/gpt2_fixture.hpp"

namespace {

namespace data = boost::unit_test::data;
using Floats = std::vector<float>;

// As in make_reference.py.
constexpr std::size_t batches = 4, B = 2, T = 12, steps = 20;
constexpr compute::AdamWStep adamw{.learning_rate = 3e-3, .beta1 = 0.9, .beta2 = 0.95, .weight_decay = 0.1};

const std::vector<std::string> models = {"gpt2",         "gpt2-erf-untied", "llama", "llama-3",
                                         "llama-biases", "qwen2",           "qwen3"};

std::string folder_of(const std::string& model) {
  return ICOSA_TEST_REFERENCE "/" + model;
}

/// What PyTorch began with and what it came to.
struct Reference {
  compute::ModelShape shape;
  std::vector<compute::Tensor> tensors = compute::gpt2_tensors(shape);
  Floats weights = Floats(compute::gpt2_floats(shape)), gradient = weights;
  std::vector<std::int32_t> ids;
  Floats losses = Floats(steps);

  explicit Reference(const std::string& folder) : shape(read_shape(folder + "/config.json")) {
    Floats stored_ids(batches * B * (T + 1));
    std::vector<io::TensorSlot> slots = {{"ids", {batches, B, T + 1}, stored_ids}, {"losses", {steps}, losses}};
    for (const compute::Tensor& tensor : tensors) {
      slots.push_back({tensor.name, tensor.shape, std::span(weights).subspan(tensor.offset, tensor.count)});
      slots.push_back(
          {"gradient." + tensor.name, tensor.shape, std::span(gradient).subspan(tensor.offset, tensor.count)});
    }
    io::read_safetensors(folder + "/reference.safetensors", slots);
    for (const float id : stored_ids) ids.push_back(static_cast<std::int32_t>(id));
  }

  compute::TokenRows batch(std::size_t step) const {
    return {.ids = ids.data() + step % batches * B * (T + 1), .B = B, .T = T, .targets_count = B * T};
  }

 private:
  static compute::ModelShape read_shape(const std::string& path) {
    std::ifstream file(path);
    return pipeline::parse_config_json(std::string(std::istreambuf_iterator(file), {}), path);
  }
};

double mean(const compute::LossSum& loss) {
  return loss.nats / static_cast<double>(loss.targets_count);
}

double relative(double value, double expected) {
  return std::abs(value - expected) / std::abs(expected);
}

/// How far a tensor is from PyTorch's.
struct Agreement {
  double norm, cosine;
  double largest_difference;  ///< of an element, relative to the largest element
};

Agreement agreement(std::span<const float> ours, std::span<const float> theirs, double scale) {
  double dot = 0, our_square = 0, their_square = 0, largest = 0, difference = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double a = ours[i] * scale, b = theirs[i];
    dot += a * b;
    our_square += a * a;
    their_square += b * b;
    largest = std::max(largest, std::abs(b));
    difference = std::max(difference, std::abs(a - b));
  }
  return {std::sqrt(their_square), dot / std::sqrt(our_square * their_square), difference / largest};
}

BOOST_AUTO_TEST_SUITE(reference)

BOOST_DATA_TEST_CASE(the_loss_is_pytorchs, data::make(models), model) {
  const Reference expected(folder_of(model));
  BOOST_TEST(relative(mean(tests::loss_of(expected.shape, expected.weights, expected.batch(0))), expected.losses[0]) <=
             1e-5);
}

BOOST_DATA_TEST_CASE(every_gradient_is_pytorchs, data::make(models), model) {
  const Reference expected(folder_of(model));
  const auto ours = tests::gradient_of(expected.shape, expected.weights, expected.batch(0));
  for (const compute::Tensor& tensor : expected.tensors) {
    const auto part = [&tensor](const Floats& values) {
      return std::span(values).subspan(tensor.offset, tensor.count);
    };
    const Agreement found = agreement(part(ours.gradient), part(expected.gradient), 1.0 / (B * T));
    BOOST_TEST_CONTEXT(tensor.name << " of norm " << found.norm) {
      BOOST_TEST(found.norm > 1e-5);  // so that what follows compares something
      BOOST_TEST(found.cosine >= 0.9999);
      BOOST_TEST(found.largest_difference <= 1e-4);
    }
  }
}

BOOST_DATA_TEST_CASE(twenty_steps_of_adamw_are_pytorchs, data::make(models), model) {
  Reference run(folder_of(model));
  Floats moment1(run.weights.size()), moment2(run.weights.size());
  for (std::size_t step = 0; step < steps; ++step) {
    auto [loss, gradient] = tests::gradient_of(run.shape, run.weights, run.batch(step));
    // From 1e-5 at the first step to 1e-3 at the last: what differs by rounding drifts apart.
    const double bound = 1e-5 * std::pow(100.0, static_cast<double>(step) / (steps - 1));
    BOOST_TEST(relative(mean(loss), run.losses[step]) <= bound,
               "step " << step + 1 << ": " << mean(loss) << " and " << run.losses[step]);
    compute::AdamWStep update = adamw;
    update.step = step + 1;
    update.gradient_scale = 1.0f / static_cast<float>(loss.targets_count);
    for (const compute::Tensor& tensor : run.tensors) {
      const auto part = [&tensor](Floats& values) { return std::span(values).subspan(tensor.offset, tensor.count); };
      compute::adamw_update(part(run.weights), part(moment1), part(moment2), part(gradient), tensor.decayed, update);
    }
  }
  BOOST_TEST(run.losses[steps - 1] < run.losses[0]);  // it learns, and so do we
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
