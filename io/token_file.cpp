#include "io/token_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <filesystem>
#include <string_view>

#include "io/corpus.hpp"
#include "io/little_endian.hpp"
#include "io/megatron_index.hpp"
#include "io/readable_file.hpp"
#include "io/shard_index.hpp"

namespace io {
namespace {

constexpr std::string_view tokens_ending = ".bin";
constexpr std::string_view index_ending = ".idx";
constexpr std::size_t probe_bytes = 64 * 1024;
constexpr std::size_t vocabulary_of_uint16 = 65536;

constexpr std::size_t llm_c_header_bytes = 256 * 4;
constexpr std::uint32_t llm_c_magic_uint16 = 20240520;
constexpr std::uint32_t llm_c_magic_uint32 = 20240801;
constexpr std::uint32_t llm_c_magic_evaluation = 20240522;

[[noreturn]] void refuse(const std::string& path, const std::string& reason) {
  throw CorpusError(path + ": " + reason);
}

std::string type_name(const TokenFile& file) {
  return fmt::format("{}int{}", file.is_signed ? "" : "u", 8 * file.token_bytes);
}

/// The other file of a pair: "a/x.bin" and "a/x.idx".
std::string with_ending(const std::string& path, std::string_view ending) {
  return path.substr(0, path.size() - ending.size()) + std::string(ending);
}

bool is_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

// The functions below fill in what their kind of file says, or throw CorpusError.

void read_shard(TokenFile& file, const ReadableFile& tokens, const ReadableFile& index,
                std::span<const std::byte> beginning, std::size_t vocabulary_size) {
  const std::string& path = tokens.path();
  const ShardIndexHeader header = ShardIndexHeader::from_bytes(beginning, index.path());
  file.kind = TokenFile::Kind::icosa;
  file.token_bytes = header.token_bytes;
  file.tokens_count = header.tokens_count;
  file.documents_count = header.documents_count;
  file.end_of_text = static_cast<TokenId>(header.end_of_text);
  if (file.token_bytes != 2 && file.token_bytes != 4)
    refuse(index.path(), fmt::format("damaged: tokens of {} bytes; 2 or 4 are known", file.token_bytes));
  if (vocabulary_size != 0 && header.vocabulary_size != vocabulary_size)
    refuse(path, fmt::format("made with a vocabulary of {} ids, and the tokenizer has {}; give the tokenizer it was "
                             "made with",
                             header.vocabulary_size, vocabulary_size));
  if (tokens.size_bytes() % file.token_bytes != 0 || tokens.size_bytes() / file.token_bytes != file.tokens_count)
    refuse(path, fmt::format("damaged: {} bytes, where {} has {} tokens of {} bytes; tokenize again",
                             tokens.size_bytes(), index.path(), file.tokens_count, file.token_bytes));
  const std::uint64_t entries_bytes = index.size_bytes() - ShardIndexHeader::size_bytes;
  if (entries_bytes % ShardIndexHeader::entry_bytes != 0 ||
      entries_bytes / ShardIndexHeader::entry_bytes != file.documents_count)
    refuse(index.path(), fmt::format("damaged: {} bytes do not hold {} documents; tokenize again", index.size_bytes(),
                                     file.documents_count));
  std::uint64_t last_end = 0;
  if (file.documents_count > 0)
    last_end = load_little_endian<std::uint64_t>(index.read(index.size_bytes() - 8, 8).data());
  if (last_end != file.tokens_count)
    refuse(index.path(), fmt::format("damaged: the last document ends at token {} of {}; tokenize again", last_end,
                                     file.tokens_count));
  file.description = fmt::format("icosa shard, {} documents of {} {} tokens in all", file.documents_count,
                                 file.tokens_count, type_name(file));
}

void read_megatron(TokenFile& file, const ReadableFile& tokens, const ReadableFile& index) {
  const MegatronIndex header = MegatronIndex::read(index);
  file.kind = TokenFile::Kind::megatron;
  file.token_bytes = header.token_bytes;
  file.is_signed = header.is_signed;
  file.sequences_count = header.sequences_count;
  file.documents_count = header.documents_count;
  if (header.end_bytes != tokens.size_bytes())
    refuse(tokens.path(), fmt::format("{} points to byte {}, and the file has {}; one of the two is cut off or belongs "
                                      "to another",
                                      index.path(), header.end_bytes, tokens.size_bytes()));
  if (tokens.size_bytes() % file.token_bytes != 0)
    refuse(tokens.path(),
           fmt::format("{} bytes are no whole number of tokens of {} bytes", tokens.size_bytes(), file.token_bytes));
  file.tokens_count = tokens.size_bytes() / file.token_bytes;
  file.description = fmt::format("Megatron, {} documents of {} {} tokens in all", file.documents_count,
                                 file.tokens_count, type_name(file));
}

void read_index(TokenFile& file, const ReadableFile& tokens, std::size_t vocabulary_size) {
  const ReadableFile index(file.index_path);
  const std::vector<std::byte> beginning = index.read(0, ShardIndexHeader::size_bytes);
  if (ShardIndexHeader::is_at(beginning)) {
    read_shard(file, tokens, index, beginning, vocabulary_size);
  } else if (MegatronIndex::is_at(beginning)) {
    read_megatron(file, tokens, index);
  } else {
    refuse(index.path(),
           "neither an index of icosa (ICOSAIDX) nor one of Megatron (MMIDIDX); repair it, or move it away "
           "to read the .bin beside it as raw ids");
  }
}

bool read_llm_c(TokenFile& file, const ReadableFile& tokens, std::span<const std::byte> beginning) {
  if (beginning.size() < 4) return false;
  const auto magic = load_little_endian<std::uint32_t>(beginning.data());
  if (magic == llm_c_magic_evaluation)
    refuse(tokens.path(), "an evaluation file of llm.c, which holds no documents; leave it out");
  if (magic != llm_c_magic_uint16 && magic != llm_c_magic_uint32) return false;
  if (beginning.size() < llm_c_header_bytes)
    refuse(tokens.path(),
           fmt::format("ends within the header of llm.c: {} bytes of {}", beginning.size(), llm_c_header_bytes));
  const auto version = load_little_endian<std::uint32_t>(beginning.data() + 4);
  const std::uint32_t known_version = magic == llm_c_magic_uint16 ? 1 : 7;
  if (version != known_version)
    refuse(tokens.path(), fmt::format("version {} of llm.c's format {}; {} is known", version, magic, known_version));
  file.kind = TokenFile::Kind::llm_c;
  file.token_bytes = magic == llm_c_magic_uint16 ? 2 : 4;
  file.first_token_offset_bytes = llm_c_header_bytes;
  file.tokens_count = load_little_endian<std::uint32_t>(beginning.data() + 8);
  const std::uint64_t has_bytes = tokens.size_bytes() - llm_c_header_bytes;
  if (has_bytes != file.tokens_count * file.token_bytes)
    refuse(tokens.path(), fmt::format("its header counts {} tokens of {} bytes, and {} bytes follow; it is cut off or "
                                      "was not finished",
                                      file.tokens_count, file.token_bytes, has_bytes));
  file.description = fmt::format("llm.c, {} {} tokens", file.tokens_count, type_name(file));
  return true;
}

/// Whether every second 16-bit word is 0, which small ids of 32 bits have in common.
bool looks_like_uint32(std::span<const std::byte> beginning) {
  for (std::size_t at = 0; at + 4 <= beginning.size(); at += 4)
    if (load_little_endian<std::uint16_t>(beginning.data() + at + 2) != 0) return false;
  return beginning.size() >= 4;
}

void read_raw(TokenFile& file, const ReadableFile& tokens, std::span<const std::byte> beginning,
              std::size_t vocabulary_size) {
  file.kind = TokenFile::Kind::raw;
  const bool needs_uint32 = vocabulary_size > vocabulary_of_uint16;
  file.token_bytes = needs_uint32 || (tokens.size_bytes() % 4 == 0 && looks_like_uint32(beginning)) ? 4 : 2;
  if (tokens.size_bytes() % file.token_bytes != 0)
    refuse(tokens.path(),
           fmt::format("{} bytes are no whole number of {} tokens{}", tokens.size_bytes(), type_name(file),
                       needs_uint32 ? ", which a vocabulary of more than 65,536 ids needs" : ""));
  file.tokens_count = tokens.size_bytes() / file.token_bytes;
  file.description = fmt::format("raw ids, {} {} tokens", file.tokens_count, type_name(file));
}

template <class Number>
void append_numbers(std::span<const std::byte> bytes, std::vector<TokenId>& ids) {
  const std::size_t before = ids.size();
  const std::size_t count = bytes.size() / sizeof(Number);
  ids.resize(before + count);
  TokenId* const to = ids.data() + before;
  for (std::size_t index = 0; index < count; ++index) {
    const Number number = load_little_endian<Number>(bytes.data() + index * sizeof(Number));
    // What has no place in 32 bits must not come out as a good id.
    to[index] = static_cast<Number>(static_cast<TokenId>(number)) == number ? static_cast<TokenId>(number) : -1;
  }
}

}  // namespace

bool is_token_file_name(const std::string& path) {
  return path.ends_with(tokens_ending);
}

bool is_token_index_name(const std::string& path) {
  return path.ends_with(index_ending) && is_file(with_ending(path, tokens_ending));
}

std::optional<TokenFile> read_token_file_header(const std::string& path, std::size_t vocabulary_size) {
  if (!is_token_file_name(path)) return std::nullopt;
  const ReadableFile tokens(path);
  TokenFile file;
  const std::string index_path = with_ending(path, index_ending);
  if (is_file(index_path)) {
    file.index_path = index_path;
    read_index(file, tokens, vocabulary_size);
    return file;
  }
  const std::vector<std::byte> beginning = tokens.read(0, probe_bytes);
  if (!read_llm_c(file, tokens, beginning)) read_raw(file, tokens, beginning, vocabulary_size);
  return file;
}

std::optional<std::size_t> first_bad_id(std::span<const TokenId> ids, std::size_t vocabulary_size) noexcept {
  // Without a branch for each id, so that it is done in vectors: nearly always all are good. A negative id is large.
  const auto limit = static_cast<std::uint32_t>(std::min<std::size_t>(vocabulary_size, 0x8000'0000u));
  std::uint32_t bad_count = 0;
  for (const TokenId id : ids) bad_count += static_cast<std::uint32_t>(id) >= limit ? 1 : 0;
  if (bad_count == 0) return std::nullopt;
  const auto bad = [limit](TokenId id) { return static_cast<std::uint32_t>(id) >= limit; };
  return static_cast<std::size_t>(std::find_if(ids.begin(), ids.end(), bad) - ids.begin());
}

void append_ids(const TokenFile& file, std::span<const std::byte> bytes, std::vector<TokenId>& ids) {
  assert(bytes.size() % file.token_bytes == 0);
  switch (file.token_bytes) {
    case 1:
      return append_numbers<std::uint8_t>(bytes, ids);
    case 2:
      return append_numbers<std::uint16_t>(bytes, ids);
    case 4:
      return file.is_signed ? append_numbers<std::int32_t>(bytes, ids) : append_numbers<std::uint32_t>(bytes, ids);
    case 8:
      return append_numbers<std::int64_t>(bytes, ids);
  }
  assert(false && "tokens of 1, 2, 4 or 8 bytes");
}

}  // namespace io
