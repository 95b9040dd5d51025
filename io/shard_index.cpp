#include "io/shard_index.hpp"

#include <xxhash.h>

#include <cstring>
#include <string_view>

#include "io/corpus.hpp"
#include "io/little_endian.hpp"

namespace io {
namespace {

constexpr std::string_view magic = "ICOSAIDX";
constexpr std::size_t checksum_offset = ShardIndexHeader::size_bytes - 8;

std::uint64_t number_at(std::span<const std::byte> bytes, std::size_t offset) noexcept {
  return load_little_endian<std::uint64_t>(bytes.data() + offset);
}

}  // namespace

std::array<std::byte, ShardIndexHeader::size_bytes> ShardIndexHeader::to_bytes() const {
  std::array<std::byte, size_bytes> bytes{};
  std::memcpy(bytes.data(), magic.data(), magic.size());
  store_little_endian(bytes.data() + 8, version);
  store_little_endian(bytes.data() + 12, token_bytes);
  store_little_endian(bytes.data() + 16, vocabulary_size);
  store_little_endian(bytes.data() + 24, end_of_text);
  store_little_endian(bytes.data() + 32, documents_count);
  store_little_endian(bytes.data() + 40, tokens_count);
  store_little_endian(bytes.data() + 48, text_bytes);
  store_little_endian(bytes.data() + 56, tokens_checksum);
  store_little_endian(bytes.data() + 64, entries_checksum);
  store_little_endian(bytes.data() + checksum_offset, std::uint64_t{XXH3_64bits(bytes.data(), checksum_offset)});
  return bytes;
}

bool ShardIndexHeader::is_at(std::span<const std::byte> beginning) noexcept {
  return beginning.size() >= magic.size() && std::memcmp(beginning.data(), magic.data(), magic.size()) == 0;
}

ShardIndexHeader ShardIndexHeader::from_bytes(std::span<const std::byte> beginning, const std::string& path) {
  if (!is_at(beginning) || beginning.size() < size_bytes)
    throw CorpusError(path + ": damaged: the index ends within its header; tokenize again");
  const auto found_version = load_little_endian<std::uint32_t>(beginning.data() + 8);
  if (found_version != version)
    throw CorpusError(path + ": version " + std::to_string(found_version) + " of the shard index; this icosa knows " +
                      std::to_string(version) + "; use a newer icosa");
  if (number_at(beginning, checksum_offset) != XXH3_64bits(beginning.data(), checksum_offset))
    throw CorpusError(path + ": damaged: the checksum of the index's header is wrong; tokenize again");
  ShardIndexHeader header;
  header.token_bytes = load_little_endian<std::uint32_t>(beginning.data() + 12);
  header.vocabulary_size = number_at(beginning, 16);
  header.end_of_text = number_at(beginning, 24);
  header.documents_count = number_at(beginning, 32);
  header.tokens_count = number_at(beginning, 40);
  header.text_bytes = number_at(beginning, 48);
  header.tokens_checksum = number_at(beginning, 56);
  header.entries_checksum = number_at(beginning, 64);
  return header;
}

}  // namespace io
