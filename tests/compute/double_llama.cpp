#include "tests/compute/double_llama.hpp"

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace tests {

namespace {

using Row = std::vector<double>;

struct Model {
  const compute::ModelShape& shape;
  std::map<std::string, std::size_t> offsets;
  std::span<const double> weights;

  const double* of(const std::string& name) const { return weights.data() + offsets.at(name); }

  /// weight: (outputs, inputs). The bias is added if there is one.
  Row linear(const Row& x, const std::string& name, std::size_t outputs) const {
    const double* weight = of(name + ".weight");
    const double* bias = offsets.contains(name + ".bias") ? of(name + ".bias") : nullptr;
    Row y(outputs);
    for (std::size_t o = 0; o < outputs; ++o) {
      y[o] = bias == nullptr ? 0 : bias[o];
      for (std::size_t i = 0; i < x.size(); ++i) y[o] += x[i] * weight[o * x.size() + i];
    }
    return y;
  }
  Row normed(const Row& x, const std::string& name) const {
    const double* gain = of(name + ".weight");
    double squares = 0;
    for (const double value : x) squares += value * value / static_cast<double>(x.size());
    Row y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      y[i] = x[i] / std::sqrt(squares + static_cast<double>(shape.norm_epsilon)) * gain[i];
    return y;
  }
  /// One head of q or k: its norm if there is one, then the rotation.
  Row placed(Row head, const std::string& norm, std::size_t position) const {
    if (shape.qk_norm) head = normed(head, norm);
    const std::size_t pairs = head.size() / 2;
    Row turned = head;
    for (std::size_t i = 0; i < pairs; ++i) {
      const double exponent = static_cast<double>(2 * i) / static_cast<double>(head.size());
      const double angle = static_cast<double>(position) / std::pow(shape.rope.theta, exponent) / shape.rope.factor;
      turned[i] = head[i] * std::cos(angle) - head[pairs + i] * std::sin(angle);
      turned[pairs + i] = head[pairs + i] * std::cos(angle) + head[i] * std::sin(angle);
    }
    return turned;
  }
  std::vector<Row> heads(const Row& x, const std::string& block, const std::string& which, std::size_t count,
                         std::size_t position) const {
    const std::size_t D = shape.head_channels();
    const Row all = linear(x, block + which + "_proj", count * D);
    std::vector<Row> result;
    for (std::size_t h = 0; h < count; ++h) {
      const auto at = all.begin() + static_cast<std::ptrdiff_t>(h * D);
      const Row head(at, at + static_cast<std::ptrdiff_t>(D));
      result.push_back(which == "v" ? head : placed(head, block + which + "_norm", position));
    }
    return result;
  }

  void attention(std::vector<Row>& x, const std::string& block, const std::uint32_t* first) const;
  void mlp(Row& x, const std::string& block) const;
};

void add_to(Row& x, const Row& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

double dot(const Row& a, const Row& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void Model::attention(std::vector<Row>& x, const std::string& block, const std::uint32_t* first) const {
  const std::size_t D = shape.head_channels(), kv = shape.kv_heads == 0 ? shape.heads : shape.kv_heads;
  std::vector<std::vector<Row>> q, k, v;
  for (std::size_t t = 0; t < x.size(); ++t) {
    const Row in = normed(x[t], block + "input_layernorm");
    q.push_back(heads(in, block + "self_attn.", "q", shape.heads, t));
    k.push_back(heads(in, block + "self_attn.", "k", kv, t));
    v.push_back(heads(in, block + "self_attn.", "v", kv, t));
  }
  for (std::size_t t = 0; t < x.size(); ++t) {
    Row attended;
    for (std::size_t h = 0; h < shape.heads; ++h) {
      const std::size_t shared = h / (shape.heads / kv);
      Row out(D);
      double weights = 0;
      for (std::size_t j = first == nullptr ? 0 : first[t]; j <= t; ++j) {
        const double weight = std::exp(dot(q[t][h], k[j][shared]) / std::sqrt(static_cast<double>(D)));
        weights += weight;
        for (std::size_t c = 0; c < D; ++c) out[c] += weight * v[j][shared][c];
      }
      for (const double value : out) attended.push_back(value / weights);
    }
    add_to(x[t], linear(attended, block + "self_attn.o_proj", shape.channels));
  }
}

void Model::mlp(Row& x, const std::string& block) const {
  const Row in = normed(x, block + "post_attention_layernorm");
  Row gate = linear(in, block + "mlp.gate_proj", shape.own_hidden);
  const Row up = linear(in, block + "mlp.up_proj", shape.own_hidden);
  for (std::size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
  add_to(x, linear(gate, block + "mlp.down_proj", shape.channels));
}

}  // namespace

double double_llama_loss(const compute::ModelShape& shape, std::span<const double> weights,
                         const compute::TokenRows& rows) {
  Model model{shape, {}, weights};
  for (const compute::Tensor& tensor : compute::gpt2_tensors(shape)) model.offsets[tensor.name] = tensor.offset;
  const std::size_t C = shape.channels;
  const double* tokens = model.of("model.embed_tokens.weight");
  if (shape.tied) model.offsets["lm_head.weight"] = model.offsets["model.embed_tokens.weight"];

  double nats = 0;
  for (std::size_t b = 0; b < rows.B; ++b) {
    const std::int32_t* ids = rows.ids + b * (rows.T + 1);
    std::vector<Row> x;
    for (std::size_t t = 0; t < rows.T; ++t) {
      const double* token = tokens + static_cast<std::size_t>(ids[t]) * C;
      x.emplace_back(token, token + C);
    }
    for (std::size_t layer = 0; layer < shape.layers; ++layer) {
      const std::string block = "model.layers." + std::to_string(layer) + ".";
      model.attention(x, block, rows.document_first == nullptr ? nullptr : rows.document_first + b * rows.T);
      for (Row& row : x) model.mlp(row, block);
    }
    for (std::size_t t = 0; t < rows.T && b * rows.T + t < rows.targets_count; ++t) {
      const Row logits = model.linear(model.normed(x[t], "model.norm"), "lm_head", shape.vocabulary);
      double sum = 0;
      for (const double logit : logits) sum += std::exp(logit);
      nats += std::log(sum) - logits[static_cast<std::size_t>(ids[t + 1])];
    }
  }
  return nats;
}

}  // namespace tests
