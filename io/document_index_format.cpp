#include "io/document_index_format.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <string_view>

namespace io {
namespace {

constexpr std::string_view magic = "icosaidx";
constexpr std::uint64_t version = 1;
constexpr std::size_t checked_bytes = 64;  // of the header
// Above, sizes would not fit their numbers; no disk holds that.
constexpr std::uint64_t count_max = std::uint64_t{1} << 56;

void put(std::byte* to, std::uint64_t number, std::size_t bytes) noexcept {
  for (std::size_t i = 0; i < bytes; ++i) to[i] = static_cast<std::byte>(number >> (8 * i));
}

std::uint64_t get(const std::byte* from, std::size_t bytes) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
  return number;
}

}  // namespace

std::uint64_t DocumentIndexHeader::table_offset_bytes() const noexcept {
  return bytes + entries_count * DocumentIndexEntry::bytes;
}

std::uint64_t DocumentIndexHeader::file_bytes() const noexcept {
  return table_offset_bytes() + files_count * DocumentIndexFile::bytes;
}

std::array<std::byte, DocumentIndexHeader::bytes> bytes_of(const DocumentIndexHeader& header) noexcept {
  std::array<std::byte, DocumentIndexHeader::bytes> bytes{};
  std::transform(magic.begin(), magic.end(), bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
  put(&bytes[8], version, 4);
  put(&bytes[16], header.files_count, 8);
  put(&bytes[24], header.documents_count, 8);
  put(&bytes[32], header.entries_count, 8);
  put(&bytes[40], header.manifest_hash, 8);
  put(&bytes[48], header.entries_checksum, 8);
  put(&bytes[56], header.table_checksum, 8);
  put(&bytes[64], XXH3_64bits(bytes.data(), checked_bytes), 8);
  return bytes;
}

DocumentIndexHeader read_document_index_header(std::span<const std::byte> bytes, std::uint64_t file_bytes) {
  if (bytes.size() < DocumentIndexHeader::bytes ||
      !std::equal(magic.begin(), magic.end(), bytes.begin(),
                  [](char c, std::byte byte) { return static_cast<std::byte>(c) == byte; }))
    throw DocumentIndexError("not an index of documents");
  if (get(&bytes[8], 4) != version)
    throw DocumentIndexError("an index of documents of version " + std::to_string(get(&bytes[8], 4)));
  DocumentIndexHeader header;
  header.files_count = get(&bytes[16], 8);
  header.documents_count = get(&bytes[24], 8);
  header.entries_count = get(&bytes[32], 8);
  header.manifest_hash = get(&bytes[40], 8);
  header.entries_checksum = get(&bytes[48], 8);
  header.table_checksum = get(&bytes[56], 8);
  if (get(&bytes[64], 8) != XXH3_64bits(bytes.data(), checked_bytes) || header.files_count > count_max ||
      header.entries_count > count_max)
    throw DocumentIndexError("the header of the index is damaged");
  if (header.file_bytes() != file_bytes)
    throw DocumentIndexError("the index has " + std::to_string(file_bytes) + " bytes, and its header speaks of " +
                             std::to_string(header.file_bytes()));
  return header;
}

void append_entry(std::vector<std::byte>& bytes, const DocumentIndexEntry& entry) {
  assert(entry.begin_bytes < DocumentIndexEntry::begin_limit);
  const std::size_t before = bytes.size();
  bytes.resize(before + DocumentIndexEntry::bytes);
  put(&bytes[before], entry.begin_bytes, 6);
  put(&bytes[before + 6], std::min(entry.length_bytes, DocumentIndexEntry::length_unknown), 4);
}

DocumentIndexEntry read_document_index_entry(const std::byte* bytes) noexcept {
  return {get(bytes, 6), get(bytes + 6, 4)};
}

std::vector<std::byte> bytes_of(std::span<const DocumentIndexFile> table) {
  std::vector<std::byte> bytes(table.size() * DocumentIndexFile::bytes);
  std::byte* to = bytes.data();
  for (const DocumentIndexFile& file : table) {
    put(to, file.first_document, 8);
    put(to + 8, file.first_entry, 8);
    put(to + 16, file.size_bytes, 8);
    to += DocumentIndexFile::bytes;
  }
  return bytes;
}

std::vector<DocumentIndexFile> read_document_index_table(std::span<const std::byte> bytes,
                                                         const DocumentIndexHeader& header) {
  if (XXH3_64bits(bytes.data(), bytes.size()) != header.table_checksum)
    throw DocumentIndexError("the table of files in the index is damaged");
  std::vector<DocumentIndexFile> table(bytes.size() / DocumentIndexFile::bytes);
  const std::byte* from = bytes.data();
  for (DocumentIndexFile& file : table) {
    file = {get(from, 8), get(from + 8, 8), get(from + 16, 8)};
    from += DocumentIndexFile::bytes;
  }
  // What was written so, and checked, may still come from another hand.
  const DocumentIndexFile* before = nullptr;
  for (std::size_t i = 0; i <= table.size(); ++i) {
    const DocumentIndexFile next =
        i < table.size() ? table[i] : DocumentIndexFile{header.documents_count, header.entries_count, 0};
    const bool sound =
        before == nullptr
            ? next.first_document == 0 && next.first_entry == 0
            : next.first_document >= before->first_document && next.first_entry >= before->first_entry &&
                  (next.first_entry == before->first_entry ||
                   next.first_entry - before->first_entry == next.first_document - before->first_document);
    if (!sound) throw DocumentIndexError("the table of files in the index is damaged");
    if (i < table.size()) before = &table[i];
  }
  return table;
}

}  // namespace io
