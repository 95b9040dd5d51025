// The reading half of io/safetensors.hpp.

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "io/error.hpp"
#include "io/half.hpp"
#include "io/little_endian.hpp"
#include "io/path_text.hpp"
#include "io/readable_file.hpp"
#include "io/safetensors.hpp"

namespace io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t length_bytes = 8;
constexpr std::size_t converted_bytes = 1u << 20;  // at a time

[[noreturn]] void refuse(const std::string& path, const std::string& reason) {
  throw SafetensorsError(path + ": " + reason);
}

/// Fills `to`, or says that the file became shorter.
void read_all(const ReadableFile& file, std::uint64_t offset_bytes, std::span<std::byte> to) {
  if (file.read(offset_bytes, to) != to.size()) refuse(file.path(), "the file became shorter while it was read");
}

/// A file whose header is sound.
class Stored {
 public:
  explicit Stored(const std::string& path) : file_(path) {
    std::array<std::byte, length_bytes> field{};
    if (file_.size_bytes() < field.size())
      refuse(path,
             "not a sound safetensors file: it is shorter than 8 bytes; copy it again, or take another checkpoint");
    read_all(file_, 0, field);
    const auto header_bytes = load_little_endian<std::uint64_t>(field.data());
    if (header_bytes > safetensors_header_bytes_max || header_bytes > file_.size_bytes() - field.size())
      refuse(path,
             fmt::format("not a sound safetensors file: its header would have {} bytes, of {} in the file; copy it "
                         "again, or take another checkpoint",
                         header_bytes, file_.size_bytes()));
    std::string header(header_bytes, '\0');
    read_all(file_, field.size(), std::as_writable_bytes(std::span(header)));
    data_begin_ = field.size() + header_bytes;
    tensors_ = parse_safetensors_header(header, file_.size_bytes() - data_begin_, path);
  }

  bool holds(const std::string& name) const { return tensors_.contains(name); }

  void read(const TensorSlot& slot) const {
    const auto found = tensors_.find(slot.name);
    if (found == tensors_.end()) refuse(file_.path(), "it has no tensor " + path_text(slot.name));
    const StoredTensor& tensor = found->second;
    if (tensor.shape != slot.shape)
      refuse(file_.path(), fmt::format("{} has shape [{}] where [{}] is wanted", path_text(slot.name),
                                       shape_text(tensor.shape), shape_text(slot.shape)));
    if (tensor.type == "F32") {
      read_all(file_, data_begin_ + tensor.begin_bytes, std::as_writable_bytes(slot.values));
    } else if (tensor.type == "F16") {
      convert(tensor, slot.values, &float_from_f16);
    } else if (tensor.type == "BF16") {
      convert(tensor, slot.values, &float_from_bf16);
    } else {
      refuse(file_.path(),
             fmt::format("{} is of type {}; convert it to F32, F16 or BF16", path_text(slot.name), tensor.type));
    }
  }

 private:
  void convert(const StoredTensor& tensor, std::span<float> to, float (*as_float)(std::uint16_t) noexcept) const {
    std::vector<std::byte> bytes(std::min<std::size_t>(converted_bytes, 2 * to.size()));
    std::uint64_t at = data_begin_ + tensor.begin_bytes;
    while (!to.empty()) {
      const std::size_t count = std::min(to.size(), bytes.size() / 2);
      read_all(file_, at, std::span(bytes).first(2 * count));
      for (std::size_t i = 0; i < count; ++i) to[i] = as_float(load_little_endian<std::uint16_t>(bytes.data() + 2 * i));
      at += 2 * count;
      to = to.subspan(count);
    }
  }

  ReadableFile file_;
  std::uint64_t data_begin_ = 0;
  StoredTensors tensors_;
};

/// The file of each tensor, as an index says it.
std::map<std::string, std::string> read_index(const std::string& index_path) {
  const ReadableFile file(index_path);
  if (file.size_bytes() > safetensors_header_bytes_max)
    refuse(index_path, fmt::format("not an index of safetensors files: it has {} bytes", file.size_bytes()));
  std::string text(file.size_bytes(), '\0');
  read_all(file, 0, std::as_writable_bytes(std::span(text)));
  simdjson::dom::parser parser;
  simdjson::dom::object index, files;
  if (parser.parse(simdjson::padded_string(text)).get(index) || index["weight_map"].get(files))
    refuse(index_path, "not an index of safetensors files: it has no weight_map");
  std::map<std::string, std::string> file_of;
  for (const auto field : files) {
    std::string_view name;
    if (field.value.get(name)) refuse(index_path, path_text(field.key) + " is in no file");
    file_of[std::string(field.key)] = name;
  }
  return file_of;
}

/// The slots of each shard that the index names.
std::map<std::string, std::vector<TensorSlot>> by_shard(const std::string& index_path,
                                                        const std::vector<TensorSlot>& slots) {
  const std::map<std::string, std::string> file_of = read_index(index_path);
  std::map<std::string, std::vector<TensorSlot>> shards;
  for (const TensorSlot& slot : slots) {
    const auto found = file_of.find(slot.name);
    if (found == file_of.end()) refuse(index_path, "it has no tensor " + path_text(slot.name));
    const std::string& name = found->second;
    // A file beside the index and nothing else: the index may come from a stranger.
    if (name.empty() || name.front() == '.' || name.find_first_of(std::string("/\0", 2)) != name.npos)
      refuse(index_path,
             path_text(slot.name) + " is in " + path_text(name) + ", which is not the name of a file beside it");
    shards[name].push_back(slot);
  }
  return shards;
}

std::string index_of(const std::string& path) {
  return path + ".index.json";
}

bool is_sharded(const std::string& path) {
  return !fs::exists(path) && fs::exists(index_of(path));
}

}  // namespace

bool safetensors_holds(const std::string& path, const std::string& tensor) {
  return is_sharded(path) ? read_index(index_of(path)).contains(tensor) : Stored(path).holds(tensor);
}

void read_safetensors(const std::string& path, const std::vector<TensorSlot>& slots) {
  if (!is_sharded(path)) {
    const Stored stored(path);
    for (const TensorSlot& slot : slots) stored.read(slot);
    return;
  }
  for (const auto& [name, of_shard] : by_shard(index_of(path), slots)) {
    const Stored stored((fs::path(path).parent_path() / name).string());
    for (const TensorSlot& slot : of_shard) stored.read(slot);
  }
}

}  // namespace io
