#pragma once

// The safetensors format: 8 bytes with the header's length (little endian), a JSON header, the tensors' bytes one after
// another. Written through Files; read back whole by blocking calls, before anything runs.

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/files.hpp"
#include "sched/task.hpp"

namespace io {

/// A file is not what a safetensors file of this program is. The text is one line naming the file.
class SafetensorsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An f32 tensor in memory.
struct TensorView {
  std::string name;
  std::vector<std::size_t> shape;
  std::span<const float> values;
};

/// "2, 3, 4".
std::string shape_text(const std::vector<std::size_t>& shape);

/// The length field and the header for these tensors, padded so that the data begins at a multiple of 8.
std::string safetensors_header(const std::vector<TensorView>& tensors);

/// Writes a new file and syncs it. Throws FileError.
sched::task<void> write_safetensors(Files& files, std::string path, const std::vector<TensorView>& tensors);

/// A tensor's place to be read into.
struct TensorSlot {
  std::string name;
  std::vector<std::size_t> shape;
  std::span<float> values;
};

/// Fills every slot from the file. Throws SafetensorsError where a tensor is missing or of another shape or type, where
/// offsets do not fit the file, and where the file cannot be read.
void read_safetensors(const std::string& path, const std::vector<TensorSlot>& slots);

}  // namespace io
