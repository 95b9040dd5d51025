#pragma once

// The GGUF format, version 3, as llama.cpp reads it: written, not read. All numbers little-endian:
//   4 bytes   "GGUF"
//   4         version, 3
//   8 + 8     tensors; entries: how many
//   entries   name, type (4 bytes), value
//   tensors   name, number of dimensions (4), each of them (8, the innermost first), type (4), offset in the data (8)
//   padding   to a multiple of 32, and after each tensor
//   data      the tensors' numbers one after another
// A text is its length (8) and its bytes; a list is the type of its elements (4), their number (8) and the elements.

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "io/files.hpp"
#include "sched/task.hpp"

namespace io {

/// A model cannot be written in this format. One line.
class GgufError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline constexpr std::size_t gguf_alignment = 32;

/// How the format numbers types of tensors.
enum class GgufType : std::uint32_t { f32 = 0, f16 = 1 };

struct GgufTensor {
  std::string name;
  std::vector<std::size_t> shape;  ///< the outermost first
  GgufType type = GgufType::f32;

  std::size_t count() const noexcept;
  std::uint64_t size_bytes() const noexcept;
};

/// What a file says about its tensors. Names are not repeated.
class GgufMetadata {
 public:
  void add_text(std::string_view name, std::string_view text);
  void add_count(std::string_view name, std::size_t count);  ///< Requires count < 2^32.
  void add_real(std::string_view name, float value);
  void add_flag(std::string_view name, bool value);
  void add_texts(std::string_view name, const std::vector<std::string>& texts);
  void add_integers(std::string_view name, const std::vector<std::int32_t>& values);

  std::uint64_t count() const noexcept { return count_; }
  const std::string& bytes() const noexcept { return bytes_; }

 private:
  void begin(std::string_view name, std::uint32_t type);

  std::uint64_t count_ = 0;
  std::string bytes_;
};

/// Everything before the data.
std::string gguf_header(const GgufMetadata& metadata, const std::vector<GgufTensor>& tensors);

/// Writes one file, its tensors in their order.
class GgufWriter {
 public:
  GgufWriter(Files& files, std::string path, std::vector<GgufTensor> tensors)
      : files_(files), path_(std::move(path)), tensors_(std::move(tensors)) {}

  /// Begins the file, which is replaced where there is one. Throws FileError.
  sched::task<void> begin(const GgufMetadata& metadata);
  /// The numbers of the next tensor, as many as it has. Throws FileError, and GgufError for a number that the type
  /// cannot hold.
  sched::task<void> append(std::span<const float> values);
  /// Requires that all tensors were given. Syncs and closes the file. Throws FileError.
  sched::task<void> finish();

 private:
  sched::task<void> write(std::span<const std::byte> bytes);

  Files& files_;
  std::string path_;
  std::vector<GgufTensor> tensors_;
  std::size_t next_ = 0;
  OpenFile file_;
  std::uint64_t offset_bytes_ = 0;
};

}  // namespace io
