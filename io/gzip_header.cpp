#include "io/gzip_header.hpp"

#include <isa-l/crc.h>

namespace io {
namespace {

constexpr std::uint32_t fixed_bytes = 10;

constexpr unsigned checksum_flag = 0x02;
constexpr unsigned extra_flag = 0x04;
constexpr unsigned name_flag = 0x08;
constexpr unsigned comment_flag = 0x10;
constexpr unsigned reserved_flags = 0xE0;

}  // namespace

std::size_t GzipHeader::read(std::span<const std::byte> input) noexcept {
  std::size_t bytes = 0;
  while (bytes < input.size() && !whole() && damage_ == nullptr) {
    const auto byte = std::to_integer<unsigned char>(input[bytes]);
    // Byte by byte, for a header has some ten of them.
    if (field_ != Field::checksum) checksum_ = crc32_gzip_refl(checksum_, &byte, 1);
    read_byte(byte);
    ++bytes;
  }
  return bytes;
}

void GzipHeader::read_byte(unsigned byte) noexcept {
  const std::uint32_t position = position_++;
  switch (field_) {
    case Field::fixed:
      read_fixed(position, byte);
      if (position_ == fixed_bytes) go_to(Field::extra_length);
      break;
    case Field::extra_length:
      extra_bytes_ |= byte << 8 * position;
      if (position_ == 2) go_to(extra_bytes_ > 0 ? Field::extra : Field::name);
      break;
    case Field::extra:
      if (position_ == extra_bytes_) go_to(Field::name);
      break;
    case Field::name:
      if (byte == 0) go_to(Field::comment);
      break;
    case Field::comment:
      if (byte == 0) go_to(Field::checksum);
      break;
    case Field::checksum:
      stored_checksum_ |= byte << 8 * position;
      if (position_ < 2) break;
      if (stored_checksum_ != (checksum_ & 0xFFFF))
        damage_ = "damaged gzip data: a member's header has another checksum";
      go_to(Field::end);
      break;
    case Field::end:
      break;
  }
}

void GzipHeader::read_fixed(std::uint32_t position, unsigned byte) noexcept {
  if ((position == 0 && byte != 0x1F) || (position == 1 && byte != 0x8B)) {
    damage_ = "damaged gzip data: no member begins where one should";
  } else if (position == 2 && byte != 8) {
    damage_ = "damaged gzip data: a compression method other than deflate";
  } else if (position == 3) {
    flags_ = byte;
    if ((flags_ & reserved_flags) != 0) damage_ = "damaged gzip data: unknown flags in a member's header";
  }
}

void GzipHeader::go_to(Field field) noexcept {
  if (field == Field::extra_length && (flags_ & extra_flag) == 0) field = Field::name;
  if (field == Field::name && (flags_ & name_flag) == 0) field = Field::comment;
  if (field == Field::comment && (flags_ & comment_flag) == 0) field = Field::checksum;
  if (field == Field::checksum && (flags_ & checksum_flag) == 0) field = Field::end;
  field_ = field;
  position_ = 0;
}

}  // namespace io
