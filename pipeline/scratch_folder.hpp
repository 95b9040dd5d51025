#pragma once

// A folder of this process alone, for files that are needed only while it runs. Gone with the object, and with it all
// that is in it.

#include <string>

namespace pipeline {

class ScratchFolder {
 public:
  /// Makes one where the system keeps such folders (TMPDIR). Throws io::FileError.
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

}  // namespace pipeline
