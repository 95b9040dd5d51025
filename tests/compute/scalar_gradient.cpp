// Forward and backward of one micro-batch from the plain forms of the operations, every activation in a vector of its
// own. Tensors are found by their names, not by the layout that the program uses.

#include <map>
#include <string>

#include "compute/attention.hpp"
#include "compute/column_sums.hpp"
#include "compute/cross_entropy.hpp"
#include "compute/embedding.hpp"
#include "compute/gelu.hpp"
#include "compute/layernorm.hpp"
#include "compute/product.hpp"
#include "tests/compute/scalar_trainer.hpp"

namespace tests {

namespace {

namespace plain = compute::plain;
using compute::As;
using compute::dense;
using Floats = std::vector<float>;

/// The tensors of a flat array by name.
class Parameters {
 public:
  Parameters(const compute::Gpt2Shape& shape, const float* weights, float* gradient)
      : weights_(weights), gradient_(gradient) {
    for (const compute::Tensor& tensor : compute::gpt2_tensors(shape)) offsets_[tensor.name] = tensor.offset;
  }
  const float* weight(const std::string& name) const { return weights_ + offsets_.at("transformer." + name); }
  float* gradient(const std::string& name) const { return gradient_ + offsets_.at("transformer." + name); }

 private:
  std::map<std::string, std::size_t> offsets_;
  const float* weights_;
  float* gradient_;
};

/// y = x W + b and its way back, for W stored (inputs, outputs).
struct Linear {
  const Parameters& parameters;
  std::string name;
  std::size_t rows, inputs, outputs;

  Floats forward(const Floats& x) const {
    Floats y(rows * outputs);
    plain::multiply(dense(y.data(), rows, outputs), dense(x.data(), rows, inputs), As::stored,
                    dense(parameters.weight(name + ".weight"), inputs, outputs), As::stored,
                    parameters.weight(name + ".bias"));
    return y;
  }
  Floats backward(const Floats& x, const Floats& dy) const {
    const auto dout = dense(dy.data(), rows, outputs);
    plain::multiply(dense(parameters.gradient(name + ".weight"), inputs, outputs), dense(x.data(), rows, inputs),
                    As::transposed, dout, As::stored, nullptr);
    plain::column_sums(parameters.gradient(name + ".bias"), dout);
    Floats dx(rows * inputs);
    plain::multiply(dense(dx.data(), rows, inputs), dout, As::stored,
                    dense(parameters.weight(name + ".weight"), inputs, outputs), As::transposed, nullptr);
    return dx;
  }
};

/// A layer norm; remembers the statistics of its forward pass.
struct Norm {
  const Parameters& parameters;
  std::string name;
  std::size_t rows, C;
  Floats means{}, rstds{};

  Floats forward(const Floats& x) {
    Floats y(rows * C);
    means.resize(rows);
    rstds.resize(rows);
    plain::layernorm_forward(dense(y.data(), rows, C), means.data(), rstds.data(), dense(x.data(), rows, C),
                             parameters.weight(name + ".weight"), parameters.weight(name + ".bias"));
    return y;
  }
  Floats backward(const Floats& x, const Floats& dy) const {
    Floats dx(rows * C);
    plain::layernorm_backward(dense(dx.data(), rows, C), compute::Into::replaced, parameters.gradient(name + ".weight"),
                              parameters.gradient(name + ".bias"), dense(dy.data(), rows, C), dense(x.data(), rows, C),
                              means.data(), rstds.data(), parameters.weight(name + ".weight"));
    return dx;
  }
};

Floats sum(const Floats& a, const Floats& b) {
  Floats out(a.size());
  plain::add(out, a, b);
  return out;
}

/// One block with everything that it computed.
struct Block {
  compute::AttentionShape attention;
  const std::uint32_t* document_first;
  Norm norm1, norm2;
  Linear to_qkv, project, expand, contract;
  Floats x, normed1, qkv, statistics, attended, middle, normed2, hidden, activated;

  Block(const Parameters& parameters, std::size_t layer, const compute::AttentionShape& shape,
        const std::uint32_t* first)
      : Block(parameters, "h." + std::to_string(layer), shape, first, shape.B * shape.T, shape.C) {}
  Block(const Parameters& parameters, const std::string& name, const compute::AttentionShape& shape,
        const std::uint32_t* first, std::size_t rows, std::size_t C)
      : attention(shape),
        document_first(first),
        norm1{parameters, name + ".ln_1", rows, C},
        norm2{parameters, name + ".ln_2", rows, C},
        to_qkv{parameters, name + ".attn.c_attn", rows, C, 3 * C},
        project{parameters, name + ".attn.c_proj", rows, C, C},
        expand{parameters, name + ".mlp.c_fc", rows, C, 4 * C},
        contract{parameters, name + ".mlp.c_proj", rows, 4 * C, C} {}

  Floats forward(const Floats& input) {
    x = input;
    normed1 = norm1.forward(x);
    qkv = to_qkv.forward(normed1);
    attended.resize(x.size());
    statistics.resize(attention.statistics_floats());
    plain::attention_forward(attended.data(), statistics.data(), qkv.data(), attention, document_first);
    middle = sum(x, project.forward(attended));
    normed2 = norm2.forward(middle);
    hidden = expand.forward(normed2);
    activated.resize(hidden.size());
    plain::gelu_forward(activated, hidden);
    return sum(middle, contract.forward(activated));
  }

  Floats backward(const Floats& dout) const {
    const Floats dactivated = contract.backward(activated, dout);
    Floats dhidden(hidden.size()), activated_again(hidden.size());
    plain::gelu_backward(dhidden, activated_again, dactivated, hidden);
    const Floats dmiddle = sum(dout, norm2.backward(middle, expand.backward(normed2, dhidden)));
    const Floats dattended = project.backward(attended, dmiddle);
    Floats dqkv(qkv.size());
    plain::attention_backward(dqkv.data(), dattended.data(), qkv.data(), statistics.data(), attention, document_first);
    return sum(dmiddle, norm1.backward(x, to_qkv.backward(normed1, dqkv)));
  }
};

}  // namespace

ScalarGradient scalar_gradient(const compute::Gpt2Shape& shape, std::span<const float> weights,
                               const compute::TokenRows& rows) {
  const std::size_t C = shape.channels;
  const std::size_t V = shape.vocabulary;
  const std::size_t tokens = rows.B * rows.T;
  const compute::TokenGrid inputs{rows.ids, rows.B, rows.T, rows.T + 1};
  const compute::TokenGrid targets{rows.ids + 1, rows.B, rows.T, rows.T + 1};
  ScalarGradient result{Floats(weights.size()), 0, static_cast<double>(rows.targets_count)};
  const Parameters parameters(shape, weights.data(), result.gradient.data());
  const auto token_table = dense(parameters.weight("wte.weight"), V, C);

  Floats x(tokens * C);
  plain::embedding_forward(dense(x.data(), tokens, C), token_table,
                           dense(parameters.weight("wpe.weight"), shape.positions, C), inputs, 0);
  std::vector<Block> blocks;
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    blocks.emplace_back(parameters, layer, compute::AttentionShape{rows.B, rows.T, C, shape.heads},
                        rows.document_first);
    x = blocks.back().forward(x);
  }
  Norm final_norm{parameters, "ln_f", tokens, C};
  const Floats normed = final_norm.forward(x);
  Floats logits(tokens * V);
  const auto dlogits = dense(logits.data(), tokens, V);
  plain::multiply(dlogits, dense(normed.data(), tokens, C), As::stored, token_table, As::transposed, nullptr);

  result.nats = plain::cross_entropy_gradient(0, dlogits, {targets, rows.targets_count, 0});

  const auto dtoken_table = dense(parameters.gradient("wte.weight"), V, C);
  plain::multiply(dtoken_table, dlogits, As::transposed, dense(normed.data(), tokens, C), As::stored, nullptr);
  Floats dnormed(tokens * C);
  plain::multiply(dense(dnormed.data(), tokens, C), dlogits, As::stored, token_table, As::stored, nullptr);
  Floats dx = final_norm.backward(x, dnormed);
  for (std::size_t layer = shape.layers; layer-- > 0;) dx = blocks[layer].backward(dx);
  plain::embedding_backward(dtoken_table, dense(parameters.gradient("wpe.weight"), shape.positions, C),
                            dense(dx.data(), tokens, C), inputs);
  return result;
}

}  // namespace tests
