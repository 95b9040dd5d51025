#pragma once

// The safetensors format: 8 bytes with the header's length (little endian), a JSON header, the tensors' bytes one after
// another. Large models lie in several such files (shards) with an index beside them, as Hugging Face does. Written
// through Files; read back whole by blocking calls, before anything runs.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/files.hpp"
#include "io/safetensors_header.hpp"
#include "sched/task.hpp"

namespace io {

/// A file of more bytes of tensors is written as several.
inline constexpr std::uint64_t safetensors_shard_bytes_max = 5'000'000'000;

/// An f32 tensor in memory.
struct TensorView {
  std::string name;
  std::vector<std::size_t> shape;
  std::span<const float> values;
};

/// The length field and the header for these tensors, padded so that the data begins at a multiple of 8.
std::string safetensors_header(const std::vector<TensorView>& tensors);

/// Writes a new file and syncs it. Throws FileError.
sched::task<void> write_safetensors(Files& files, std::string path, const std::vector<TensorView>& tensors);

/// A shard: a file's name and its tensors.
using SafetensorsShard = std::pair<std::string, std::vector<TensorView>>;

/// Divides tensors, in their order, into files of at most `shard_bytes_max`, or one tensor that is larger:
/// NAME.safetensors where one file is enough, else NAME-00001-of-00003.safetensors and so on.
std::vector<SafetensorsShard> safetensors_shards(const std::string& name, const std::vector<TensorView>& tensors,
                                                 std::uint64_t shard_bytes_max);

/// NAME.safetensors.index.json of several shards.
std::string safetensors_index(const std::vector<SafetensorsShard>& shards);

/// A tensor's place to be read into.
struct TensorSlot {
  std::string name;
  std::vector<std::size_t> shape;
  std::span<float> values;
};

/// Fills every slot from the file `path`, or where there is none from the shards that `path`.index.json names, in the
/// same folder. Types F32, F16 and BF16.
///   Throws SafetensorsError where a tensor is missing or of another shape or type, or a file is not sound, and
///   FileError where one cannot be read.
void read_safetensors(const std::string& path, const std::vector<TensorSlot>& slots);

/// Whether the file `path`, or the index beside it where there is none, names this tensor. Throws as above.
bool safetensors_holds(const std::string& path, const std::string& tensor);

}  // namespace io
