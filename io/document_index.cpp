#include "io/document_index.hpp"

#include <fcntl.h>
#include <xxhash.h>

#include <algorithm>
#include <asio/this_coro.hpp>
#include <cassert>
#include <utility>

#include "io/path_text.hpp"
#include "sched/scope.hpp"

namespace io {
namespace {

constexpr std::uint64_t entry_bytes = DocumentIndexEntry::bytes;
constexpr std::uint64_t held_bytes_max = 8u << 20;
constexpr std::size_t lanes_max = 16;
// Neighbours no further apart than a page are read together: the page has to come from the disk anyway.
constexpr std::uint64_t gap_entries_max = 4096 / entry_bytes;
constexpr std::uint64_t read_entries_max = (64u << 10) / entry_bytes;
constexpr std::uint64_t verify_bytes = 1u << 20;

}  // namespace

/// A document whose entry has to be looked at.
struct DocumentIndex::Wanted {
  std::uint64_t entry;
  std::size_t place;  // in `found`
};

/// A call of `locate` under way.
struct DocumentIndex::Lookup {
  std::vector<Wanted> wanted;  // by entry
  std::vector<Location>& found;
  std::size_t next = 0;  // the first that no lane has taken
};

DocumentIndex::DocumentIndex(Files& files, OpenFile file) : files_(files), file_(std::move(file)) {}

sched::task<std::unique_ptr<DocumentIndex>> DocumentIndex::open(Files& files, std::string path,
                                                                std::uint64_t manifest_hash) {
  OpenFile file = co_await files.open(std::move(path), O_RDONLY, 0);
  std::unique_ptr<DocumentIndex> index(new DocumentIndex(files, std::move(file)));
  co_await index->load(manifest_hash);
  co_return index;
}

sched::task<void> DocumentIndex::load(std::uint64_t manifest_hash) {
  const FileStatus status = co_await files_.status(file_);
  std::vector<std::byte> bytes(std::min<std::uint64_t>(status.size_bytes, DocumentIndexHeader::bytes));
  co_await read(0, bytes);
  try {
    header_ = read_document_index_header(bytes, status.size_bytes);
  } catch (const DocumentIndexError& error) {
    refuse(error.what());
  }
  if (header_.manifest_hash != manifest_hash) refuse("the index belongs to other files");
  bytes.resize(header_.files_count * DocumentIndexFile::bytes);
  co_await read(header_.table_offset_bytes(), bytes);
  try {
    table_ = read_document_index_table(bytes, header_);
  } catch (const DocumentIndexError& error) {
    refuse(error.what());
  }
  const std::uint64_t entries_bytes = header_.entries_count * entry_bytes;
  if (entries_bytes > held_bytes_max) co_return;
  entries_.resize(entries_bytes);
  co_await read(DocumentIndexHeader::bytes, entries_);
  if (XXH3_64bits(entries_.data(), entries_.size()) != header_.entries_checksum)
    refuse("the entries of the index are damaged");
}

std::uint64_t DocumentIndex::first_document(std::size_t file) const noexcept {
  assert(file <= table_.size());
  return file < table_.size() ? table_[file].first_document : header_.documents_count;
}

std::uint64_t DocumentIndex::entries_end(std::size_t file) const noexcept {
  return file + 1 < table_.size() ? table_[file + 1].first_entry : header_.entries_count;
}

sched::task<void> DocumentIndex::locate(std::span<const std::uint64_t> numbers, std::vector<Location>& found) {
  found.assign(numbers.size(), {});
  Lookup lookup{{}, found};
  for (std::size_t place = 0; place < numbers.size(); ++place) {
    const std::uint64_t number = numbers[place];
    assert(number < header_.documents_count);
    // The last file that begins at or before it; files without documents begin where the next one does.
    const auto behind =
        std::upper_bound(table_.begin(), table_.end(), number,
                         [](std::uint64_t n, const DocumentIndexFile& file) { return n < file.first_document; });
    const DocumentIndexFile& file = *(behind - 1);
    Location& location = found[place];
    location.file = static_cast<std::size_t>(behind - table_.begin()) - 1;
    location.number_in_file = number - file.first_document;
    location.end_bytes = file.size_bytes;
    if (entries_end(location.file) != file.first_entry)
      lookup.wanted.push_back({file.first_entry + location.number_in_file, place});
  }
  if (!entries_.empty()) {
    for (const Wanted& wanted : lookup.wanted) resolve(wanted, 0, entries_, found);
    lookup.wanted.clear();
  }
  if (lookup.wanted.empty()) co_return;
  std::sort(lookup.wanted.begin(), lookup.wanted.end(),
            [](const Wanted& a, const Wanted& b) { return a.entry < b.entry; });
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  sched::Scope scope(executor);
  for (std::size_t lane = 0; lane < std::min(lookup.wanted.size(), lanes_max); ++lane)
    scope.spawn(executor, read_lane(lookup));
  co_await scope.join();
}

/// Takes runs of neighbouring entries until none is left.
sched::task<void> DocumentIndex::read_lane(Lookup& lookup) {
  std::vector<std::byte> bytes;
  while (lookup.next < lookup.wanted.size()) {
    const std::size_t first = lookup.next;
    const std::uint64_t first_entry = lookup.wanted[first].entry;
    std::size_t end = first + 1;
    while (end < lookup.wanted.size() && lookup.wanted[end].entry - lookup.wanted[end - 1].entry <= gap_entries_max &&
           lookup.wanted[end].entry - first_entry < read_entries_max)
      ++end;
    lookup.next = end;
    // One more: the end of a long document is the beginning of the next one.
    const std::uint64_t end_entry = std::min(lookup.wanted[end - 1].entry + 2, header_.entries_count);
    bytes.resize((end_entry - first_entry) * entry_bytes);
    co_await read(DocumentIndexHeader::bytes + first_entry * entry_bytes, bytes);
    for (std::size_t i = first; i < end; ++i) resolve(lookup.wanted[i], first_entry, bytes, lookup.found);
  }
}

/// `entries`: those from `first_entry` on; the wanted one is among them, and the one behind it if there is one.
void DocumentIndex::resolve(const Wanted& wanted, std::uint64_t first_entry, std::span<const std::byte> entries,
                            std::vector<Location>& found) const {
  Location& location = found[wanted.place];
  const std::uint64_t size_bytes = location.end_bytes;
  const std::byte* const at = entries.data() + (wanted.entry - first_entry) * entry_bytes;
  const DocumentIndexEntry entry = read_document_index_entry(at);
  location.begin_bytes = entry.begin_bytes;
  if (entry.length_bytes != DocumentIndexEntry::length_unknown) {
    location.end_bytes = entry.begin_bytes + entry.length_bytes;
  } else if (wanted.entry + 1 < entries_end(location.file)) {
    location.end_bytes = read_document_index_entry(at + entry_bytes).begin_bytes;
  }
  if (location.begin_bytes > location.end_bytes || location.end_bytes > size_bytes)
    refuse("entry " + std::to_string(wanted.entry) + " of the index is damaged");
}

sched::task<void> DocumentIndex::verify() {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> hash(XXH3_createState(), &XXH3_freeState);
  XXH3_64bits_reset(hash.get());
  const std::uint64_t end_bytes = header_.table_offset_bytes();
  std::vector<std::byte> bytes(std::min(verify_bytes, end_bytes - DocumentIndexHeader::bytes));
  for (std::uint64_t offset_bytes = DocumentIndexHeader::bytes; offset_bytes < end_bytes;) {
    bytes.resize(std::min<std::uint64_t>(bytes.size(), end_bytes - offset_bytes));
    co_await read(offset_bytes, bytes);
    XXH3_64bits_update(hash.get(), bytes.data(), bytes.size());
    offset_bytes += bytes.size();
  }
  if (XXH3_64bits_digest(hash.get()) != header_.entries_checksum) refuse("the entries of the index are damaged");
}

sched::task<void> DocumentIndex::close() {
  co_await files_.close(std::move(file_));
}

sched::task<void> DocumentIndex::read(std::uint64_t offset_bytes, std::span<std::byte> memory) {
  while (!memory.empty()) {
    const Block block{memory, ~0u};
    const std::size_t got = co_await files_.read(file_, offset_bytes, block, memory.size());
    if (got == 0) refuse("the index ends at byte " + std::to_string(offset_bytes));
    memory = memory.subspan(got);
    offset_bytes += got;
  }
}

void DocumentIndex::refuse(const std::string& reason) const {
  throw DocumentIndexError(path_text(file_.path()) + ": " + reason);
}

}  // namespace io
