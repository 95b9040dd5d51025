// Every parameter's gradient against central differences of the loss in double precision.

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/compute/double_gpt2.hpp"
#include "tests/compute/gpt2_fixture.hpp"
#include "tests/compute/random_floats.hpp"

BOOST_AUTO_TEST_SUITE(gpt2_gradient)

constexpr compute::Gpt2Shape shape = {.layers = 2, .heads = 2, .channels = 12, .vocabulary = 13, .positions = 7};

/// Weights large enough that every part of the model matters: gains around 1, the rest normal(0, 0.3).
std::vector<float> lively_weights() {
  auto weights = tests::random_floats(compute::gpt2_floats(shape), 11, 0.3);
  for (const compute::Tensor& tensor : compute::gpt2_tensors(shape)) {
    if (tensor.name.find("ln_") == std::string::npos || !tensor.name.ends_with("weight")) continue;
    for (std::size_t i = 0; i < tensor.count; ++i) weights[tensor.offset + i] += 1;
  }
  return weights;
}

struct Sample {
  std::vector<float> weights = lively_weights();
  std::vector<std::int32_t> ids = tests::random_ids(2 * 7, 5, shape.vocabulary);
  compute::TokenRows rows{ids.data(), 2, 6, 10};  // the last two targets are masked
};

/// The loss against that in double.
void check_loss(const Sample& sample) {
  const auto& [weights, ids, rows] = sample;
  const std::vector<double> exact(weights.begin(), weights.end());
  const double expected = tests::double_gpt2_loss(shape, exact, rows);
  BOOST_TEST(tests::loss_of(shape, weights, rows).nats == expected, boost::test_tools::tolerance(1e-6));
}

/// Every tensor's gradient against central differences.
void check_gradient(const Sample& sample) {
  const auto& [weights, ids, rows] = sample;
  const auto gradient = tests::gradient_of(shape, weights, rows).gradient;
  std::vector<double> exact(weights.begin(), weights.end());
  constexpr double h = 1e-5;
  for (const compute::Tensor& tensor : compute::gpt2_tensors(shape)) {
    double dot = 0, found_squares = 0, expected_squares = 0;
    for (std::size_t i = tensor.offset; i < tensor.offset + tensor.count; ++i) {
      const double weight = exact[i];
      exact[i] = weight + h;
      const double above = tests::double_gpt2_loss(shape, exact, rows);
      exact[i] = weight - h;
      const double below = tests::double_gpt2_loss(shape, exact, rows);
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

BOOST_FIXTURE_TEST_CASE(the_loss_is_that_of_the_model_in_double, Sample) {
  check_loss(*this);
}

BOOST_FIXTURE_TEST_CASE(every_tensors_gradient_is_that_of_central_differences, Sample) {
  check_gradient(*this);
}

/// The first row holds the end of one document and two more, the second goes on with the last.
struct DocumentsSample : Sample {
  std::vector<std::uint32_t> first = {0, 0, 2, 3, 3, 3, 0, 0, 0, 3, 3, 3};
  DocumentsSample() { rows.document_first = first.data(); }
};

BOOST_FIXTURE_TEST_CASE(the_loss_of_documents_is_that_of_the_model_in_double, DocumentsSample) {
  check_loss(*this);
}

BOOST_FIXTURE_TEST_CASE(the_gradient_of_documents_is_that_of_central_differences, DocumentsSample) {
  check_gradient(*this);
}

BOOST_AUTO_TEST_SUITE_END()
