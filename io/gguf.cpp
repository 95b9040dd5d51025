#include "io/gguf.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

#include "io/half.hpp"
#include "io/little_endian.hpp"

namespace io {
namespace {

constexpr std::uint32_t version = 3;
constexpr std::size_t write_bytes_max = 8u << 20;

// How the format numbers the types of entries.
constexpr std::uint32_t type_u32 = 4;
constexpr std::uint32_t type_i32 = 5;
constexpr std::uint32_t type_f32 = 6;
constexpr std::uint32_t type_bool = 7;
constexpr std::uint32_t type_text = 8;
constexpr std::uint32_t type_list = 9;

template <class T>
void append_number(std::string& bytes, T number) {
  std::array<std::byte, sizeof number> field{};
  store_little_endian(field.data(), number);
  bytes.append(reinterpret_cast<const char*>(field.data()), field.size());
}

void append_text(std::string& bytes, std::string_view text) {
  append_number<std::uint64_t>(bytes, text.size());
  bytes += text;
}

std::uint64_t padded(std::uint64_t bytes) noexcept {
  return (bytes + gguf_alignment - 1) / gguf_alignment * gguf_alignment;
}

std::vector<std::uint16_t> halves(std::span<const float> values, const std::string& tensor) {
  std::vector<std::uint16_t> to(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    to[i] = f16_from_float(values[i]);
    if (std::isinf(float_from_f16(to[i])) && !std::isinf(values[i]))
      throw GgufError(fmt::format("{} has the value {}, too large for f16; take --type f32", tensor, values[i]));
  }
  return to;
}

}  // namespace

std::size_t GgufTensor::count() const noexcept {
  std::size_t product = 1;
  for (const std::size_t extent : shape) product *= extent;
  return product;
}

std::uint64_t GgufTensor::size_bytes() const noexcept {
  return count() * (type == GgufType::f16 ? sizeof(std::uint16_t) : sizeof(float));
}

void GgufMetadata::begin(std::string_view name, std::uint32_t type) {
  ++count_;
  append_text(bytes_, name);
  append_number(bytes_, type);
}

void GgufMetadata::add_text(std::string_view name, std::string_view text) {
  begin(name, type_text);
  append_text(bytes_, text);
}

void GgufMetadata::add_count(std::string_view name, std::size_t count) {
  assert(count <= std::numeric_limits<std::uint32_t>::max());
  begin(name, type_u32);
  append_number(bytes_, static_cast<std::uint32_t>(count));
}

void GgufMetadata::add_real(std::string_view name, float value) {
  begin(name, type_f32);
  append_number(bytes_, std::bit_cast<std::uint32_t>(value));
}

void GgufMetadata::add_flag(std::string_view name, bool value) {
  begin(name, type_bool);
  append_number(bytes_, static_cast<std::uint8_t>(value));
}

void GgufMetadata::add_texts(std::string_view name, const std::vector<std::string>& texts) {
  begin(name, type_list);
  append_number(bytes_, type_text);
  append_number<std::uint64_t>(bytes_, texts.size());
  for (const std::string& text : texts) append_text(bytes_, text);
}

void GgufMetadata::add_integers(std::string_view name, const std::vector<std::int32_t>& values) {
  begin(name, type_list);
  append_number(bytes_, type_i32);
  append_number<std::uint64_t>(bytes_, values.size());
  for (const std::int32_t value : values) append_number(bytes_, value);
}

std::string gguf_header(const GgufMetadata& metadata, const std::vector<GgufTensor>& tensors) {
  std::string bytes = "GGUF";
  append_number(bytes, version);
  append_number<std::uint64_t>(bytes, tensors.size());
  append_number(bytes, metadata.count());
  bytes += metadata.bytes();
  std::uint64_t offset_bytes = 0;
  for (const GgufTensor& tensor : tensors) {
    append_text(bytes, tensor.name);
    append_number(bytes, static_cast<std::uint32_t>(tensor.shape.size()));
    for (auto extent = tensor.shape.rbegin(); extent != tensor.shape.rend(); ++extent)
      append_number<std::uint64_t>(bytes, *extent);
    append_number(bytes, static_cast<std::uint32_t>(tensor.type));
    append_number(bytes, offset_bytes);
    offset_bytes += padded(tensor.size_bytes());
  }
  bytes.resize(padded(bytes.size()), '\0');
  return bytes;
}

sched::task<void> GgufWriter::begin(const GgufMetadata& metadata) {
  const std::string header = gguf_header(metadata, tensors_);
  file_ = co_await files_.open(path_, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  co_await write(std::as_bytes(std::span(header)));
}

sched::task<void> GgufWriter::append(std::span<const float> values) {
  const GgufTensor& tensor = tensors_.at(next_++);
  assert(values.size() == tensor.count());
  if (tensor.type == GgufType::f16) {
    const std::vector<std::uint16_t> converted = halves(values, tensor.name);
    co_await write(std::as_bytes(std::span(converted)));
  } else {
    co_await write(std::as_bytes(values));
  }
  const std::array<std::byte, gguf_alignment> zeros{};
  const std::uint64_t unpadded = offset_bytes_;
  co_await write(std::span(zeros).first(padded(unpadded) - unpadded));
}

sched::task<void> GgufWriter::finish() {
  assert(next_ == tensors_.size());
  co_await files_.sync(file_);
  co_await files_.close(std::move(file_));
}

sched::task<void> GgufWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::span<const std::byte> part = bytes.first(std::min(bytes.size(), write_bytes_max));
    co_await files_.write(file_, offset_bytes_, part);
    offset_bytes_ += part.size();
    bytes = bytes.subspan(part.size());
  }
}

}  // namespace io
