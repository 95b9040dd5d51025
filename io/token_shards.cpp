#include "io/token_shards.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <exception>
#include <filesystem>
#include <limits>
#include <string_view>
#include <utility>

#include "io/corpus.hpp"
#include "io/error.hpp"
#include "io/little_endian.hpp"
#include "io/shard_index.hpp"
#include "io/token_file.hpp"

namespace io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view temporary_ending = ".tmp";
constexpr const char* index_name = "index.json";
constexpr std::size_t index_block_share = 16;  // a document's entry is 8 bytes, its tokens are some hundreds or more

/// Puts the first ids into `room`; returns how many found place.
template <class Number>
std::size_t store_ids(std::span<const TokenId> ids, std::span<std::byte> room) {
  const std::size_t count = std::min(ids.size(), room.size() / sizeof(Number));
  for (std::size_t index = 0; index < count; ++index)
    store_little_endian(room.data() + index * sizeof(Number), static_cast<Number>(ids[index]));
  return count;
}

/// Whether a file of this name belongs to a shard or is half an index: "shard-00000.bin", "shard-00000.idx.tmp".
bool is_ours(std::string_view name) {
  const bool is_temporary = name.ends_with(temporary_ending);
  if (is_temporary) name.remove_suffix(temporary_ending.size());
  if (name == index_name) return is_temporary;
  if (!name.ends_with(".bin") && !name.ends_with(".idx")) return false;
  name.remove_suffix(4);
  constexpr std::string_view beginning = "shard-";
  return name.starts_with(beginning) && name.size() >= beginning.size() + 5 &&
         name.find_first_not_of("0123456789", beginning.size()) == name.npos;
}

}  // namespace

TokenShardWriter::TokenShardWriter(Files& files, std::string folder, ShardSettings settings)
    : files_(files),
      folder_path_(std::move(folder)),
      settings_(std::move(settings)),
      tokens_(files, settings_.block_bytes),
      entries_(files, settings_.block_bytes / index_block_share) {
  assert(settings_.tokens_per_shard > 0 && settings_.block_bytes % (8 * index_block_share) == 0);
  folder_.vocabulary = settings_.vocabulary;
  folder_.settings = settings_.settings;
  std::error_code error;
  fs::create_directories(folder_path_, error);
  if (error) throw FileError(folder_path_, 0, error.value(), "make the folder");
  if (fs::exists(path_of(index_name), error)) go_on_with(read_shard_folder(folder_path_));
  remove_unnamed();
}

/// Takes over what an earlier writer left, if it is what this one would have written.
void TokenShardWriter::go_on_with(ShardFolder found) {
  const auto refuse = [this](const std::string& reason) { throw CorpusError(folder_path_ + ": " + reason); };
  if (found.complete) refuse("its token shards are complete; nothing is left to do");
  if (found.vocabulary != settings_.vocabulary)
    refuse("its token shards were begun with another tokenizer (" + found.vocabulary.tokenizer +
           "); give that one, or choose another folder with --out");
  if (found.settings != settings_.settings)
    refuse("its token shards were begun with other settings (" + found.settings + ", now " + settings_.settings +
           "); give those, or choose another folder with --out");
  for (const Shard& shard : found.shards) {
    const std::string path = path_of(shard.name + ".bin");
    std::error_code ignored;
    if (!fs::exists(path, ignored) || !fs::exists(path_of(shard.name + ".idx"), ignored))
      refuse("index.json names " + shard.name + ", and it is not there; choose another folder with --out");
    const std::optional<TokenFile> file = read_token_file_header(path, settings_.vocabulary.size);
    if (!file || file->kind != TokenFile::Kind::icosa || file->documents_count != shard.counts.documents ||
        file->tokens_count != shard.counts.tokens)
      refuse("index.json counts other documents and tokens than there are in " + shard.name +
             "; choose another folder with --out");
  }
  folder_ = std::move(found);
  index_written_ = true;
}

void TokenShardWriter::remove_unnamed() {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder_path_, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  if (error) throw FileError(folder_path_, 0, error.value(), "list the folder");
  for (const std::string& name : names) {
    const bool is_named = std::any_of(folder_.shards.begin(), folder_.shards.end(), [&](const Shard& shard) {
      return name == shard.name + ".bin" || name == shard.name + ".idx";
    });
    if (!is_ours(name) || is_named) continue;
    // Before the first shard index.json is there: without it the shards are somebody else's.
    if (!index_written_ && !name.ends_with(temporary_ending))
      throw CorpusError(folder_path_ + ": holds " + name + " and no index.json; choose another folder with --out");
    fs::remove(path_of(name), error);
    if (error) throw FileError(path_of(name), 0, error.value(), "remove");
  }
}

sched::task<void> TokenShardWriter::begin_shard() {
  if (!index_written_) co_await write_index(folder_);
  std::string path = path_of(shard_name(folder_.shards.size()) + ".bin.tmp");
  co_await tokens_.open(std::move(path), 0);
  path = path_of(shard_name(folder_.shards.size()) + ".idx.tmp");
  co_await entries_.open(std::move(path), ShardIndexHeader::size_bytes);
}

sched::task<void> TokenShardWriter::append(std::span<const TokenId> ids) {
  assert(!failed_ && !folder_.complete && !first_bad_id(ids, settings_.vocabulary.size));
  document_under_way_ = true;
  if (!tokens_.is_open()) {
    sched::task<void> begin = begin_shard();
    co_await or_discard(std::move(begin));
  }
  const unsigned token_bytes = settings_.vocabulary.token_bytes();
  document_tokens_ += ids.size();
  while (!ids.empty()) {
    const std::span<std::byte> room = tokens_.room();
    if (room.empty()) {
      sched::task<void> flush = tokens_.flush();
      co_await or_discard(std::move(flush));
      continue;
    }
    const std::size_t stored =
        token_bytes == 2 ? store_ids<std::uint16_t>(ids, room) : store_ids<std::uint32_t>(ids, room);
    tokens_.fill(stored * token_bytes);
    ids = ids.subspan(stored);
  }
}

sched::task<void> TokenShardWriter::end_document(std::uint64_t text_bytes) {
  const TokenId end_of_text = settings_.vocabulary.end_of_text;
  const std::span<const TokenId> end_token(&end_of_text, 1);
  co_await append(end_token);
  if (entries_.room().empty()) {
    sched::task<void> flush = entries_.flush();
    co_await or_discard(std::move(flush));
  }
  const ShardCounts document{1, std::exchange(document_tokens_, 0), text_bytes};
  counts_ += document;
  store_little_endian(entries_.room().data(), counts_.tokens);
  entries_.fill(ShardIndexHeader::entry_bytes);
  entries_.mark();
  tokens_.mark();
  document_under_way_ = false;
}

sched::task<void> TokenShardWriter::drop_document() {
  assert(!failed_);
  document_under_way_ = false;
  document_tokens_ = 0;
  if (!tokens_.is_open()) co_return;
  sched::task<void> back = tokens_.go_back();
  co_await or_discard(std::move(back));
}

bool TokenShardWriter::shard_is_full() const noexcept {
  return !document_under_way_ && counts_.tokens >= settings_.tokens_per_shard;
}

sched::task<void> TokenShardWriter::finish_shard(std::string position, bool last) {
  assert(!failed_ && !folder_.complete && !document_under_way_);
  ShardFolder folder = folder_;
  folder.position = std::move(position);
  folder.complete = last;
  sched::task<void> work = finish(folder);
  co_await or_discard(std::move(work));
}

sched::task<void> TokenShardWriter::finish(ShardFolder& folder) {
  if (counts_.documents > 0) co_await write_shard(folder);
  const bool holds_nothing = tokens_.is_open();  // all of its documents were taken back
  co_await write_index(folder);
  counts_ = {};
  if (holds_nothing) co_await discard();
}

/// The shard under way gets its name, and a place in `folder`.
sched::task<void> TokenShardWriter::write_shard(ShardFolder& folder) {
  const TokenVocabulary& vocabulary = settings_.vocabulary;
  const std::span<const std::byte> no_front;
  co_await tokens_.finish(no_front);
  ShardIndexHeader header;
  header.token_bytes = vocabulary.token_bytes();
  header.vocabulary_size = vocabulary.size;
  header.end_of_text = static_cast<std::uint64_t>(vocabulary.end_of_text);
  header.documents_count = counts_.documents;
  header.tokens_count = counts_.tokens;
  header.text_bytes = counts_.text_bytes;
  header.tokens_checksum = tokens_.checksum();
  header.entries_checksum = entries_.checksum();
  const std::array<std::byte, ShardIndexHeader::size_bytes> front = header.to_bytes();
  co_await entries_.finish(front);
  const Shard shard{shard_name(folder.shards.size()), counts_, header.tokens_checksum, header.entries_checksum};
  for (const char* const ending : {".bin", ".idx"}) {
    std::string final_path = path_of(shard.name + ending);
    std::string temporary = final_path + std::string(temporary_ending);
    co_await files_.rename(std::move(temporary), std::move(final_path));
  }
  co_await sync_folder();
  folder.shards.push_back(shard);
}

/// `folder` becomes what index.json says, and from that instant what this writer goes by.
sched::task<void> TokenShardWriter::write_index(const ShardFolder& folder) {
  const std::string path = path_of(index_name);
  const std::string temporary = path + std::string(temporary_ending);
  const std::string json = shard_folder_json(folder);
  OpenFile file = co_await files_.open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  const std::span<const std::byte> bytes = std::as_bytes(std::span(json));
  co_await files_.write(file, 0, bytes);
  co_await files_.sync(file);
  co_await files_.close(std::move(file));
  co_await files_.replace(temporary, path);
  folder_ = folder;
  index_written_ = true;
  co_await sync_folder();
}

sched::task<void> TokenShardWriter::sync_folder() {
  OpenFile folder = co_await files_.open(folder_path_, O_RDONLY | O_DIRECTORY, 0);
  co_await files_.sync(folder);
  co_await files_.close(std::move(folder));
}

/// Does `work`; where it fails, tidies up before it says so.
sched::task<void> TokenShardWriter::or_discard(sched::task<void> work) {
  std::exception_ptr failure;
  try {
    co_await std::move(work);
  } catch (const FileError&) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  failed_ = true;
  co_await discard();
  std::rethrow_exception(failure);
}

/// Removes what there is of the shard that index.json does not name yet. What cannot be removed, the next writer will.
sched::task<void> TokenShardWriter::discard() {
  co_await tokens_.abandon();
  co_await entries_.abandon();
  const std::string path = path_of(shard_name(folder_.shards.size()));
  const std::array<std::string, 5> names = {path + ".bin.tmp", path + ".idx.tmp", path + ".bin", path + ".idx",
                                            path_of(index_name) + std::string(temporary_ending)};
  for (const std::string& name : names) {
    try {
      co_await files_.remove_file(name);
    } catch (const FileError&) {
      // Not there, as most of them, or as broken as what brought us here.
    }
  }
}

}  // namespace io
