#include "io/error.hpp"

#include <cerrno>
#include <cstring>

namespace io {
namespace {

std::string describe(const std::string& path, std::uint64_t offset_bytes, int error_number, const std::string& action) {
  std::string text = path + ": cannot " + action;
  if (offset_bytes != 0) text += " at byte " + std::to_string(offset_bytes);
  text += std::string(": ") + std::strerror(error_number);
  if (error_number == ENOSPC || error_number == EDQUOT) text += "; free some space or choose another folder with --out";
  if (error_number == EACCES || error_number == EPERM) text += "; check the permissions";
  if (error_number == EMFILE) text += "; raise the limit of open files (ulimit -n)";
  return text;
}

}  // namespace

FileError::FileError(std::string path, std::uint64_t offset_bytes, int error_number, const std::string& action)
    : std::runtime_error(describe(path, offset_bytes, error_number, action)),
      path_(std::move(path)),
      offset_bytes_(offset_bytes),
      error_number_(error_number) {}

}  // namespace io
