#include "tests/compute/double_gpt2.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <vector>

namespace tests {

namespace {

using Row = std::vector<double>;

struct Parameters {
  std::map<std::string, std::size_t> offsets;
  std::span<const double> weights;

  const double* of(const std::string& name) const { return weights.data() + offsets.at("transformer." + name); }
};

Row normalised(const Row& x, const double* gain, const double* bias) {
  double mean = 0, variance = 0;
  for (const double value : x) mean += value / static_cast<double>(x.size());
  for (const double value : x) variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
  Row out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = (x[i] - mean) / std::sqrt(variance + 1e-5) * gain[i] + bias[i];
  return out;
}

Row linear(const Row& x, const double* weight, const double* bias, std::size_t outputs) {
  Row y(bias, bias + outputs);
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t o = 0; o < outputs; ++o) y[o] += x[i] * weight[i * outputs + o];
  return y;
}

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

/// What head h of position t sees: the values of positions first..t by the softmax of its scores.
void attend(Row& out, const std::vector<Row>& qkv, std::size_t first, std::size_t t, std::size_t h, std::size_t size,
            std::size_t C) {
  std::vector<double> weights(t + 1);
  double sum = 0;
  for (std::size_t j = first; j <= t; ++j) {
    double score = 0;
    for (std::size_t d = 0; d < size; ++d) score += qkv[t][h * size + d] * qkv[j][C + h * size + d];
    sum += weights[j] = std::exp(score / std::sqrt(static_cast<double>(size)));
  }
  for (std::size_t j = first; j <= t; ++j)
    for (std::size_t d = 0; d < size; ++d) out[h * size + d] += weights[j] / sum * qkv[j][2 * C + h * size + d];
}

void add_to(Row& x, const Row& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

/// first: where each position's document begins, or nullptr.
void block(std::vector<Row>& x, const Parameters& parameters, const std::string& name, std::size_t heads,
           const std::uint32_t* first) {
  const std::size_t C = x.front().size();
  std::vector<Row> qkv;
  for (const Row& row : x)
    qkv.push_back(linear(normalised(row, parameters.of(name + "ln_1.weight"), parameters.of(name + "ln_1.bias")),
                         parameters.of(name + "attn.c_attn.weight"), parameters.of(name + "attn.c_attn.bias"), 3 * C));
  for (std::size_t t = 0; t < x.size(); ++t) {
    Row attended(C);
    for (std::size_t h = 0; h < heads; ++h) attend(attended, qkv, first == nullptr ? 0 : first[t], t, h, C / heads, C);
    add_to(x[t],
           linear(attended, parameters.of(name + "attn.c_proj.weight"), parameters.of(name + "attn.c_proj.bias"), C));
    Row hidden = linear(normalised(x[t], parameters.of(name + "ln_2.weight"), parameters.of(name + "ln_2.bias")),
                        parameters.of(name + "mlp.c_fc.weight"), parameters.of(name + "mlp.c_fc.bias"), 4 * C);
    std::transform(hidden.begin(), hidden.end(), hidden.begin(), gelu);
    add_to(x[t], linear(hidden, parameters.of(name + "mlp.c_proj.weight"), parameters.of(name + "mlp.c_proj.bias"), C));
  }
}

}  // namespace

double double_gpt2_loss(const compute::Gpt2Shape& shape, std::span<const double> weights,
                        const compute::TokenRows& rows) {
  const std::size_t C = shape.channels;
  Parameters parameters{{}, weights};
  for (const compute::Tensor& tensor : compute::gpt2_tensors(shape)) parameters.offsets[tensor.name] = tensor.offset;
  const double* tokens = parameters.of("wte.weight");
  const double* positions = parameters.of("wpe.weight");

  double nats = 0;
  for (std::size_t b = 0; b < rows.B; ++b) {
    const std::int32_t* ids = rows.ids + b * (rows.T + 1);
    std::vector<Row> x(rows.T, Row(C));
    for (std::size_t t = 0; t < rows.T; ++t)
      for (std::size_t c = 0; c < C; ++c)
        x[t][c] = tokens[static_cast<std::size_t>(ids[t]) * C + c] + positions[t * C + c];
    const std::uint32_t* first = rows.document_first == nullptr ? nullptr : rows.document_first + b * rows.T;
    for (std::size_t layer = 0; layer < shape.layers; ++layer)
      block(x, parameters, "h." + std::to_string(layer) + ".", shape.heads, first);
    for (std::size_t t = 0; t < rows.T && b * rows.T + t < rows.targets_count; ++t) {
      const Row last = normalised(x[t], parameters.of("ln_f.weight"), parameters.of("ln_f.bias"));
      Row logits(shape.vocabulary);
      double sum = 0;
      for (std::size_t v = 0; v < shape.vocabulary; ++v) {
        for (std::size_t c = 0; c < C; ++c) logits[v] += last[c] * tokens[v * C + c];
        sum += std::exp(logits[v]);
      }
      nats += std::log(sum) - logits[static_cast<std::size_t>(ids[t + 1])];
    }
  }
  return nats;
}

}  // namespace tests
