// How fast one core trains: forward and backward of a micro-batch of one row, by the time of the thread. Before timing,
// the loss is checked against the forward pass alone. Usage: gpt2_benchmark [FILTER].
// One line each: the shape, median and quartiles of the time, tokens/s, GFLOP/s counting the products only (6 per
// parameter of a matrix and token, 6 T C for each layer's causal attention).

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "compute/cpu.hpp"
#include "tests/compute/gpt2_fixture.hpp"
#include "tests/compute/random_floats.hpp"

namespace {

struct Case {
  const char* name;
  compute::Gpt2Shape shape;
  std::size_t repetitions;
};

constexpr Case cases[] = {
    {"tiny", {.layers = 4, .heads = 4, .channels = 64, .vocabulary = 4096, .positions = 128}, 100},
    {"char", {.layers = 6, .heads = 6, .channels = 384, .vocabulary = 257, .positions = 256}, 20},
    {"gpt2", {.layers = 12, .heads = 12, .channels = 768, .vocabulary = 50257, .positions = 256}, 3},
};

double thread_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double flops_per_token(const compute::Gpt2Shape& shape, std::size_t T) {
  const std::size_t matrices = shape.layers * 12 * shape.channels * shape.channels + shape.vocabulary * shape.channels;
  return 6.0 * static_cast<double>(matrices + shape.layers * T * shape.channels);
}

void measure(const Case& one) {
  const std::size_t T = one.shape.positions;
  const auto weights = tests::initial_weights(one.shape, 1);
  const auto ids = tests::random_ids(T + 1, 1, one.shape.vocabulary);
  const compute::TokenRows rows{ids.data(), 1, T, T};
  const std::size_t workspace_floats = compute::gpt2_workspace_floats(one.shape, 1, T);
  tests::Workspace workspace(workspace_floats);
  std::vector<float> gradient(weights.size());
  const auto pass = [&] { return compute::gpt2_gradient(gradient, one.shape, weights, rows, workspace.span()).nats; };
  if (pass() != tests::loss_of(one.shape, weights, rows).nats) {
    std::fprintf(stderr, "%s: the loss with its gradient differs from the loss alone\n", one.name);
    std::exit(1);
  }
  std::vector<double> seconds;
  for (std::size_t i = 0; i < one.repetitions; ++i) {
    const double start = thread_seconds();
    pass();
    seconds.push_back(thread_seconds() - start);
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  const double tokens = static_cast<double>(T);
  std::printf(
      "gpt2_gradient %s layers=%zu C=%zu V=%zu T=%zu median_ms=%.2f quartiles_ms=%.2f..%.2f tokens_per_s=%.0f "
      "gflops=%.1f workspace_mb=%.1f\n",
      one.name, one.shape.layers, one.shape.channels, one.shape.vocabulary, T, 1e3 * median,
      1e3 * seconds[seconds.size() / 4], 1e3 * seconds[seconds.size() * 3 / 4], tokens / median,
      1e-9 * flops_per_token(one.shape, T) * tokens / median, 4e-6 * static_cast<double>(workspace_floats));
}

}  // namespace

int main(int argc, char** argv) {
  compute::set_floating_point_mode();
  for (const Case& one : cases) {
    if (argc < 2 || std::strstr(one.name, argv[1]) != nullptr) measure(one);
  }
}
