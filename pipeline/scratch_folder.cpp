#include "pipeline/scratch_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "io/error.hpp"

namespace pipeline {

ScratchFolder::ScratchFolder() {
  std::error_code none;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(none);
  path_ = ((none ? std::filesystem::path("/tmp") : parent) / "icosa-XXXXXX").string();
  if (::mkdtemp(path_.data()) == nullptr) throw io::FileError(path_, 0, errno, "make the folder");
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace pipeline
