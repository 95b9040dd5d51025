#include "io/safetensors_header.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "io/path_text.hpp"

namespace io {
namespace {

using Object = simdjson::dom::object;

struct Type {
  std::string_view name;
  std::uint64_t bytes;
};

constexpr std::array<Type, 15> types = {{{"BOOL", 1},
                                         {"U8", 1},
                                         {"I8", 1},
                                         {"F8_E5M2", 1},
                                         {"F8_E4M3", 1},
                                         {"I16", 2},
                                         {"U16", 2},
                                         {"F16", 2},
                                         {"BF16", 2},
                                         {"I32", 4},
                                         {"U32", 4},
                                         {"F32", 4},
                                         {"F64", 8},
                                         {"I64", 8},
                                         {"U64", 8}}};

std::optional<std::uint64_t> bytes_of(std::string_view type) {
  const auto found = std::find_if(types.begin(), types.end(), [&](const Type& known) { return known.name == type; });
  if (found == types.end()) return std::nullopt;
  return found->bytes;
}

class Header {
 public:
  Header(std::uint64_t data_bytes, const std::string& name) : data_bytes_(data_bytes), name_(name) {}

  StoredTensors parse(std::string_view text) {
    Object header;
    // The format allows white space behind the object and none before it.
    if (!text.starts_with('{') || parser_.parse(simdjson::padded_string(text)).get(header))
      refuse("its header is not a JSON object");
    StoredTensors tensors;
    for (const auto field : header) {
      if (field.key == "__metadata__") {
        check_metadata(field.value);
        continue;
      }
      std::string key(field.key);
      StoredTensor tensor = tensor_of(path_text(key), field.value);
      const bool fresh = tensors.emplace(std::move(key), std::move(tensor)).second;
      if (!fresh) refuse(path_text(field.key) + " is there twice");
    }
    check_places(tensors);
    return tensors;
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const {
    throw SafetensorsError(name_ + ": not a sound safetensors file: " + reason);
  }

  void check_metadata(simdjson::dom::element value) const {
    Object metadata;
    if (value.get(metadata)) refuse("its __metadata__ is not an object");
    for (const auto field : metadata)
      if (!field.value.is_string()) refuse("its __metadata__ is not of texts");
  }

  StoredTensor tensor_of(const std::string& shown, simdjson::dom::element value) const {
    Object entry;
    std::string_view type;
    simdjson::dom::array shape, offsets;
    if (value.get(entry)) refuse(shown + " is not an object");
    if (entry["dtype"].get(type)) refuse(shown + " has no dtype");
    if (entry["shape"].get(shape)) refuse(shown + " has no shape");
    if (entry["data_offsets"].get(offsets)) refuse(shown + " has no data_offsets");
    const std::optional<std::uint64_t> element_bytes = bytes_of(type);
    if (!element_bytes) refuse(shown + " is of an unknown type");
    StoredTensor tensor;
    tensor.type = type;
    std::uint64_t bytes = *element_bytes;
    for (const auto dimension : shape) {
      std::uint64_t size = 0;
      if (dimension.get(size)) refuse(shown + " has a shape that is not of numbers");
      if (tensor.shape.size() == safetensors_rank_max) refuse(shown + " has too many dimensions");
      tensor.shape.push_back(size);
      if (__builtin_mul_overflow(bytes, size, &bytes)) refuse(shown + " is larger than any file");
    }
    if (offsets.size() != 2 || offsets.at(0).get(tensor.begin_bytes) || offsets.at(1).get(tensor.end_bytes))
      refuse(shown + " has data_offsets that are not two numbers");
    if (tensor.begin_bytes > tensor.end_bytes || tensor.end_bytes > data_bytes_)
      refuse(fmt::format("{} lies at [{}, {}) of {} bytes of data", shown, tensor.begin_bytes, tensor.end_bytes,
                         data_bytes_));
    if (tensor.end_bytes - tensor.begin_bytes != bytes)
      refuse(
          fmt::format("{} has {} bytes, and its shape wants {}", shown, tensor.end_bytes - tensor.begin_bytes, bytes));
    return tensor;
  }

  /// No overlap and no gap.
  void check_places(const StoredTensors& tensors) const {
    struct Place {
      std::uint64_t begin_bytes;
      std::uint64_t end_bytes;
      const std::string* name;
    };
    std::vector<Place> places;
    places.reserve(tensors.size());
    for (const auto& [name, tensor] : tensors) places.push_back({tensor.begin_bytes, tensor.end_bytes, &name});
    std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
      return std::tie(a.begin_bytes, a.end_bytes, *a.name) < std::tie(b.begin_bytes, b.end_bytes, *b.name);
    });
    std::uint64_t end_bytes = 0;
    for (const Place& place : places) {
      if (place.begin_bytes != end_bytes)
        refuse(fmt::format("{} begins at byte {} of the data, {} the one before it, which ends at {}",
                           path_text(*place.name), place.begin_bytes,
                           place.begin_bytes < end_bytes ? "inside" : "apart from", end_bytes));
      end_bytes = place.end_bytes;
    }
    if (end_bytes != data_bytes_)
      refuse(fmt::format("its tensors end at byte {} of {} bytes of data", end_bytes, data_bytes_));
  }

  std::uint64_t data_bytes_;
  const std::string& name_;
  simdjson::dom::parser parser_;
};

}  // namespace

StoredTensors parse_safetensors_header(std::string_view header, std::uint64_t data_bytes, const std::string& name) {
  return Header(data_bytes, name).parse(header);
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text;
  for (const std::size_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return text;
}

}  // namespace io
