#pragma once

// Real files, whose answers come in a random order, in random parts, and with errors that pass.

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>

#include "io/error.hpp"
#include "io/files.hpp"

namespace tests {

class DelayedFiles final : public io::Files {
 public:
  /// `failures_per_thousand`: how often an open or a read fails with EIO; three times for a file, then no more.
  DelayedFiles(std::unique_ptr<io::Files> files, unsigned seed, unsigned failures_per_thousand = 0)
      : files_(std::move(files)), random_(seed), failures_per_thousand_(failures_per_thousand) {}

  asio::any_io_executor executor() noexcept override { return files_->executor(); }
  void run() override { files_->run(); }
  void stop() noexcept override { files_->stop(); }
  std::string description() const override { return files_->description(); }
  io::FileCounters counters() const noexcept override { return files_->counters(); }
  unsigned blocks_count() const noexcept override { return files_->blocks_count(); }
  std::size_t block_bytes() const noexcept override { return files_->block_bytes(); }
  io::Block block(unsigned index) noexcept override { return files_->block(index); }
  unsigned failures_count() const noexcept { return failures_count_; }

  sched::task<io::OpenFile> open(std::string path, int flags, unsigned mode) override {
    co_await delay();
    if (fails(path)) throw io::FileError(path, 0, EIO, "open");
    io::OpenFile file = co_await files_->open(std::move(path), flags, mode);
    co_return file;
  }
  sched::task<io::FileStatus> status(const io::OpenFile& file) override {
    co_await delay();
    const io::FileStatus status = co_await files_->status(file);
    co_return status;
  }
  sched::task<std::size_t> read(const io::OpenFile& file, std::uint64_t offset_bytes, io::Block block,
                                std::size_t bytes_max) override {
    co_await delay();
    if (fails(file.path())) throw io::FileError(file.path(), offset_bytes, EIO, "read");
    // Short reads, as the kernel may give them.
    const std::size_t bytes = 1 + random_() % bytes_max;
    const std::size_t got = co_await files_->read(file, offset_bytes, block, bytes);
    co_return got;
  }
  sched::task<std::optional<std::size_t>> read_cached(const io::OpenFile& file, std::uint64_t offset_bytes,
                                                      io::Block block, std::size_t bytes_max) override {
    co_await delay();
    const std::optional<std::size_t> got = co_await files_->read_cached(file, offset_bytes, block, bytes_max);
    co_return got;
  }
  sched::task<void> read_whole(std::span<io::WholeRead> reads) override {
    co_await delay();
    co_await files_->read_whole(reads);
    for (io::WholeRead& read : reads)
      if (fails(read.path != nullptr ? read.path : std::to_string(read.descriptor))) read.result = -EIO;
  }
  sched::task<void> close(io::OpenFile file) override {
    co_await delay();
    co_await files_->close(std::move(file));
  }
  sched::task<void> write(const io::OpenFile& file, std::uint64_t offset, std::span<const std::byte> bytes) override {
    return files_->write(file, offset, bytes);
  }
  sched::task<void> sync(const io::OpenFile& file) override { return files_->sync(file); }
  sched::task<void> make_directory(std::string path) override { return files_->make_directory(std::move(path)); }
  sched::task<void> replace(std::string from, std::string to) override {
    return files_->replace(std::move(from), std::move(to));
  }
  sched::task<void> rename(std::string from, std::string to) override {
    return files_->rename(std::move(from), std::move(to));
  }
  sched::task<void> remove_file(std::string path) override { return files_->remove_file(std::move(path)); }
  sched::task<void> remove_directory(std::string path) override { return files_->remove_directory(std::move(path)); }

 private:
  sched::task<void> delay() {
    for (unsigned turns = random_() % 40; turns > 0; --turns) co_await asio::post(executor(), asio::use_awaitable);
  }

  /// Whoever tries four times succeeds, whatever others do meanwhile.
  bool fails(const std::string& path) {
    unsigned& failures_count = failures_of_[path];
    if (failures_count == 3 || random_() % 1000 >= failures_per_thousand_) return false;
    failures_count += 1;
    failures_count_ += 1;
    return true;
  }

  std::unique_ptr<io::Files> files_;
  std::mt19937 random_;
  unsigned failures_per_thousand_;
  unsigned failures_count_ = 0;
  std::map<std::string, unsigned> failures_of_;
};

}  // namespace tests
