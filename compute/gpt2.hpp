#pragma once

// The model: token embeddings and positions, pre-norm blocks of causal attention and a layer with an activation, a
// final norm and a head. GPT-2, and what other families make of it (compute/model_shape.hpp). Pure arithmetic on memory
// that the caller owns: the weights are only read, a worker's gradient and workspace are only its own.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compute/matrix.hpp"
#include "compute/model_shape.hpp"
#include "compute/objective.hpp"

namespace compute {

using Gpt2Shape = ModelShape;

/// One parameter tensor: where it lies in the flat array of weights (and of gradients and moments).
struct Tensor {
  std::string name;                ///< as in Hugging Face's models, e.g. "transformer.h.0.attn.c_attn.weight"
  std::vector<std::size_t> shape;  ///< as there: (inputs, outputs) in GPT-2, (outputs, inputs) in Llama
  std::size_t offset;              ///< in floats
  std::size_t count;               ///< in floats
  bool decayed;                    ///< weight decay applies: tensors of two dimensions
};

/// The model's tensors in the order of the flat array.
std::vector<Tensor> gpt2_tensors(const Gpt2Shape& shape);

/// Floats of the flat array: the tensors with the gaps between them, a multiple of 16. What one product reads (q, k, v
/// in Llama) lies without gaps and begins at a multiple of 16, as does everything else. Gaps stay zero.
std::size_t gpt2_floats(const Gpt2Shape& shape);

/// Parameters as people count them: the sum of the tensors' counts.
std::size_t gpt2_parameters(const Gpt2Shape& shape);

/// Fills the flat array: normal(0, d) matrices and embeddings, where d is the shape's initial deviation
/// (d/sqrt(2*layers) for GPT-2's projections into the residual stream), gains 1, biases 0. The same bits for the same
/// seed anywhere.
///   Source: Radford et al. 2019, section 2.3; the released code's initializer; Hugging Face's for Llama.
void gpt2_initialize(std::span<float> weights, const Gpt2Shape& shape, std::uint64_t seed);
/// Floats [first, last) of it, for threads that share the work.
void gpt2_initialize(std::span<float> weights, const Gpt2Shape& shape, std::uint64_t seed, std::size_t first,
                     std::size_t last);

/// Rows of token ids as they come from the packer. A row has T inputs and, shifted by one, T targets.
struct TokenRows {
  const std::int32_t* ids;    ///< (B, T + 1), row-major, each in [0, vocabulary)
  std::size_t B, T;           ///< rows, positions per row; T <= positions
  std::size_t targets_count;  ///< targets that count, in token order; those after them are masked
  /// (B, T): where each position's document begins in its row (compute/documents.hpp). Attention stops there. nullptr:
  /// it sees the whole row.
  const std::uint32_t* document_first = nullptr;
  std::size_t context = 0;  ///< leading targets of each row that do not count: for `gpt2_loss` only
  /// Called when the forward pass and the head are done and the backward pass begins: for whoever measures.
  struct BetweenPasses {
    void (*call)(void* argument) noexcept = nullptr;
    void* argument = nullptr;
  } between_passes{};
};

/// Sum (not mean) of the cross-entropies in nats of the targets that count, added in token order.
struct LossSum {
  double nats;
  std::size_t targets_count;
};

/// What the backward pass finds of a block: all it needs, or only what entered it, from which the rest is computed once
/// more: a third more arithmetic for a fraction of the memory. The same bits.
enum class Activations : bool { kept, recomputed };

/// Floats of workspace for forward and backward of B rows of T positions: activations, their gradients, scratch.
std::size_t gpt2_workspace_floats(const Gpt2Shape& shape, std::size_t B, std::size_t T,
                                  Activations activations = Activations::kept);

/// Floats of workspace that suffice for `gpt2_loss` and `gpt2_logits` alone.
std::size_t gpt2_forward_workspace_floats(const Gpt2Shape& shape, std::size_t B, std::size_t T);

/// Floats of the weights' packed form.
std::size_t gpt2_packed_floats(const Gpt2Shape& shape) noexcept;

/// The first place from `offset` on at which the flat array of weights may be cut for packing.
std::size_t gpt2_pack_edge(const Gpt2Shape& shape, std::size_t offset) noexcept;

/// Packs what stands in [first, last) of the weights, for `gpt2_gradient`; both are such places. Different threads may
/// pack different stretches. packed: gpt2_packed_floats, 64-byte aligned.
void gpt2_pack(std::span<float> packed, const Gpt2Shape& shape, std::span<const float> weights, std::size_t first,
               std::size_t last) noexcept;

/// Loss and its gradient for one micro-batch. The gradient is of the *sum* of the losses, with what `objective` adds,
/// and is written whole. The loss is that of the dropped-out pass, without the objective's other terms.
///   weights: gpt2_floats, read only. packed: what gpt2_pack made of them, or nothing: the same bits, but then each
///   call packs them for itself. gradient: gpt2_floats, every float is written (gaps with 0). workspace: at least
///   gpt2_workspace_floats floats, 64-byte aligned, contents arbitrary.
///   into: replaced, or where gpt2_gradient_adds, added: to what another call wrote, bit for bit as if this one's had
///   been written apart and compute::add had then been called. A pass over both, and the memory of one, are saved.
LossSum gpt2_gradient(std::span<float> gradient, const Gpt2Shape& shape, std::span<const float> weights,
                      const TokenRows& rows, std::span<float> workspace, const Objective& objective = {},
                      Activations activations = Activations::kept, std::span<const float> packed = {},
                      Into into = Into::replaced) noexcept;

/// Whether the gradient of so many tokens can be added while it is computed: where it is one chain over the tokens.
bool gpt2_gradient_adds(std::size_t tokens) noexcept;

/// The loss alone: the same bits as above.
LossSum gpt2_loss(const Gpt2Shape& shape, std::span<const float> weights, const TokenRows& rows,
                  std::span<float> workspace) noexcept;

/// Logits (vocabulary floats) of the position last - 1 of one sequence, computing positions [first, last) and reusing
/// what an earlier call with the same workspace and sequence left for positions [0, first).
///   ids: the sequence from position 0. Requires first < last <= positions. The workspace is for B = 1, T = positions.
void gpt2_logits(std::span<float> logits, const Gpt2Shape& shape, std::span<const float> weights,
                 std::span<const std::int32_t> ids, std::size_t first, std::size_t last,
                 std::span<float> workspace) noexcept;

}  // namespace compute
