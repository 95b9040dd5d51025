#include "pipeline/sizes.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "pipeline/batch_order.hpp"
#include "pipeline/micro_batch.hpp"
#include "pipeline/run_trace.hpp"
#include "pipeline/update.hpp"

namespace pipeline {
namespace {

/// has_room: for all packed weights. Small ones belong to what the program takes anyway.
void take_gradient_memory(Sizes& sizes, GradientMemory memory, bool has_room) {
  sizes.gradient_memory = memory;
  sizes.gradients_count = gradient_buffers_count(memory, sizes.packer.step_batches_count, sizes.cores_count);
  constexpr std::size_t small_floats = (16 << 20) / sizeof(float);
  const std::size_t packed_floats = compute::gpt2_packed_floats(sizes.shape);
  sizes.packed_floats = has_room || packed_floats <= small_floats ? packed_floats : 0;
}

std::size_t second_cache_bytes() {
  const long asked = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return asked > 0 ? static_cast<std::size_t>(asked) : 0;  // 0 where nobody knows
}

/// Fast where it gains and the machine has plenty left: others live on it too.
void choose_gradient_memory(Sizes& sizes, const TrainSettings& settings) {
  if (settings.gradient_memory != GradientMemory::automatic) {
    take_gradient_memory(sizes, settings.gradient_memory, settings.gradient_memory == GradientMemory::fast);
    return;
  }
  take_gradient_memory(sizes, GradientMemory::fast, true);
  const std::uint64_t wanted = plan_memory(sizes, files_options(settings)).total_bytes();
  if (wanted > available_memory_bytes() / 2) {
    take_gradient_memory(sizes, GradientMemory::lean, false);
  } else if (sums_gain_by_caches(sizes, second_cache_bytes())) {
    take_gradient_memory(sizes, GradientMemory::lean, true);
  }
}

}  // namespace

bool sums_gain_by_caches(const Sizes& sizes, std::size_t cache_bytes) noexcept {
  const std::size_t gradient_bytes = sizes.model_floats * sizeof(float);
  return gradient_bytes <= 4 * cache_bytes &&
         sizes.gradients_count * gradient_bytes / sizes.cores_count > 2 * cache_bytes;
}

Sizes sizes_of(const TrainSettings& settings, const compute::ModelShape& shape, std::size_t cores_count) {
  Sizes sizes{};
  sizes.shape = shape;
  sizes.cores_count = cores_count;
  sizes.model_floats = compute::gpt2_floats(sizes.shape);
  sizes.workspace_floats = compute::gpt2_workspace_floats(
      sizes.shape, settings.micro_batch, settings.seq_len,
      settings.recompute ? compute::Activations::recomputed : compute::Activations::kept);
  if (settings.optimizer == OptimizerKind::muon)
    sizes.workspace_floats =
        std::max(sizes.workspace_floats, muon_workspace_floats(compute::gpt2_tensors(sizes.shape)));
  // While one step computes the next one is there, and no more: ingest then waits. But of small steps some: ingest
  // that wakes less often gives preset seed 1.6 % (docs/architecture.md).
  constexpr std::uint64_t targets_ahead = 4096;
  const std::uint64_t step_targets = settings.step_batches_count() * settings.micro_batch * settings.seq_len;
  const std::uint64_t steps_ahead = std::max<std::uint64_t>(targets_ahead / step_targets, 1);
  sizes.batches_capacity = steps_ahead * settings.step_batches_count() + cores_count;
  if (settings.checkpoint_every != 0 || settings.checkpoint_minutes > 0)
    sizes.checkpoint_floats = 3 * sizes.model_floats;
  sizes.packer = {settings.seq_len, settings.micro_batch, settings.step_batches_count(), settings.tokens,
                  settings.document_mask};
  if (!settings.trace.empty()) sizes.trace_bytes = RunTrace::bytes(cores_count);
  choose_gradient_memory(sizes, settings);
  if (sizes.gradient_memory == GradientMemory::lean) sizes.packer.runs_together = cores_count;
  return sizes;
}

io::FilesOptions files_options(const DataSettings& settings, std::uint64_t default_mib) {
  constexpr std::size_t part_bytes = 256 << 10;  // the disk gives its best from there on
  constexpr std::size_t page_bytes = 4096;       // behind it, for parsers that look ahead
  io::FilesOptions options;
  options.kind = settings.io;
  options.block_bytes = part_bytes + page_bytes;
  const std::uint64_t mib = settings.read_ahead_mib != 0 ? settings.read_ahead_mib : default_mib;
  // Each corpus of a mixture has up to four files open at a time, and its share of the evaluation.
  options.blocks_count =
      static_cast<unsigned>(std::max<std::uint64_t>((mib << 20) / part_bytes, 16 * settings.mixes.size()));
  return options;
}

unsigned validation_blocks(unsigned blocks_count) noexcept {
  return blocks_count / 4;
}

MemoryPlan plan_memory(const Sizes& sizes, const io::FilesOptions& files) {
  const std::uint64_t model_bytes = sizes.model_floats * sizeof(float);
  const std::uint64_t batch_bytes =
      sizes.packer.micro_batch_rows * (sizes.packer.seq_len + 1) * sizeof(io::TokenId) + sizeof(MicroBatch) +
      (sizes.packer.document_mask ? sizes.packer.micro_batch_rows * sizes.packer.seq_len * sizeof(std::uint32_t) : 0);
  const std::uint64_t batches = sizes.batches_capacity + 2 * sizes.packer.step_batches_count;
  constexpr std::uint64_t program_bytes = 32u << 20;  // code, tokenizer, corpus list, stacks
  return {{{"weights", model_bytes},
           {"moments", 2 * model_bytes},
           {"packed weights", sizes.packed_floats * sizeof(float)},
           {fmt::format("{} gradients ({})", sizes.gradients_count, gradient_memory_name(sizes.gradient_memory)),
            sizes.gradients_count * model_bytes},
           {fmt::format("activations of {} cores", sizes.cores_count),
            sizes.cores_count * sizes.workspace_floats * sizeof(float)},
           {"copy for checkpoints", sizes.checkpoint_floats * sizeof(float)},
           {"batches", batches * batch_bytes},
           {"file blocks", files.blocks_count * files.block_bytes},
           {"trace", sizes.trace_bytes},
           {"program", program_bytes}}};
}

}  // namespace pipeline
