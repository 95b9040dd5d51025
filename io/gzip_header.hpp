#pragma once

// The header of a gzip member (RFC 1952, 2.3), which may arrive byte by byte. Nothing of it is kept.

#include <cstddef>
#include <cstdint>
#include <span>

namespace io {

class GzipHeader {
 public:
  /// Takes what belongs to the header from the beginning of `input` and returns how many bytes that was. Stops after
  /// the header and at damage.
  std::size_t read(std::span<const std::byte> input) noexcept;

  bool whole() const noexcept { return field_ == Field::end; }
  /// What is wrong with it, or null.
  const char* damage() const noexcept { return damage_; }

 private:
  enum class Field : std::uint8_t { fixed, extra_length, extra, name, comment, checksum, end };

  void read_byte(unsigned byte) noexcept;
  void read_fixed(std::uint32_t position, unsigned byte) noexcept;
  /// Goes to the first field at or after `field` that the flags announce.
  void go_to(Field field) noexcept;

  Field field_ = Field::fixed;
  unsigned flags_ = 0;
  std::uint32_t position_ = 0;     // within the field
  std::uint32_t extra_bytes_ = 0;  // of the extra field
  std::uint32_t stored_checksum_ = 0;
  std::uint32_t checksum_ = 0;  // CRC-32 of what came before
  const char* damage_ = nullptr;
};

}  // namespace io
