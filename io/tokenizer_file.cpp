#include "io/tokenizer_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "io/error.hpp"

namespace io {

std::string read_tokenizer_file(const std::string& path, std::uint64_t size_bytes_max) {
  const auto refuse = [&](const std::string& reason) { throw TokenizerError(path + ": " + reason); };
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) refuse("there is no such file");
  if (error) refuse("cannot be read: " + error.message());
  if (!std::filesystem::is_regular_file(status)) refuse("is not a file");
  const std::uint64_t size_bytes = std::filesystem::file_size(path, error);
  if (error) refuse("cannot be read: " + error.message());
  if (size_bytes == 0) refuse("is empty");
  if (size_bytes > size_bytes_max)
    refuse("is no tokenizer: it has " + std::to_string(size_bytes) + " bytes, more than the " +
           std::to_string(size_bytes_max) + " that one may have");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(std::string("cannot be read: ") + std::strerror(errno));
  std::string text(size_bytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(size_bytes));
  if (static_cast<std::uint64_t>(file.gcount()) != size_bytes)
    refuse("cannot be read: it ended at byte " + std::to_string(file.gcount()) + " of " + std::to_string(size_bytes));
  return text;
}

}  // namespace io
