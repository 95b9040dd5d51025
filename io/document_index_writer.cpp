#include "io/document_index_writer.hpp"

#include <fcntl.h>
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "io/error.hpp"

namespace io {
namespace {

constexpr std::size_t write_bytes = 1u << 20;  // 100,000 documents at a time

}  // namespace

void DocumentIndexWriter::FreeState::operator()(XXH3_state_s* state) const noexcept {
  XXH3_freeState(state);
}

DocumentIndexWriter::DocumentIndexWriter(Files& files, std::string path, std::uint64_t manifest_hash)
    : files_(files), path_(std::move(path)), temporary_(path_ + ".tmp"), hash_(XXH3_createState()) {
  header_.manifest_hash = manifest_hash;
  XXH3_64bits_reset(hash_.get());
}

DocumentIndexWriter::~DocumentIndexWriter() = default;

sched::task<void> DocumentIndexWriter::open() {
  file_ = co_await files_.open(temporary_, O_WRONLY | O_CREAT | O_TRUNC, 0666);
}

void DocumentIndexWriter::begin_file(std::uint64_t size_bytes) {
  table_.push_back({header_.documents_count, header_.entries_count, size_bytes});
}

sched::task<void> DocumentIndexWriter::add(std::span<const LineFinder::Line> documents) {
  assert(!table_.empty());
  for (const LineFinder::Line& document : documents) {
    if (document.begin_bytes >= DocumentIndexEntry::begin_limit)
      throw DocumentIndexError(path_ + ": a document begins at byte " + std::to_string(document.begin_bytes) +
                               " of its file; files of up to 256 TiB can be indexed");
    append_entry(buffer_, {document.begin_bytes, document.end_bytes - document.begin_bytes});
    ++header_.entries_count;
    ++header_.documents_count;
    if (buffer_.size() >= write_bytes) co_await flush();
  }
}

void DocumentIndexWriter::add_without_entries(std::uint64_t documents_count) {
  assert(!table_.empty() && table_.back().first_entry == header_.entries_count);
  header_.documents_count += documents_count;
}

sched::task<void> DocumentIndexWriter::finish() {
  co_await flush();
  header_.files_count = table_.size();
  header_.entries_checksum = XXH3_64bits_digest(hash_.get());
  const std::vector<std::byte> table = bytes_of(table_);
  header_.table_checksum = XXH3_64bits(table.data(), table.size());
  co_await files_.write(file_, written_bytes_, table);
  const auto header = bytes_of(header_);
  co_await files_.write(file_, 0, header);
  co_await files_.sync(file_);
  co_await files_.close(std::move(file_));
  try {
    co_await files_.remove_file(path_);  // rename replaces nothing
  } catch (const FileError& error) {
    if (error.error_number() != ENOENT) throw;
  }
  co_await files_.rename(temporary_, path_);
  std::string parent = std::filesystem::path(path_).parent_path().string();
  if (parent.empty()) parent = ".";
  OpenFile folder = co_await files_.open(std::move(parent), O_RDONLY | O_DIRECTORY, 0);
  co_await files_.sync(folder);
  co_await files_.close(std::move(folder));
}

sched::task<void> DocumentIndexWriter::abandon() {
  if (file_.descriptor() >= 0) co_await files_.close(std::move(file_));
  try {
    co_await files_.remove_file(temporary_);
  } catch (const FileError& error) {
    if (error.error_number() != ENOENT) throw;
  }
}

sched::task<void> DocumentIndexWriter::flush() {
  if (buffer_.empty()) co_return;
  XXH3_64bits_update(hash_.get(), buffer_.data(), buffer_.size());
  co_await files_.write(file_, written_bytes_, buffer_);
  written_bytes_ += buffer_.size();
  buffer_.clear();
}

}  // namespace io
