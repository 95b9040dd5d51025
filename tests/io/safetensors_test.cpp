// Tensors come back as they went, and a file that is not sound is refused in one line whatever is in it.

#include "io/safetensors.hpp"

#include <fcntl.h>

#include <bit>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "io/error.hpp"
#include "io/half.hpp"
#include "tests/io/files_help.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

namespace data = boost::unit_test::data;
using io::SafetensorsError;

std::string length_field(std::uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes;
}

struct Fixture {
  tests::TemporaryFolder folder;

  std::string path(const std::string& name) const { return (folder.path() / name).string(); }

  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

  /// A file with this header and so many bytes of data.
  std::string write_file(const std::string& header, std::size_t data_bytes) const {
    return write("a.safetensors", length_field(header.size()) + header + std::string(data_bytes, '\1'));
  }

  /// What reading "t", four floats, says.
  std::string refusal(const std::string& file) const {
    std::vector<float> values(4);
    try {
      io::read_safetensors(file, {{"t", {4}, values}});
    } catch (const SafetensorsError& error) {
      const std::string text = error.what();
      BOOST_TEST(text.find('\n') == text.npos);
      BOOST_TEST(text.starts_with(folder.path().string()));
      return text;
    }
    return "";
  }

  void check_refused(const std::string& header, std::size_t data_bytes, const std::string& words) const {
    BOOST_TEST_CONTEXT(header) {
      const std::string text = refusal(write_file(header, data_bytes));
      BOOST_TEST_CONTEXT("says: " << text) {
        BOOST_TEST(text.find(words) != text.npos);
      }
    }
  }
};

std::string entry(const std::string& type, const std::string& shape, std::uint64_t begin, std::uint64_t end) {
  return R"({"dtype": ")" + type + R"(", "shape": )" + shape + R"(, "data_offsets": [)" + std::to_string(begin) + ", " +
         std::to_string(end) + "]}";
}

/// Tensors "0", "1" and so on of these sizes, numbered through.
struct Tensors {
  explicit Tensors(const std::vector<std::size_t>& counts) {
    floats.resize(std::accumulate(counts.begin(), counts.end(), std::size_t{0}));
    std::iota(floats.begin(), floats.end(), 0.5f);
    std::size_t at = 0;
    for (const std::size_t count : counts) {
      views.push_back({std::to_string(views.size()), {count}, std::span(floats).subspan(at, count)});
      at += count;
    }
  }

  std::vector<io::TensorSlot> slots(std::vector<float>& memory) const {
    memory.assign(floats.size(), -1);
    std::vector<io::TensorSlot> list;
    std::size_t at = 0;
    for (const io::TensorView& view : views) {
      list.push_back({view.name, view.shape, std::span(memory).subspan(at, view.values.size())});
      at += view.values.size();
    }
    return list;
  }

  std::vector<float> floats;
  std::vector<io::TensorView> views;
};

sched::task<void> write_shards(io::Files& files, std::string folder, const std::vector<io::SafetensorsShard>& shards) {
  for (const auto& [name, tensors] : shards) {
    std::string path = folder + "/" + name;
    co_await io::write_safetensors(files, std::move(path), tensors);
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(safetensors, Fixture)

BOOST_AUTO_TEST_CASE(what_was_written_is_read_in_one_file_and_in_several) {
  const Tensors tensors({5, 1, 0, 300, 7, 64});
  for (const std::uint64_t bytes_max : {1u << 20, 1200u, 1000u, 24u, 1u}) {
    BOOST_TEST_CONTEXT("at most " << bytes_max) {
      const Fixture own;
      const auto shards = io::safetensors_shards("model", tensors.views, bytes_max);
      std::size_t count = 0;
      for (const auto& [name, of_shard] : shards) {
        std::uint64_t bytes = 0;
        for (const io::TensorView& tensor : of_shard) bytes += tensor.values.size_bytes();
        BOOST_TEST((bytes <= bytes_max || of_shard.size() == 1));
        count += of_shard.size();
      }
      BOOST_TEST(count == 6u);
      BOOST_TEST(shards.front().first ==
                 (shards.size() == 1 ? "model.safetensors"
                                     : "model-00001-of-0000" + std::to_string(shards.size()) + ".safetensors"));
      const std::unique_ptr<io::Files> files = io::make_files({});
      files_help::finish(*files, write_shards(*files, own.folder.path().string(), shards));
      if (shards.size() > 1) own.write("model.safetensors.index.json", io::safetensors_index(shards));
      std::vector<float> found;
      io::read_safetensors(own.path("model.safetensors"), tensors.slots(found));
      BOOST_TEST(found == tensors.floats);
    }
  }
}

BOOST_AUTO_TEST_CASE(half_floats_are_what_arithmetic_says) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const double sign = (bits & 0x8000) != 0 ? -1 : 1;
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const double fraction = bits & 0x3ff;
    const float found = io::float_from_f16(half);
    if (exponent == 31) {
      BOOST_REQUIRE(fraction == 0 ? found == sign * std::numeric_limits<float>::infinity() : std::isnan(found));
    } else {
      const double wanted = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
      BOOST_REQUIRE_EQUAL(found, sign * wanted);
      BOOST_REQUIRE_EQUAL(std::signbit(found), sign < 0);
    }
    BOOST_REQUIRE_EQUAL(std::bit_cast<std::uint32_t>(io::float_from_bf16(half)), bits << 16);
  }
}

BOOST_AUTO_TEST_CASE(halves_are_read_as_floats) {
  const std::string header =
      "{\"h\": " + entry("F16", "[2, 2]", 0, 8) + ", \"b\": " + entry("BF16", "[2, 2]", 8, 16) + "}";
  const std::uint16_t numbers[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x3f80, 0xc000, 0x0000, 0x4049};
  const std::string bytes(reinterpret_cast<const char*>(numbers), sizeof numbers);
  std::vector<float> h(4), b(4);
  io::read_safetensors(write("a.safetensors", length_field(header.size()) + header + bytes),
                       {{"b", {2, 2}, b}, {"h", {2, 2}, h}});
  BOOST_TEST(h == (std::vector<float>{1, -2, 0x1p-24f, 65504}));
  BOOST_TEST(b == (std::vector<float>{1, -2, 0, 3.140625}));
}

BOOST_AUTO_TEST_CASE(many_halves_are_read_in_parts) {
  constexpr std::size_t count = (1 << 20) + 7;  // more than one part
  const std::string header = "{\"t\": " + entry("BF16", "[" + std::to_string(count) + "]", 0, 2 * count) + "}";
  std::vector<std::uint16_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<std::uint16_t>(i * 7 % 0x7f00);
  const std::string bytes(reinterpret_cast<const char*>(numbers.data()), 2 * count);
  std::vector<float> found(count);
  io::read_safetensors(write("a.safetensors", length_field(header.size()) + header + bytes), {{"t", {count}, found}});
  for (std::size_t i = 0; i < count; ++i) BOOST_REQUIRE_EQUAL(found[i], io::float_from_bf16(numbers[i]));
}

BOOST_AUTO_TEST_CASE(a_sound_file_with_what_nobody_asked_for_is_read) {
  const std::string header = R"({"__metadata__": {"format": "pt"}, "x": )" + entry("I64", "[1, 1]", 16, 24) +
                             R"(, "t": )" + entry("F32", "[4]", 0, 16) +
                             ", \"none\": " + entry("BOOL", "[0, 3]", 16, 16) + "}   ";
  BOOST_TEST(refusal(write_file(header, 24)) == "");
}

BOOST_AUTO_TEST_CASE(headers_that_cannot_be_are_refused) {
  BOOST_TEST(refusal(write("a.safetensors", "1234567")).find("shorter than 8") != std::string::npos);
  for (const std::uint64_t length :
       {std::uint64_t{3}, std::uint64_t{100'000'001}, ~std::uint64_t{0}, std::uint64_t{1} << 63})
    BOOST_TEST(refusal(write("a.safetensors", length_field(length) + "{}")).find("header would have") !=
               std::string::npos);
  for (const char* const header : {"", "[]", "{", " {}", "7", "{\"t\": }", "{\"\xff\": 1}"})
    check_refused(header, 0, "not a JSON object");
  check_refused("{}", 0, "it has no tensor t");
  check_refused("{\"__metadata__\": 3}", 0, "__metadata__");
  check_refused("{\"__metadata__\": {\"a\": 3}}", 0, "__metadata__");
  check_refused("{\"t\": 3}", 0, "t is not an object");
  check_refused("{\"t\": {}}", 0, "dtype");
  check_refused(R"({"t": {"dtype": "F32"}})", 0, "shape");
  check_refused(R"({"t": {"dtype": "F32", "shape": [4]}})", 16, "data_offsets");
  check_refused(R"({"t": {"dtype": "F32", "shape": [4], "data_offsets": [0]}})", 16, "two numbers");
  check_refused(R"({"t": {"dtype": "F32", "shape": [4], "data_offsets": [-16, 0]}})", 16, "two numbers");
  check_refused(R"({"t": {"dtype": "F32", "shape": [4.0], "data_offsets": [0, 16]}})", 16, "not of numbers");
  check_refused("{\"t\": " + entry("F33", "[4]", 0, 16) + "}", 16, "unknown type");
  check_refused("{\"t\": " + entry("F32", "[4]", 0, 16) + ", \"t\": " + entry("F32", "[4]", 0, 16) + "}", 16, "twice");
  check_refused("{\"a\\nb\": 3}", 0, "a\\nb is not an object");
}

BOOST_AUTO_TEST_CASE(places_that_cannot_be_are_refused) {
  const auto two = [](std::uint64_t begin, std::uint64_t end) {
    return "{\"t\": " + entry("F32", "[4]", 0, 16) +
           ", \"u\": " + entry("U8", "[" + std::to_string(end - begin) + "]", begin, end) + "}";
  };
  check_refused("{\"t\": " + entry("F32", "[4]", 0, 17) + "}", 17, "its shape wants 16");
  check_refused("{\"t\": " + entry("F32", "[4]", 0, 16) + "}", 15, "of 15 bytes");
  check_refused("{\"t\": " + entry("F32", "[4]", 16, 0) + "}", 16, "[16, 0)");
  check_refused("{\"t\": " + entry("F32", "[4]", 0, 16) + "}", 20, "end at byte 16 of 20");
  check_refused("{\"t\": " + entry("F32", "[4]", ~std::uint64_t{0} - 15, ~std::uint64_t{0}) + "}", 16, "of 16 bytes");
  check_refused(two(8, 20), 20, "inside");
  check_refused(two(0, 20), 20, "inside");
  check_refused(two(18, 20), 20, "apart");
}

BOOST_AUTO_TEST_CASE(counts_that_cannot_be_are_refused) {
  check_refused("{\"t\": " + entry("F32", "[4611686018427387904, 4]", 0, 0) + "}", 0, "larger than any file");
  check_refused("{\"t\": " + entry("F32", "[18446744073709551615]", 0, 16) + "}", 16, "larger than any file");
  check_refused("{\"t\": " + entry("F32", "[18446744073709551616]", 0, 16) + "}", 16, "not");
  std::string shape = "[1";
  for (int i = 0; i < 40; ++i) shape += ", 1";
  check_refused("{\"t\": " + entry("F32", shape + "]", 0, 4) + "}", 4, "too many dimensions");
}

BOOST_AUTO_TEST_CASE(another_shape_or_type_than_wanted_is_refused) {
  check_refused("{\"t\": " + entry("F32", "[2, 2]", 0, 16) + "}", 16, "shape [2, 2] where [4] is wanted");
  check_refused("{\"t\": " + entry("F64", "[4]", 0, 32) + "}", 32, "type F64; convert it");
}

BOOST_AUTO_TEST_CASE(an_index_that_cannot_be_is_refused) {
  const std::string index = "a.safetensors.index.json";
  const auto says = [&](const std::string& text, const std::string& words) {
    write(index, text);
    const std::string refused = refusal(path("a.safetensors"));
    BOOST_TEST_CONTEXT(text << " says: " << refused) {
      BOOST_TEST(refused.find(words) != refused.npos);
    }
  };
  says("", "weight_map");
  says("{\"weight_map\": []}", "weight_map");
  says("{\"weight_map\": {}}", "no tensor t");
  says("{\"weight_map\": {\"t\": 3}}", "t is in no file");
  for (const char* const name : {"", "../a", "/etc/passwd", "b/c", ".", "..", ".hidden", "a\\u0000b"})
    says(std::string("{\"weight_map\": {\"t\": \"") + name + "\"}}", "not the name of a file beside it");
  write(index, "{\"weight_map\": {\"t\": \"missing\"}}");
  BOOST_CHECK_THROW(refusal(path("a.safetensors")), io::FileError);
}

BOOST_DATA_TEST_CASE(any_change_of_a_file_is_refused_in_one_line_or_read, data::xrange(2000), seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  const Tensors tensors({4, 2, 3});
  std::vector<io::TensorView> views = tensors.views;
  views[0].name = "t";
  std::string bytes = io::safetensors_header(views) + std::string(36, '\2');
  const std::size_t data_begin = bytes.size() - 36;
  for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
    const std::size_t at = random() % data_begin;
    switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = "0123456789[]{}\",: "[random() % 18];
        break;
      case 2:
        bytes.erase(at, random() % 9);
        break;
      default:
        bytes.insert(at, bytes.substr(random() % data_begin, random() % 40));
    }
    if (bytes.size() < data_begin) bytes.resize(data_begin, ' ');
  }
  refusal(write("a.safetensors", bytes));
}

BOOST_AUTO_TEST_SUITE_END()
