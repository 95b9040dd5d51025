#pragma once

// What every Files means by its operations, written once over any OperationRunner: loops until all is written, retries,
// errors with their path and offset. RingFiles and ThreadFiles add who carries the requests out and who runs handlers.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "io/block_pool.hpp"
#include "io/file_operation.hpp"
#include "io/files.hpp"

namespace io {

class RequestFiles : public Files {
 public:
  unsigned blocks_count() const noexcept override { return pool_.blocks_count(); }
  std::size_t block_bytes() const noexcept override { return pool_.block_bytes(); }
  Block block(unsigned index) noexcept override { return pool_.block(index); }
  FileCounters counters() const noexcept override;

  sched::task<OpenFile> open(std::string path, int flags, unsigned mode) override;
  sched::task<FileStatus> status(const OpenFile& file) override;
  sched::task<std::size_t> read(const OpenFile& file, std::uint64_t offset_bytes, Block block,
                                std::size_t bytes_max) override;
  sched::task<std::optional<std::size_t>> read_cached(const OpenFile& file, std::uint64_t offset_bytes, Block block,
                                                      std::size_t bytes_max) override;
  sched::task<void> read_whole(std::span<WholeRead> reads) override;
  sched::task<void> write(const OpenFile& file, std::uint64_t offset_bytes, std::span<const std::byte> bytes) override;
  sched::task<void> sync(const OpenFile& file) override;
  sched::task<void> close(OpenFile file) override;
  sched::task<void> make_directory(std::string path) override;
  sched::task<void> rename(std::string from, std::string to) override;
  sched::task<void> replace(std::string from, std::string to) override;
  sched::task<void> remove_file(std::string path) override;
  sched::task<void> remove_directory(std::string path) override;

 protected:
  explicit RequestFiles(const FilesOptions& options) : pool_(options.blocks_count, options.block_bytes) {}

  virtual OperationRunner& runner() noexcept = 0;
  virtual std::uint64_t submissions_count() const noexcept { return 0; }

  /// Outlives the runner, which is a member of the derived class: no operation is left that reads into it.
  BlockPool pool_;
  /// The blocks below this index are registered buffers of the ring.
  unsigned blocks_registered_count_ = 0;

 private:
  // The registered buffer that `memory` lies in, or FileRequest::not_registered.
  int buffer_index(unsigned block_index, std::span<const std::byte> memory) const noexcept;
  void count_reads(std::uint64_t reads, std::uint64_t bytes) noexcept;
  // `path`, and what `request` points to, belong to the caller, which awaits. `action` is what an error says we could
  // not do.
  sched::task<int> perform(FileRequest request, const std::string& path, const char* action);

  std::atomic<std::uint64_t> reads_count_{0};
  std::atomic<std::uint64_t> bytes_read_{0};
};

}  // namespace io
