// A GGUF file is taken apart by the words of its specification and holds what was given.

#include "io/gguf.hpp"

#include <rapidcheck.h>

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/half.hpp"
#include "tests/io/files_help.hpp"

namespace {

using io::GgufTensor;
using io::GgufType;

/// Reads a file from its beginning on.
class Reader {
 public:
  explicit Reader(std::string bytes) : bytes_(std::move(bytes)) {}

  template <class T>
  T number() {
    BOOST_REQUIRE(at_ + sizeof(T) <= bytes_.size());
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string text() {
    const auto length = number<std::uint64_t>();
    BOOST_REQUIRE(at_ + length <= bytes_.size());
    const std::string value = bytes_.substr(at_, length);
    at_ += length;
    return value;
  }
  /// A value of any type, as text.
  std::string value(std::uint32_t type) {
    switch (type) {
      case 4:
        return "u32 " + std::to_string(number<std::uint32_t>());
      case 5:
        return "i32 " + std::to_string(number<std::int32_t>());
      case 6:
        return "f32 " + std::to_string(number<float>());
      case 7:
        return "bool " + std::to_string(number<std::uint8_t>());
      case 8:
        return "text " + text();
      default:
        break;
    }
    BOOST_REQUIRE(type == 9);
    const auto of = number<std::uint32_t>();
    std::string all = "list";
    for (auto count = number<std::uint64_t>(); count > 0; --count) all += "; " + value(of);
    return all;
  }
  std::size_t at() const { return at_; }
  void go_to(std::size_t at) { at_ = at; }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

struct Found {
  std::map<std::string, std::string> entries;
  std::vector<GgufTensor> tensors;
  std::vector<std::vector<float>> values;
};

Found take_apart(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Reader reader(std::string(std::istreambuf_iterator<char>(file), {}));
  Found found;
  BOOST_TEST(reader.number<std::uint32_t>() == 0x46554747u);  // "GGUF"
  BOOST_TEST(reader.number<std::uint32_t>() == 3u);
  const auto tensors_count = reader.number<std::uint64_t>();
  for (auto entries = reader.number<std::uint64_t>(); entries > 0; --entries) {
    const std::string name = reader.text();
    found.entries[name] = reader.value(reader.number<std::uint32_t>());
  }
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t i = 0; i < tensors_count; ++i) {
    GgufTensor& tensor = found.tensors.emplace_back();
    tensor.name = reader.text();
    for (auto rank = reader.number<std::uint32_t>(); rank > 0; --rank)
      tensor.shape.insert(tensor.shape.begin(), reader.number<std::uint64_t>());
    tensor.type = static_cast<GgufType>(reader.number<std::uint32_t>());
    offsets.push_back(reader.number<std::uint64_t>());
  }
  const std::size_t data = (reader.at() + 31) / 32 * 32;
  std::uint64_t expected = 0;
  for (std::uint64_t i = 0; i < tensors_count; ++i) {
    BOOST_TEST(offsets[i] == expected);
    reader.go_to(data + offsets[i]);
    std::vector<float>& values = found.values.emplace_back();
    for (std::size_t n = 0; n < found.tensors[i].count(); ++n)
      values.push_back(found.tensors[i].type == GgufType::f16 ? io::float_from_f16(reader.number<std::uint16_t>())
                                                              : reader.number<float>());
    expected = (reader.at() - data + 31) / 32 * 32;
  }
  BOOST_TEST(reader.size() == data + expected);
  return found;
}

sched::task<void> write(io::GgufWriter& writer, const io::GgufMetadata& metadata,
                        const std::vector<std::vector<float>>& values) {
  co_await writer.begin(metadata);
  for (const std::vector<float>& of_tensor : values) co_await writer.append(of_tensor);
  co_await writer.finish();
}

Found written(const io::GgufMetadata& metadata, const std::vector<GgufTensor>& tensors,
              const std::vector<std::vector<float>>& values) {
  files_help::TemporaryFolder folder;
  const std::string path = folder / "a.gguf";
  const auto files = io::make_files({});
  io::GgufWriter writer(*files, path, tensors);
  files_help::finish(*files, write(writer, metadata, values));
  return take_apart(path);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gguf)

BOOST_AUTO_TEST_CASE(entries_are_read_back) {
  io::GgufMetadata metadata;
  metadata.add_text("a.text", "gpt2 é");
  metadata.add_count("a.count", 4'000'000'000);
  metadata.add_real("a.real", 0.5f);
  metadata.add_flag("a.flag", true);
  metadata.add_texts("a.texts", {"", "x y", std::string("\0z", 2)});
  metadata.add_integers("a.integers", {-1, 7});
  metadata.add_texts("a.none", {});
  const Found found = written(metadata, {}, {});
  const std::map<std::string, std::string> expected = {
      {"a.text", "text gpt2 é"},
      {"a.count", "u32 4000000000"},
      {"a.real", "f32 0.500000"},
      {"a.flag", "bool 1"},
      {"a.texts", "list; text ; text x y; text " + std::string("\0z", 2)},
      {"a.integers", "list; i32 -1; i32 7"},
      {"a.none", "list"}};
  BOOST_TEST((found.entries == expected));
}

BOOST_AUTO_TEST_CASE(tensors_are_read_back_in_their_order) {
  BOOST_TEST(rc::check([] {
    std::vector<GgufTensor> tensors;
    std::vector<std::vector<float>> values;
    const auto count = *rc::gen::inRange(0, 6);
    for (int i = 0; i < count; ++i) {
      GgufTensor tensor{"t" + std::to_string(i), {}, GgufType::f32};
      for (int rank = *rc::gen::inRange(1, 4); rank > 0; --rank)
        tensor.shape.push_back(*rc::gen::inRange<std::size_t>(1, 9));
      if (*rc::gen::arbitrary<bool>()) tensor.type = GgufType::f16;
      std::vector<float>& of_tensor = values.emplace_back();
      for (std::size_t n = 0; n < tensor.count(); ++n)
        of_tensor.push_back(static_cast<float>(*rc::gen::inRange(-2000, 2000)) / 8);  // f16 has each of them
      tensors.push_back(tensor);
    }
    const Found found = written({}, tensors, values);
    RC_ASSERT(found.values == values);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      RC_ASSERT(found.tensors[i].name == tensors[i].name);
      RC_ASSERT(found.tensors[i].shape == tensors[i].shape);
      RC_ASSERT(found.tensors[i].type == tensors[i].type);
    }
  }));
}

BOOST_AUTO_TEST_CASE(a_number_too_large_for_its_type_is_refused_by_name) {
  const std::vector<GgufTensor> tensors = {{"blk.0.ffn_up.weight", {2, 1}, GgufType::f16}};
  BOOST_TEST(written({}, tensors, {{65504, -65504}}).values.front().front() == 65504);
  try {
    written({}, tensors, {{1, 65520}});
    BOOST_ERROR("written");
  } catch (const io::GgufError& error) {
    BOOST_TEST(std::string(error.what()).find("blk.0.ffn_up.weight") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(every_half_is_itself_and_what_lies_between_goes_to_the_nearest) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = io::float_from_f16(half);
    if (std::isnan(value)) {
      BOOST_TEST(std::isnan(io::float_from_f16(io::f16_from_float(value))));
      continue;
    }
    BOOST_REQUIRE(io::f16_from_float(value) == half);
    if ((bits & 0x7fff) >= 0x7bff) continue;  // the largest, and infinite
    const float next = io::float_from_f16(static_cast<std::uint16_t>(bits + 1));
    const float middle = value + (next - value) / 2;  // exact: one more bit than a half has
    const auto even = static_cast<std::uint16_t>(bits % 2 == 0 ? bits : bits + 1);
    BOOST_REQUIRE(io::f16_from_float(middle) == even);
    BOOST_REQUIRE(io::f16_from_float(std::nextafter(middle, value)) == half);
    BOOST_REQUIRE(io::f16_from_float(std::nextafter(middle, next)) == bits + 1);
  }
  BOOST_TEST(io::f16_from_float(65519.996f) == 0x7bff);
  BOOST_TEST(io::f16_from_float(65520) == 0x7c00);
  BOOST_TEST(io::f16_from_float(-std::numeric_limits<float>::infinity()) == 0xfc00);
  BOOST_TEST(io::f16_from_float(std::numeric_limits<float>::max()) == 0x7c00);
}

BOOST_AUTO_TEST_SUITE_END()
