#pragma once

// Real files of a machine that loses its power: what was written but not synced may be gone afterwards, and so may the
// names of new files, folders and renames whose folder was not synced. Which of it is left is chance.

#include <fcntl.h>

#include <filesystem>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/files.hpp"

namespace tests {

class PowerCutFiles final : public io::Files {
 public:
  explicit PowerCutFiles(io::Files& files) : files_(files) {}

  /// Once nothing runs any more: loses what may be lost.
  void cut(std::mt19937& random) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    // Contents first, while they have their last names.
    for (const std::string& path : unsynced_contents_)
      if (random() % 2 == 0) fs::resize_file(path, random() % (fs::file_size(path, ignored) + 1), ignored);
    std::set<fs::path> on_disk;  // a folder's changes reach it in their order
    for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
      const fs::path folder = fs::path(change->to).parent_path();
      if (random() % 2 == 0) on_disk.insert(folder);
      if (on_disk.contains(folder)) continue;
      if (change->from.empty()) {
        fs::remove_all(change->to, ignored);
      } else {
        fs::rename(change->to, change->from, ignored);
      }
    }
  }

  asio::any_io_executor executor() noexcept override { return files_.executor(); }
  void run() override { files_.run(); }
  void stop() noexcept override { files_.stop(); }
  std::string description() const override { return files_.description(); }
  io::FileCounters counters() const noexcept override { return files_.counters(); }
  unsigned blocks_count() const noexcept override { return files_.blocks_count(); }
  std::size_t block_bytes() const noexcept override { return files_.block_bytes(); }
  io::Block block(unsigned index) noexcept override { return files_.block(index); }
  sched::task<io::FileStatus> status(const io::OpenFile& file) override { return files_.status(file); }
  sched::task<std::size_t> read(const io::OpenFile& file, std::uint64_t offset_bytes, io::Block block,
                                std::size_t bytes_max) override {
    return files_.read(file, offset_bytes, block, bytes_max);
  }
  sched::task<std::optional<std::size_t>> read_cached(const io::OpenFile& file, std::uint64_t offset_bytes,
                                                      io::Block block, std::size_t bytes_max) override {
    return files_.read_cached(file, offset_bytes, block, bytes_max);
  }
  sched::task<void> read_whole(std::span<io::WholeRead> reads) override { return files_.read_whole(reads); }
  sched::task<void> close(io::OpenFile file) override { return files_.close(std::move(file)); }

  sched::task<io::OpenFile> open(std::string path, int flags, unsigned mode) override {
    io::OpenFile file = co_await files_.open(path, flags, mode);
    if ((flags & O_CREAT) != 0) changes_.push_back({"", path});
    co_return file;
  }
  sched::task<void> make_directory(std::string path) override {
    co_await files_.make_directory(path);
    changes_.push_back({"", path});
  }
  sched::task<void> write(const io::OpenFile& file, std::uint64_t offset_bytes,
                          std::span<const std::byte> bytes) override {
    unsynced_contents_.insert(file.path());
    co_await files_.write(file, offset_bytes, bytes);
  }
  sched::task<void> sync(const io::OpenFile& file) override {
    co_await files_.sync(file);
    unsynced_contents_.erase(file.path());
    std::erase_if(changes_,
                  [&](const Change& change) { return std::filesystem::path(change.to).parent_path() == file.path(); });
  }
  sched::task<void> rename(std::string from, std::string to) override {
    co_await files_.rename(from, to);
    renamed(from, to);
  }
  sched::task<void> replace(std::string from, std::string to) override {
    co_await files_.replace(from, to);
    renamed(from, to);
  }
  sched::task<void> remove_file(std::string path) override {
    co_await files_.remove_file(path);
    unsynced_contents_.erase(path);
    std::erase_if(changes_, [&](const Change& change) { return change.to == path; });
  }
  sched::task<void> remove_directory(std::string path) override {
    co_await files_.remove_directory(path);
    std::erase_if(changes_, [&](const Change& change) { return change.to == path; });
  }

 private:
  /// A name that came to be: by a rename, or new where `from` is empty.
  struct Change {
    std::string from;
    std::string to;
  };

  /// What was known by the old name is known by the new one.
  void renamed(const std::string& from, const std::string& to) {
    const auto moved = [&](const std::string& path) {
      return path.starts_with(from + "/") ? to + path.substr(from.size()) : path;
    };
    std::set<std::string> contents;
    for (const std::string& path : unsynced_contents_) contents.insert(path == from ? to : moved(path));
    unsynced_contents_ = std::move(contents);
    for (Change& change : changes_) change.to = moved(change.to);
    changes_.push_back({from, to});
  }

  io::Files& files_;
  std::set<std::string> unsynced_contents_;
  std::vector<Change> changes_;  // not on disk yet, the oldest first
};

}  // namespace tests
