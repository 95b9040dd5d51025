#pragma once

// What a safetensors file says it holds. The header may come from a stranger: nothing in it is believed before it has
// been compared with the rest and with the size of the file.

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace io {

/// A file is not a safetensors file, or not the one wanted. The text is one line naming the file.
class SafetensorsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The format's own reference implementation takes no longer headers.
inline constexpr std::uint64_t safetensors_header_bytes_max = 100'000'000;
inline constexpr std::size_t safetensors_rank_max = 32;

/// A tensor of a file.
struct StoredTensor {
  std::string type;  ///< "F32", "BF16" and so on, as the format names them
  std::vector<std::size_t> shape;
  std::uint64_t begin_bytes = 0;  ///< in the data, which follows the header
  std::uint64_t end_bytes = 0;
};

using StoredTensors = std::unordered_map<std::string, StoredTensor>;

/// Takes a header apart. The tensors lie one after the other without a gap and fill the data; each has the size that
/// its type and shape say.
///   header: the JSON, without the length field.   data_bytes: what follows it in the file.   name: of the file, for
///   errors Throws SafetensorsError for anything else.
StoredTensors parse_safetensors_header(std::string_view header, std::uint64_t data_bytes, const std::string& name);

/// "2, 3, 4".
std::string shape_text(const std::vector<std::size_t>& shape);

}  // namespace io
