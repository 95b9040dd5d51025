#pragma once

// Real files of which some operations fail, as on a disk that is full: by the number of the operation, so that a test
// can have each one fail in turn.

#include <cerrno>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "io/error.hpp"
#include "io/files.hpp"

namespace tests {

class FailingFiles final : public io::Files {
 public:
  /// The operations `first` to `last`, counted from 0, fail; a write after half of it was written.
  FailingFiles(std::unique_ptr<io::Files> files, unsigned first, unsigned last)
      : files_(std::move(files)), first_(first), last_(last) {}

  unsigned operations_count() const noexcept { return count_; }

  asio::any_io_executor executor() noexcept override { return files_->executor(); }
  void run() override { files_->run(); }
  void stop() noexcept override { files_->stop(); }
  std::string description() const override { return files_->description(); }
  io::FileCounters counters() const noexcept override { return files_->counters(); }
  unsigned blocks_count() const noexcept override { return files_->blocks_count(); }
  std::size_t block_bytes() const noexcept override { return files_->block_bytes(); }
  io::Block block(unsigned index) noexcept override { return files_->block(index); }

  sched::task<io::OpenFile> open(std::string path, int flags, unsigned mode) override {
    fail_if_due(path, "open");
    return files_->open(std::move(path), flags, mode);
  }
  sched::task<io::FileStatus> status(const io::OpenFile& file) override {
    fail_if_due(file.path(), "ask for the status");
    return files_->status(file);
  }
  sched::task<std::size_t> read(const io::OpenFile& file, std::uint64_t offset_bytes, io::Block block,
                                std::size_t bytes_max) override {
    fail_if_due(file.path(), "read");
    return files_->read(file, offset_bytes, block, bytes_max);
  }
  sched::task<std::optional<std::size_t>> read_cached(const io::OpenFile& file, std::uint64_t offset_bytes,
                                                      io::Block block, std::size_t bytes_max) override {
    fail_if_due(file.path(), "read");
    return files_->read_cached(file, offset_bytes, block, bytes_max);
  }
  sched::task<void> read_whole(std::span<io::WholeRead> reads) override {
    fail_if_due(reads.empty() || reads.front().path == nullptr ? "" : reads.front().path, "read");
    return files_->read_whole(reads);
  }
  sched::task<void> write(const io::OpenFile& file, std::uint64_t offset_bytes,
                          std::span<const std::byte> bytes) override {
    const bool due = is_due();
    if (due) bytes = bytes.first(bytes.size() / 2);
    co_await files_->write(file, offset_bytes, bytes);
    if (due) throw io::FileError(file.path(), offset_bytes, ENOSPC, "write");
  }
  sched::task<void> sync(const io::OpenFile& file) override {
    fail_if_due(file.path(), "sync");
    return files_->sync(file);
  }
  sched::task<void> close(io::OpenFile file) override {
    fail_if_due(file.path(), "close");
    return files_->close(std::move(file));
  }
  sched::task<void> make_directory(std::string path) override {
    fail_if_due(path, "make the folder");
    return files_->make_directory(std::move(path));
  }
  sched::task<void> rename(std::string from, std::string to) override {
    fail_if_due(from, "rename");
    return files_->rename(std::move(from), std::move(to));
  }
  sched::task<void> replace(std::string from, std::string to) override {
    fail_if_due(from, "replace");
    return files_->replace(std::move(from), std::move(to));
  }
  sched::task<void> remove_file(std::string path) override {
    fail_if_due(path, "remove");
    return files_->remove_file(std::move(path));
  }
  sched::task<void> remove_directory(std::string path) override {
    fail_if_due(path, "remove the folder");
    return files_->remove_directory(std::move(path));
  }

 private:
  bool is_due() noexcept {
    const unsigned number = count_++;
    return number >= first_ && number <= last_;
  }
  void fail_if_due(const std::string& path, const char* action) {
    if (is_due()) throw io::FileError(path, 0, ENOSPC, action);
  }

  std::unique_ptr<io::Files> files_;
  unsigned first_;
  unsigned last_;
  unsigned count_ = 0;
};

}  // namespace tests
