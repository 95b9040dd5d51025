#include "io/document_index.hpp"

#include <fcntl.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "io/document_reader.hpp"
#include "io/error.hpp"
#include "sched/scope.hpp"

namespace io {
namespace {

constexpr char magic[9] = "icosaidx";
constexpr std::uint32_t version = 1;
constexpr std::size_t header_bytes = 48;
constexpr std::size_t checksum_offset = header_bytes - 8;
constexpr std::size_t first_bytes = 16;
constexpr std::size_t entry_bytes = 10;
constexpr std::uint32_t length_unknown = ~std::uint32_t{0};
constexpr std::size_t held_bytes_max = 8 << 20;  // an index up to this size is held in memory
constexpr std::size_t write_bytes = 1 << 20;

void put(std::vector<std::byte>& bytes, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
}

std::uint64_t get(std::span<const std::byte> bytes, std::size_t offset, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value |= static_cast<std::uint64_t>(bytes[offset + i]) << (8 * i);
  return value;
}

struct FreeState {
  void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
};
using HashState = std::unique_ptr<XXH3_state_t, FreeState>;

HashState fresh_state() {
  HashState state(XXH3_createState());
  if (state == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state.get());
  return state;
}

/// What an index must be of to be used again.
std::uint64_t manifest_hash(const std::vector<Source>& sources) {
  XXH64_hash_t hash = 0;
  for (const Source& source : sources) {
    const std::uint64_t numbers[] = {hash, source.size_bytes, static_cast<std::uint64_t>(source.format)};
    hash = XXH3_64bits_withSeed(source.path.data(), source.path.size(), XXH3_64bits(numbers, sizeof(numbers)));
  }
  return hash;
}

/// The files of records, one after the other.
class RecordFiles final : public StretchOrder {
 public:
  explicit RecordFiles(const std::vector<Source>& sources) : sources_(sources) {}
  sched::task<bool> next(Stretch& stretch) override {
    while (at_ < sources_.size() && sources_[at_].format == Format::text) ++at_;
    if (at_ == sources_.size()) co_return false;
    stretch = whole_file(sources_[at_], at_);
    ++at_;
    co_return true;
  }

 private:
  const std::vector<Source>& sources_;
  std::size_t at_ = 0;
};

}  // namespace

/// Writes an index while the records pass by.
class DocumentIndex::Builder {
 public:
  Builder(Files& files, const std::vector<Source>& sources, std::string path, IndexWatch& watch)
      : files_(files), sources_(sources), watch_(watch), path_(std::move(path)), temporary_(path_ + ".tmp") {}

  sched::task<void> build(BlockShare blocks, DocumentOptions options) {
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    file_ = co_await files_.open(temporary_, flags, 0666);
    RecordFiles order(sources_);
    DocumentReader reader(files_, files_.executor(), order, blocks, std::move(options));
    sched::Scope scope(files_.executor());
    co_await scope.open();
    reader.start(scope);
    scope.spawn(files_.executor(), take_all(reader));
    co_await scope.join();
  }

 private:
  sched::task<void> take_all(DocumentReader& reader) {
    written_bytes_ = header_bytes + first_bytes * sources_.size();
    for (;;) {
      std::optional<Slab> slab = co_await reader.next();
      if (!slab) break;
      for (const RawDocument& document : slab->documents) {
        pass_to(document.unit);
        const std::uint64_t length = document.end_bytes - document.begin_bytes;
        put(buffer_, document.begin_bytes, 6);
        put(buffer_, std::min<std::uint64_t>(length, length_unknown), 4);
        ++documents_count_;
        ++records_count_;
      }
      reader.give_back(std::move(*slab));
      if (buffer_.size() >= write_bytes) co_await flush();
      co_await watch_.goes_on();
    }
    reader.stop();
    pass_to(sources_.size());
    co_await flush();
    co_await finish();
  }

  /// Enters the files before number `file`, and it: text files without an entry each.
  void pass_to(std::size_t file) {
    while (firsts_.size() <= std::min(file, sources_.size() - 1)) {
      if (!firsts_.empty() && sources_[firsts_.size() - 1].format == Format::text) ++documents_count_;
      firsts_.push_back({documents_count_, records_count_});
    }
    if (file == sources_.size() && sources_.back().format == Format::text) ++documents_count_;
  }

  sched::task<void> flush() {
    XXH3_64bits_update(hash_.get(), buffer_.data(), buffer_.size());
    co_await files_.write(file_, written_bytes_, buffer_);
    written_bytes_ += buffer_.size();
    buffer_.clear();
  }

  sched::task<void> finish() {
    std::vector<std::byte> table;
    for (const FirstNumbers& first : firsts_) {
      put(table, first.document, 8);
      put(table, first.entry, 8);
    }
    XXH3_64bits_update(hash_.get(), table.data(), table.size());
    std::vector<std::byte> header;
    for (const char letter : std::string_view(magic, 8)) header.push_back(static_cast<std::byte>(letter));
    put(header, version, 4);
    put(header, sources_.size(), 4);
    put(header, documents_count_, 8);
    put(header, records_count_, 8);
    put(header, manifest_hash(sources_), 8);
    XXH3_64bits_update(hash_.get(), header.data(), header.size());
    put(header, XXH3_64bits_digest(hash_.get()), 8);
    header.insert(header.end(), table.begin(), table.end());
    co_await files_.write(file_, 0, header);
    co_await files_.sync(file_);
    co_await files_.close(std::move(file_));
    co_await files_.replace(temporary_, path_);
  }

  Files& files_;
  const std::vector<Source>& sources_;
  IndexWatch& watch_;
  std::string path_;
  std::string temporary_;
  OpenFile file_;
  HashState hash_ = fresh_state();
  std::vector<std::byte> buffer_;
  std::vector<FirstNumbers> firsts_;
  std::uint64_t written_bytes_ = 0;
  std::uint64_t documents_count_ = 0;
  std::uint64_t records_count_ = 0;
};

sched::task<std::unique_ptr<DocumentIndex>> DocumentIndex::make(Files& files, BlockShare blocks,
                                                                const std::vector<Source>& sources,
                                                                const DocumentOptions& options, std::string path,
                                                                IndexWatch& watch) {
  std::unique_ptr<DocumentIndex> index(new DocumentIndex(files, sources));
  const bool there = co_await index->open(path);
  if (there) co_return index;
  {
    Builder builder(files, sources, path, watch);
    co_await builder.build(blocks, options);
  }
  const bool made = co_await index->open(path);
  if (!made) throw FileError(path, 0, EIO, "read back the index of documents");
  co_return index;
}

/// False where there is no index of these sources.
sched::task<bool> DocumentIndex::open(std::string path) {
  try {
    file_ = co_await files_.open(path, O_RDONLY, 0);
  } catch (const FileError& error) {
    if (error.error_number() != ENOENT) throw;
    co_return false;
  }
  const FileStatus status = co_await files_.status(file_);
  std::vector<std::byte> header(header_bytes);
  if (status.size_bytes < header_bytes) co_return false;
  co_await read(0, header);
  if (std::memcmp(header.data(), magic, 8) != 0) co_return false;
  const std::uint64_t found_version = get(header, 8, 4);
  if (found_version > version)
    throw CorpusError(path + ": version " + std::to_string(found_version) +
                      " of the index of documents; this icosa knows " + std::to_string(version) +
                      "; use a newer icosa");
  const bool ours = found_version == version && get(header, 12, 4) == sources_.size() &&
                    get(header, 32, 8) == manifest_hash(sources_);
  if (!ours) co_return false;
  documents_count_ = get(header, 16, 8);
  records_count_ = get(header, 24, 8);
  entries_offset_bytes_ = header_bytes + first_bytes * sources_.size();
  if (status.size_bytes != entries_offset_bytes_ + entry_bytes * records_count_) co_return false;
  std::vector<std::byte> table(first_bytes * sources_.size());
  co_await read(header_bytes, table);
  firsts_.clear();
  for (std::size_t i = 0; i < sources_.size(); ++i)
    firsts_.push_back({get(table, first_bytes * i, 8), get(table, first_bytes * i + 8, 8)});
  const std::uint64_t checksum = co_await checksum_of(header, table);
  co_return checksum == get(header, checksum_offset, 8);
}

/// Reads the entries, and holds them where they are few.
sched::task<std::uint64_t> DocumentIndex::checksum_of(std::span<const std::byte> header,
                                                      std::span<const std::byte> table) {
  const HashState hash = fresh_state();
  const std::uint64_t bytes = entry_bytes * records_count_;
  const bool held = bytes <= held_bytes_max;
  entries_.resize(held ? bytes : write_bytes);
  for (std::uint64_t at = 0; at < bytes;) {
    const std::span<std::byte> part = std::span(entries_).first(std::min<std::uint64_t>(bytes - at, entries_.size()));
    co_await read(entries_offset_bytes_ + at, part);
    XXH3_64bits_update(hash.get(), part.data(), part.size());
    at += part.size();
  }
  if (!held) entries_ = {};
  XXH3_64bits_update(hash.get(), table.data(), table.size());
  XXH3_64bits_update(hash.get(), header.data(), checksum_offset);
  co_return XXH3_64bits_digest(hash.get());
}

sched::task<void> DocumentIndex::locate(std::span<const std::uint64_t> numbers, std::vector<Location>& found) {
  found.clear();
  std::vector<std::array<std::byte, entry_bytes>> entries(numbers.size());
  std::vector<WholeRead> reads;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::uint64_t number = numbers[i];
    const auto behind = std::upper_bound(firsts_.begin(), firsts_.end(), number,
                                         [](std::uint64_t n, const FirstNumbers& first) { return n < first.document; });
    Location& location = found.emplace_back();
    location.file = static_cast<std::size_t>(behind - firsts_.begin()) - 1;
    location.end_bytes = sources_[location.file].size_bytes;
    if (sources_[location.file].format == Format::text) continue;
    const FirstNumbers& first = firsts_[location.file];
    const std::uint64_t entry = first.entry + (number - first.document);
    if (!entries_.empty()) {
      std::copy_n(entries_.begin() + static_cast<std::ptrdiff_t>(entry_bytes * entry), entry_bytes, entries[i].begin());
      continue;
    }
    WholeRead& read = reads.emplace_back();
    read.descriptor = file_.descriptor();
    read.offset_bytes = entries_offset_bytes_ + entry_bytes * entry;
    read.memory = entries[i];
    read.block_index = ~0u;
  }
  if (!reads.empty()) co_await files_.read_whole(reads);
  for (const WholeRead& read : reads) {
    if (read.result == entry_bytes) continue;
    throw FileError(file_.path(), read.offset_bytes, read.result < 0 ? -read.result : EIO,
                    "read the index of documents");
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (sources_[found[i].file].format == Format::text) continue;
    found[i].begin_bytes = get(entries[i], 0, 6);
    const std::uint64_t length = get(entries[i], 6, 4);
    if (length != length_unknown) found[i].end_bytes = found[i].begin_bytes + length;
  }
}

sched::task<void> DocumentIndex::read(std::uint64_t offset_bytes, std::span<std::byte> memory) {
  while (!memory.empty()) {
    const Block block{memory, ~0u};
    const std::size_t got = co_await files_.read(file_, offset_bytes, block, memory.size());
    if (got == 0) throw FileError(file_.path(), offset_bytes, EIO, "read the index of documents");
    memory = memory.subspan(got);
    offset_bytes += got;
  }
}

}  // namespace io
