#include "io/safetensors.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "io/error.hpp"

namespace io {
namespace {

constexpr std::size_t write_bytes_max = 8u << 20;        // a write at a time: progress can be cancelled in between
constexpr std::uint64_t header_bytes_max = 100'000'000;  // as the format's own reference implementation

std::string length_field(std::uint64_t length) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<char>(length >> (8 * i) & 0xff);
  return bytes;
}

std::uint64_t read_length_field(const char* bytes) noexcept {
  std::uint64_t length = 0;
  for (int i = 0; i < 8; ++i) length |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return length;
}

class ReadableFile {
 public:
  explicit ReadableFile(const std::string& path)
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) throw FileError(path, 0, errno, "open the tensors");
    size_bytes_ = static_cast<std::uint64_t>(status.st_size);
  }
  ReadableFile(const ReadableFile&) = delete;
  ReadableFile& operator=(const ReadableFile&) = delete;
  ~ReadableFile() { ::close(descriptor_); }

  std::uint64_t size_bytes() const noexcept { return size_bytes_; }

  void read(void* to, std::uint64_t offset_bytes, std::size_t bytes) const {
    for (char* at = static_cast<char*>(to); bytes > 0;) {
      const ssize_t got = ::pread(descriptor_, at, bytes, static_cast<off_t>(offset_bytes));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw FileError(path_, offset_bytes, errno, "read");
      if (got == 0) throw SafetensorsError(path_ + ": the file ends at byte " + std::to_string(offset_bytes));
      at += got;
      bytes -= static_cast<std::size_t>(got);
      offset_bytes += static_cast<std::uint64_t>(got);
    }
  }

 private:
  std::string path_;
  int descriptor_;
  std::uint64_t size_bytes_ = 0;
};

[[noreturn]] void refuse(const std::string& path, const std::string& reason) {
  throw SafetensorsError(path + ": not a safetensors file of this program: " + reason);
}

void read_tensor(const ReadableFile& file, const std::string& path, simdjson::dom::object header,
                 std::uint64_t data_begin, const TensorSlot& slot) {
  simdjson::dom::object entry;
  if (header[slot.name].get(entry) != simdjson::SUCCESS) refuse(path, "it has no tensor " + slot.name);
  std::string_view type;
  if (entry["dtype"].get(type) != simdjson::SUCCESS || type != "F32") refuse(path, slot.name + " is not of type F32");
  simdjson::dom::array shape;
  std::vector<std::size_t> found;
  if (entry["shape"].get(shape) == simdjson::SUCCESS) {
    for (const auto element : shape) {
      std::uint64_t size = 0;
      if (element.get(size) != simdjson::SUCCESS) refuse(path, slot.name + " has a shape that is not of numbers");
      found.push_back(size);
    }
  }
  if (found != slot.shape)
    refuse(path,
           fmt::format("{} has shape [{}] where [{}] is wanted", slot.name, shape_text(found), shape_text(slot.shape)));
  simdjson::dom::array offsets;
  std::uint64_t begin = 0, end = 0;
  if (entry["data_offsets"].get(offsets) != simdjson::SUCCESS || offsets.size() != 2 ||
      offsets.at(0).get(begin) != simdjson::SUCCESS || offsets.at(1).get(end) != simdjson::SUCCESS)
    refuse(path, slot.name + " has no data_offsets");
  const std::uint64_t data_bytes = file.size_bytes() - data_begin;
  if (begin > end || end > data_bytes || end - begin != slot.values.size_bytes())
    refuse(path, fmt::format("{} lies at [{}, {}) of {} bytes of data and wants {}", slot.name, begin, end, data_bytes,
                             slot.values.size_bytes()));
  file.read(slot.values.data(), data_begin + begin, slot.values.size_bytes());
}

}  // namespace

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text;
  for (const std::size_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return text;
}

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

void read_safetensors(const std::string& path, const std::vector<TensorSlot>& slots) {
  const ReadableFile file(path);
  char field[8];
  if (file.size_bytes() < sizeof(field)) refuse(path, "it is shorter than 8 bytes");
  file.read(field, 0, sizeof(field));
  const std::uint64_t header_bytes = read_length_field(field);
  if (header_bytes > header_bytes_max || header_bytes > file.size_bytes() - sizeof(field))
    refuse(path, fmt::format("its header would have {} bytes", header_bytes));
  simdjson::padded_string text(header_bytes);
  file.read(text.data(), sizeof(field), header_bytes);
  simdjson::dom::parser parser;
  simdjson::dom::object header;
  if (parser.parse(text).get(header) != simdjson::SUCCESS) refuse(path, "its header is not a JSON object");
  for (const TensorSlot& slot : slots) read_tensor(file, path, header, sizeof(field) + header_bytes, slot);
}

}  // namespace io
