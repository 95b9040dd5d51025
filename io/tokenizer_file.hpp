#pragma once

// The bytes of a tokenizer's file: small, read at once, before a run begins.

#include <cstdint>
#include <string>

namespace io {

/// The largest tokenizers known are under 40 MB; what is far above that is another file, named by mistake.
inline constexpr std::uint64_t tokenizer_file_bytes_max = 256u << 20;

/// Throws TokenizerError where `path` is not a file that can be read, is empty, or has more than `size_bytes_max`.
std::string read_tokenizer_file(const std::string& path, std::uint64_t size_bytes_max = tokenizer_file_bytes_max);

}  // namespace io
