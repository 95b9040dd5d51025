#include "io/megatron_index.hpp"

#include <fmt/format.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "io/corpus.hpp"
#include "io/little_endian.hpp"

namespace io {
namespace {

constexpr std::string_view magic{"MMIDIDX\0\0", 9};
constexpr std::uint64_t known_version = 1;

[[noreturn]] void refuse(const ReadableFile& file, const std::string& reason) {
  throw CorpusError(file.path() + ": " + reason);
}

void set_type(MegatronIndex& index, unsigned code, const ReadableFile& file) {
  constexpr const char* names[] = {"?", "uint8", "int8", "int16", "int32", "int64", "float64", "float32", "uint16"};
  switch (code) {
    case 1:
      index.token_bytes = 1;
      return;
    case 4:
      index.token_bytes = 4;
      index.is_signed = true;
      return;
    case 5:
      index.token_bytes = 8;
      index.is_signed = true;
      return;
    case 8:
      index.token_bytes = 2;
      return;
  }
  refuse(file, fmt::format("tokens of type {} ({}); uint8, uint16, int32 and int64 are known", code,
                           code < std::size(names) ? names[code] : "unknown"));
}

template <class Number>
Number number_at(const ReadableFile& file, std::uint64_t offset_bytes) {
  const std::vector<std::byte> bytes = file.read(offset_bytes, sizeof(Number));
  if (bytes.size() < sizeof(Number)) refuse(file, fmt::format("ends at byte {}", offset_bytes + bytes.size()));
  return load_little_endian<Number>(bytes.data());
}

}  // namespace

bool MegatronIndex::is_at(std::span<const std::byte> beginning) noexcept {
  return beginning.size() >= magic.size() && std::memcmp(beginning.data(), magic.data(), magic.size()) == 0;
}

MegatronIndex MegatronIndex::read(const ReadableFile& file) {
  const std::vector<std::byte> header = file.read(0, lengths_offset);
  if (header.size() < lengths_offset) refuse(file, "ends within the header of Megatron's index");
  const auto version = load_little_endian<std::uint64_t>(header.data() + 9);
  if (version != known_version)
    refuse(file, fmt::format("version {} of Megatron's index; {} is known", version, known_version));
  MegatronIndex index;
  set_type(index, std::to_integer<unsigned>(header[17]), file);
  const auto sequences = load_little_endian<std::uint64_t>(header.data() + 18);
  const auto indices = load_little_endian<std::uint64_t>(header.data() + 26);
  const std::uint64_t size = file.size_bytes();
  // First by division: the numbers of a damaged file may be too large to multiply.
  const bool may_fit = sequences <= size / 12 && indices <= size / 8;
  const std::uint64_t wanted = may_fit ? documents_offset(sequences) + 8 * indices : 0;
  if (!may_fit || (size != wanted && size != wanted + sequences))
    refuse(file, fmt::format("{} bytes do not hold {} sequences and {} document indices", size, sequences, indices));
  index.sequences_count = sequences;
  index.documents_count = indices == 0 ? 0 : indices - 1;

  const std::uint64_t documents = documents_offset(sequences);
  const auto first = indices == 0 ? 0 : number_at<std::int64_t>(file, documents);
  const auto last = indices == 0 ? 0 : number_at<std::int64_t>(file, documents + 8 * (indices - 1));
  if (first != 0 || last != static_cast<std::int64_t>(sequences))
    refuse(file, fmt::format("its documents are the sequences {} to {}, and there are {}", first, last, sequences));
  if (sequences == 0) return index;
  const auto length = number_at<std::int32_t>(file, lengths_offset + 4 * (sequences - 1));
  const auto pointer = number_at<std::int64_t>(file, pointers_offset(sequences) + 8 * (sequences - 1));
  if (length < 0 || pointer < 0)
    refuse(file, fmt::format("its last sequence has {} tokens and begins at byte {}", length, pointer));
  index.end_bytes = static_cast<std::uint64_t>(pointer) + static_cast<std::uint64_t>(length) * index.token_bytes;
  return index;
}

}  // namespace io
