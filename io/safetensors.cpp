#include "io/safetensors.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "io/little_endian.hpp"

namespace io {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are written as they lie in memory");

constexpr std::size_t write_bytes_max = 8u << 20;  // a write at a time: progress can be cancelled in between

std::string length_field(std::uint64_t length) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<char>(length >> (8 * i) & 0xff);
  return bytes;
}

}  // namespace

std::string safetensors_header(const std::vector<TensorView>& tensors) {
  std::string header = "{\"__metadata__\": {\"format\": \"pt\"}";
  std::uint64_t offset_bytes = 0;
  for (const TensorView& tensor : tensors) {
    const std::uint64_t end_bytes = offset_bytes + tensor.values.size_bytes();
    header += fmt::format(", \"{}\": {{\"dtype\": \"F32\", \"shape\": [{}], \"data_offsets\": [{}, {}]}}", tensor.name,
                          shape_text(tensor.shape), offset_bytes, end_bytes);
    offset_bytes = end_bytes;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return length_field(header.size()) + header;
}

sched::task<void> write_safetensors(Files& files, std::string path, const std::vector<TensorView>& tensors) {
  OpenFile file = co_await files.open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
  const std::string header = safetensors_header(tensors);
  co_await files.write(file, 0, std::as_bytes(std::span(header)));
  std::uint64_t offset_bytes = header.size();
  for (const TensorView& tensor : tensors) {
    std::span<const std::byte> rest = std::as_bytes(tensor.values);
    while (!rest.empty()) {
      const std::span<const std::byte> part = rest.first(std::min(rest.size(), write_bytes_max));
      co_await files.write(file, offset_bytes, part);
      offset_bytes += part.size();
      rest = rest.subspan(part.size());
    }
  }
  co_await files.sync(file);
  co_await files.close(std::move(file));
}

std::vector<SafetensorsShard> safetensors_shards(const std::string& name, const std::vector<TensorView>& tensors,
                                                 std::uint64_t shard_bytes_max) {
  std::vector<SafetensorsShard> shards(1);
  std::uint64_t bytes = 0;  // of the last
  for (const TensorView& tensor : tensors) {
    if (!shards.back().second.empty() && bytes + tensor.values.size_bytes() > shard_bytes_max) {
      shards.emplace_back();
      bytes = 0;
    }
    bytes += tensor.values.size_bytes();
    shards.back().second.push_back(tensor);
  }
  if (shards.size() == 1) shards.front().first = name + ".safetensors";
  for (std::size_t i = 0; i < shards.size() && shards.size() > 1; ++i)
    shards[i].first = fmt::format("{}-{:05}-of-{:05}.safetensors", name, i + 1, shards.size());
  return shards;
}

std::string safetensors_index(const std::vector<SafetensorsShard>& shards) {
  std::uint64_t bytes = 0;
  std::string map;
  for (const auto& [file, tensors] : shards) {
    for (const TensorView& tensor : tensors) {
      bytes += tensor.values.size_bytes();
      map += fmt::format("{}\n    \"{}\": \"{}\"", map.empty() ? "" : ",", tensor.name, file);
    }
  }
  return fmt::format("{{\n  \"metadata\": {{\"total_size\": {}}},\n  \"weight_map\": {{{}\n  }}\n}}\n", bytes, map);
}

}  // namespace io
