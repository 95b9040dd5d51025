#pragma once

// How large everything is that a run allocates at its start, and whether the machine has room for it.

#include <cstddef>

#include "compute/gpt2.hpp"
#include "io/files.hpp"
#include "pipeline/memory.hpp"
#include "pipeline/packer.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {

struct Sizes {
  compute::Gpt2Shape shape;
  std::size_t cores_count;
  GradientMemory gradient_memory;  ///< lean or fast
  std::size_t gradients_count;     ///< buffers
  std::size_t model_floats;        ///< of the weights, of each moment, of each gradient
  std::size_t packed_floats;       ///< of the weights packed for products; 0 where memory is short
  std::size_t workspace_floats;    ///< per core
  std::size_t batches_capacity;    ///< micro-batches that may wait in the channel
  std::size_t trace_bytes;
  std::size_t checkpoint_floats;  ///< of the copy from which checkpoints are written while training goes on
  PackerShape packer;
};

/// `settings` are completed.
Sizes sizes_of(const TrainSettings& settings, const compute::ModelShape& shape, std::size_t cores_count);

/// Whether gradients are better added two by two: while one is in its core's second cache, or just behind it, it is
/// added at once, and a step's gradients together would not stay there until the update. On Zen 3 (512 KiB) the presets
/// seed and llama-seed (0.5 MB) gain 8 to 12 %, tiny (1.9 MB) 4; on a Xeon with 4 MiB seed loses 10.
bool sums_gain_by_caches(const Sizes& sizes, std::size_t cache_bytes) noexcept;

/// How the files of a corpus are read: blocks for --read-ahead, or for the command's `default_mib` of it.
io::FilesOptions files_options(const DataSettings& settings, std::uint64_t default_mib = 8);

/// Of `blocks_count` blocks, those that belong to evaluations.
unsigned validation_blocks(unsigned blocks_count) noexcept;

/// Where the memory of such a run goes.
MemoryPlan plan_memory(const Sizes& sizes, const io::FilesOptions& files);

}  // namespace pipeline
