#include "pipeline/update.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "compute/tree_sum.hpp"
#include "sched/share_out.hpp"

namespace pipeline {
namespace {

using compute::norm_block;

/// A core that gets less to do than this is not woken for it: it would take as long as its share.
constexpr std::size_t floats_per_core_min = 32 << 10;

/// A core's share of the flat array, cut at multiples of the norm's blocks.
FloatRange range_of(std::size_t floats_count, std::size_t core, std::size_t cores_count) {
  const std::size_t blocks = (floats_count + norm_block - 1) / norm_block;
  const auto edge = [&](std::size_t i) { return std::min(blocks * i / cores_count * norm_block, floats_count); };
  return {edge(core), edge(core + 1)};
}

/// A core's part in the update, to the end of the block.
class UpdateClock {
 public:
  UpdateClock(CoreTimes& times, const char* part) noexcept : times_(times), part_(part), began_ns_(now_ns()) {}
  UpdateClock(const UpdateClock&) = delete;
  UpdateClock& operator=(const UpdateClock&) = delete;
  ~UpdateClock() {
    const std::uint64_t ended_ns = now_ns();
    times_.add(Spent::update, ended_ns - began_ns_);
    sched::trace_span("update", began_ns_, ended_ns, part_);
  }

 private:
  CoreTimes& times_;
  const char* part_;
  std::uint64_t began_ns_;
};

/// Adds the row up and takes the norm, a tile of 16 KiB after the other: the squares find it in the L1 cache.
void add_up(CoreTimes& times, FloatRange range, const GradientRow& row, float scale, std::span<double> sums) {
  const UpdateClock clock(times, "sum and norm");
  const std::span<float> gradient = row.values[0]->values;
  const auto add_rows = row.association == sched::Association::chain ? &compute::chain_sum : &compute::tree_sum;
  std::array<const float*, sched::sphere> tiles{};
  for (std::size_t first = range.first; first < range.last; first += norm_block) {
    const std::span<float> tile = gradient.subspan(first, std::min(norm_block, range.last - first));
    for (std::size_t i = 0; i < row.count; ++i) tiles[i] = row.values[i]->values.data() + first;
    if (row.count > 1) add_rows(tile, {tiles.data(), row.count});
    compute::square_sums(sums.subspan(first / norm_block, 1), tile, scale);
  }
}

/// One matrix for Muon within the flat array.
struct MuonMatrix {
  std::size_t offset, rows, columns, stride, outputs;

  template <class Float>
  auto of(std::span<Float> floats) const noexcept {
    return view(floats.data() + offset);
  }
  double flops() const noexcept {
    const auto longer = static_cast<double>(std::max(rows, columns));
    const auto shorter = static_cast<double>(std::min(rows, columns));
    return shorter * shorter * (2 * longer + shorter);
  }

 private:
  compute::Matrix view(float* data) const noexcept { return {data, rows, columns, stride}; }
  compute::ConstMatrix view(const float* data) const noexcept { return {data, rows, columns, stride}; }
};

/// Whether a tensor is a matrix between the embeddings and the head, by its name in Hugging Face's models.
bool is_hidden_matrix(const compute::Tensor& tensor) {
  const bool in_block =
      tensor.name.find(".h.") != std::string::npos || tensor.name.find(".layers.") != std::string::npos;
  return in_block && tensor.shape.size() == 2;
}

/// GPT-2 has its matrices as (inputs, outputs), everyone else as (outputs, inputs).
bool has_outputs_first(const compute::Tensor& tensor) {
  return !tensor.name.starts_with("transformer.h.");
}

/// The matrices of the model, the costly ones first: then the last ones to be taken are short. What one tensor holds
/// for queries, keys and values are three.
std::vector<MuonMatrix> muon_matrices(const std::vector<compute::Tensor>& tensors) {
  std::vector<MuonMatrix> matrices;
  for (const compute::Tensor& tensor : tensors) {
    if (!is_hidden_matrix(tensor)) continue;
    const std::size_t rows = tensor.shape[0], columns = tensor.shape[1];
    if (tensor.name.ends_with("attn.c_attn.weight")) {
      for (std::size_t part = 0; part < 3; ++part)
        matrices.push_back({tensor.offset + part * columns / 3, rows, columns / 3, columns, columns / 3});
    } else {
      matrices.push_back({tensor.offset, rows, columns, columns, has_outputs_first(tensor) ? rows : columns});
    }
  }
  std::stable_sort(matrices.begin(), matrices.end(),
                   [](const MuonMatrix& a, const MuonMatrix& b) { return a.flops() > b.flops(); });
  return matrices;
}

void apply_adamw(FloatRange range, Model& model, std::span<const float> gradient, const UpdateSettings& settings) {
  for (const compute::Tensor& tensor : model.tensors) {
    const std::size_t first = std::max(range.first, tensor.offset);
    const std::size_t last = std::min(range.last, tensor.offset + tensor.count);
    if (first >= last || (settings.muon && is_hidden_matrix(tensor))) continue;
    const std::size_t count = last - first;
    compute::adamw_update(model.weights.span().subspan(first, count), model.moment1.span().subspan(first, count),
                          model.moment2.span().subspan(first, count), gradient.subspan(first, count), tensor.decayed,
                          settings.step);
  }
}

bool is_packed(const Model& model) {
  return !model.packed.span().empty();
}

/// A core's share of the weights, cut where they may be packed.
FloatRange weights_range_of(const Model& model, std::size_t core, std::size_t cores_count) {
  const auto edge = [&](std::size_t i) {
    return compute::gpt2_pack_edge(model.shape, model.weights.span().size() * i / cores_count);
  };
  return {edge(core), edge(core + 1)};
}

void pack(Model& model, FloatRange range) {
  compute::gpt2_pack(model.packed.span(), model.shape, model.weights.span(), range.first, range.last);
}

void update_share(CoreTimes& times, FloatRange range, Model& model, std::span<const float> gradient,
                  const UpdateSettings& settings) {
  const UpdateClock clock(times, "weights");
  update_weights(model, range, gradient, settings);
}

void update_matrix(Model& model, const MuonMatrix& matrix, std::span<const float> gradient,
                   const UpdateSettings& settings, std::span<float> scratch) {
  compute::MuonStep step = *settings.muon;
  step.gradient_scale = settings.step.gradient_scale;
  step.clip = settings.step.clip;
  compute::muon_update(matrix.of(model.weights.span()), matrix.of(model.moment1.span()), matrix.of(gradient),
                       matrix.outputs, step, scratch.data());
}

/// Takes matrices until none is left. Which core takes which changes nothing.
void apply_muon(CoreState& core, std::span<const MuonMatrix> matrices, std::atomic<std::size_t>& next, Model& model,
                std::span<const float> gradient, const UpdateSettings& settings) {
  const UpdateClock clock(core.times, "matrices");
  // Between steps the cores' workspaces are free.
  for (std::size_t i = next++; i < matrices.size(); i = next++)
    update_matrix(model, matrices[i], gradient, settings, core.workspace.span());
}

sched::task<void> share_out_matrices(Run& run, const UpdateSettings& settings, std::span<const float> gradient) {
  const std::vector<MuonMatrix> matrices = muon_matrices(run.model.tensors);
  std::atomic<std::size_t> next = 0;
  const auto part = [&](std::size_t core, std::size_t) {
    apply_muon(run.core_states[core], matrices, next, run.model, gradient, settings);
  };
  co_await sched::share_out(run.cores, run.cores.count(), part);
}

void pack_share(CoreTimes& times, Model& model, FloatRange range) {
  const UpdateClock clock(times, "pack");
  pack(model, range);
}

/// How many cores share a pass over all weights.
std::size_t cores_for(const Run& run) {
  return std::clamp<std::size_t>(run.model.weights.span().size() / floats_per_core_min, 1, run.cores.count());
}

}  // namespace

std::size_t muon_workspace_floats(const std::vector<compute::Tensor>& tensors) {
  std::size_t most = 0;
  for (const MuonMatrix& matrix : muon_matrices(tensors))
    most = std::max(most, compute::muon_scratch_floats(matrix.rows, matrix.columns));
  return most;
}

void update_weights(Model& model, FloatRange range, std::span<const float> gradient, const UpdateSettings& settings) {
  if (settings.muon || !is_packed(model)) {
    apply_adamw(range, model, gradient, settings);
    return;
  }
  constexpr std::size_t piece_floats = 32 << 10;  // weights, moments and gradient: 512 KiB
  while (range.first < range.last) {
    const std::size_t end = compute::gpt2_pack_edge(model.shape, std::min(range.first + piece_floats, range.last));
    const FloatRange piece{range.first, end};
    apply_adamw(piece, model, gradient, settings);
    pack(model, piece);
    range.first = end;
  }
}

void update_matrices(Model& model, std::span<const float> gradient, const UpdateSettings& settings,
                     std::span<float> scratch) {
  for (const MuonMatrix& matrix : muon_matrices(model.tensors))
    update_matrix(model, matrix, gradient, settings, scratch);
  if (is_packed(model)) pack(model, {0, model.weights.span().size()});
}

sched::task<void> initialize_weights(Run& run, std::uint64_t seed) {
  const auto part = [&run, seed](std::size_t core, std::size_t cores_count) {
    const FloatRange range = weights_range_of(run.model, core, cores_count);
    compute::gpt2_initialize(run.model.weights.span(), run.model.shape, seed, range.first, range.last);
  };
  co_await sched::share_out(run.cores, cores_for(run), part);
}

sched::task<void> pack_weights(Run& run) {
  if (!is_packed(run.model)) co_return;
  const auto part = [&run](std::size_t core, std::size_t cores_count) {
    pack_share(run.core_states[core].times, run.model, weights_range_of(run.model, core, cores_count));
  };
  co_await sched::share_out(run.cores, cores_for(run), part);
}

sched::task<double> update(Run& run, UpdateSettings settings, const GradientRow& row, std::uint64_t targets_count) {
  const std::span<const float> gradient = row.values[0]->values;
  const std::size_t floats_count = gradient.size();
  settings.step.gradient_scale = static_cast<float>(1.0 / static_cast<double>(targets_count));
  std::vector<double> sums((floats_count + norm_block - 1) / norm_block);
  const auto sum_part = [&](std::size_t core, std::size_t cores_count) {
    add_up(run.core_states[core].times, range_of(floats_count, core, cores_count), row, settings.step.gradient_scale,
           sums);
  };
  co_await sched::share_out(run.cores, cores_for(run), sum_part);
  double squares = 0;
  for (const double sum : sums) squares += sum;  // in block order, whoever computed them
  const double norm = std::sqrt(squares);
  // No weight may change before the whole norm is known.
  settings.step.clip =
      settings.grad_clip > 0 && norm > settings.grad_clip ? static_cast<float>(settings.grad_clip / norm) : 1.0f;
  const auto weights_part = [&](std::size_t core, std::size_t cores_count) {
    update_share(run.core_states[core].times, weights_range_of(run.model, core, cores_count), run.model, gradient,
                 settings);
  };
  co_await sched::share_out(run.cores, cores_for(run), weights_part);
  if (settings.muon) {
    co_await share_out_matrices(run, settings, gradient);
    co_await pack_weights(run);
  }
  co_return norm;
}

}  // namespace pipeline
