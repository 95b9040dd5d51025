#include "pipeline/skips_file.hpp"

#include <fcntl.h>

#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

namespace pipeline {

SkipsFile::SkipsFile(io::Files& files, std::string path, const SkipsWritten& written, std::vector<io::Skip> walked)
    : files_(files), path_(std::move(path)), written_(written), walked_(std::move(walked)) {
  std::error_code missing;  // then it is written anew
  std::filesystem::resize_file(path_, written_.bytes, missing);
  if (missing) written_ = {};
  if (written_.bytes != 0) walked_.clear();
}

sched::task<void> SkipsFile::write(const Accounting& accounting) {
  if (file_.descriptor() < 0) file_ = co_await files_.open(path_, O_WRONLY | O_CREAT, 0666);
  std::string lines;
  for (const io::Skip& skip : std::exchange(walked_, {})) {
    lines += to_json_line(skip);
    ++written_.count;
  }
  for (; entered_count_ < accounting.skips().size(); ++entered_count_) {
    lines += to_json_line(accounting.skips()[entered_count_]);
    ++written_.count;
  }
  co_await files_.write(file_, written_.bytes, std::as_bytes(std::span(lines)));
  written_.bytes += lines.size();
}

}  // namespace pipeline
