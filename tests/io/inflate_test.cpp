#include "io/inflate.hpp"

#include <rapidcheck.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/io/compressed.hpp"
#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;
using io::Compression;

namespace io {
std::ostream& operator<<(std::ostream& out, Compression kind) {
  return out << (kind == Compression::gzip ? "gzip" : kind == Compression::zstd ? "zstd" : "none");
}
std::ostream& operator<<(std::ostream& out, const RestartPoint& point) {
  return out << point.compressed_bytes << " -> " << point.decompressed_bytes;
}
}  // namespace io

namespace {

const std::vector<Compression> kinds = {Compression::gzip, Compression::zstd};

/// Text, noise, long repetitions and nothing, each of which is compressed otherwise.
std::string content(std::mt19937& random, std::size_t size_bytes_max) {
  const std::size_t size_bytes = random() % (size_bytes_max + 1);
  switch (random() % 4) {
    case 0:
      return std::string();
    case 1:
      return random_bytes(random(), size_bytes);
    case 2:
      return std::string(size_bytes, static_cast<char>('a' + random() % 26));
    default: {
      std::string text = random_text(random(), size_bytes / 4);
      while (text.size() < size_bytes && !text.empty()) text += text.substr(random() % text.size(), 3000);
      return text;
    }
  }
}

struct File {
  std::string compressed;
  std::string text;
  std::vector<io::RestartPoint> beginnings;
};

/// Members or frames of all sorts behind one another.
File random_file(Compression kind, std::uint32_t seed, std::size_t size_bytes_max) {
  std::mt19937 random(seed);
  File file;
  const std::size_t count = 1 + random() % 6;
  for (std::size_t i = 0; i < count; ++i) {
    file.beginnings.push_back({file.compressed.size(), file.text.size()});
    const std::string text = content(random, size_bytes_max);
    if (kind == Compression::gzip) {
      const GzipFields fields{std::string(random() % 3 * 9, 'x'), std::string(random() % 2 * 5, 'n'),
                              std::string(random() % 2 * 7, 'c'), random() % 2 == 0};
      file.compressed += gzip_member(text, static_cast<int>(random() % 10), static_cast<int>(random() % 5), fields);
    } else if (random() % 5 == 0) {
      file.compressed += skippable_frame(text, random() % 16);
      continue;
    } else {
      const FrameFields fields{random() % 2 == 0, random() % 2 == 0, random() % 3 == 0 ? 12 : 0};
      file.compressed += zstd_frame(text, static_cast<int>(random() % 20) - 4, fields);
    }
    file.text += text;
  }
  return file;
}

std::string flipped(std::string file, std::size_t index, unsigned bits) {
  file[index] = static_cast<char>(static_cast<unsigned char>(file[index]) ^ bits);
  return file;
}

/// What the small file holds whose every byte is tried: text with matches.
std::string small_text() {
  return "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of "
         "foolishness, it was the epoch of belief, it was the epoch of incredulity.";
}
std::string small_file(Compression kind) {
  return kind == Compression::gzip ? gzip_member(small_text(), 9, Z_DEFAULT_STRATEGY, {"ex", "name", "comment", true})
                                   : zstd_frame(small_text(), 19);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(inflaters)

BOOST_AUTO_TEST_CASE(the_first_bytes_tell_the_compression) {
  const auto kind_of = [](std::string_view text) { return io::compression_of(std::as_bytes(std::span(text))); };
  BOOST_TEST(kind_of(gzip_member("a")) == Compression::gzip);
  BOOST_TEST(kind_of("\x1F\x8B") == Compression::gzip);
  BOOST_TEST(kind_of(zstd_frame("a")) == Compression::zstd);
  for (unsigned kind = 0; kind < 16; ++kind) BOOST_TEST(kind_of(skippable_frame("a", kind)) == Compression::zstd);
  for (const char* text : {"", "\x1F", "\x1F\x8C", "{\"text\"", "\x28\xB5\x2F", "\x28\xB5\x2F\xFE", "\x60\x2A\x4D\x18"})
    BOOST_TEST(kind_of(text) == Compression::none);
}

BOOST_DATA_TEST_CASE(any_split_gives_the_same_bytes, data::make(kinds), kind) {
  BOOST_TEST(rc::check([kind = kind] {
    const auto seed = *rc::gen::arbitrary<std::uint32_t>();
    const File file = random_file(kind, seed, 300'000);
    RC_ASSERT(inflate_all(kind, file.compressed, any_pieces, any_pieces, seed).text == file.text);
    RC_ASSERT(inflate_all(kind, file.compressed, whole, whole).good());
    RC_ASSERT(inflate_all(kind, file.compressed, whole, any_pieces, seed).text == file.text);
    RC_ASSERT(inflate_all(kind, file.compressed, any_pieces, whole, seed).text == file.text);
  }));
}

BOOST_DATA_TEST_CASE(single_bytes_give_the_same_bytes, data::make(kinds), kind) {
  for (const std::uint32_t seed : seeds(10)) {
    const File file = random_file(kind, seed, 3'000);
    for (const Cut input_cut : {whole, single_bytes}) {
      const Inflated inflated = inflate_all(kind, file.compressed, input_cut, single_bytes);
      BOOST_TEST(inflated.good());
      BOOST_TEST(inflated.text == file.text);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_compressed_is_copied) {
  const std::string text = random_bytes(1, 100'000);
  BOOST_TEST(inflate_all(Compression::none, text, any_pieces, any_pieces).text == text);
  BOOST_TEST(inflate_all(Compression::none, "").good());
}

BOOST_DATA_TEST_CASE(every_restart_point_gives_the_rest, data::make(kinds) * data::make(seeds(20)), kind, seed) {
  const File file = random_file(kind, seed, 50'000);
  const Inflated all = inflate_all(kind, file.compressed, any_pieces, any_pieces, seed);
  BOOST_TEST(all.restarts.back() == file.beginnings.back());
  for (const io::RestartPoint& point : all.restarts) {
    BOOST_TEST((std::find(file.beginnings.begin(), file.beginnings.end(), point) != file.beginnings.end()));
    const Inflated rest =
        inflate_all(kind, file.compressed.substr(point.compressed_bytes), any_pieces, any_pieces, seed, point);
    BOOST_TEST(rest.good());
    BOOST_TEST(rest.text == file.text.substr(point.decompressed_bytes));
    BOOST_TEST(rest.restarts.front().compressed_bytes >= point.compressed_bytes);
    BOOST_TEST(rest.restarts.back() == file.beginnings.back());
  }
}

BOOST_DATA_TEST_CASE(single_bytes_find_every_restart_point, data::make(kinds), kind) {
  const File file = random_file(kind, 4, 2'000);
  BOOST_TEST(inflate_all(kind, file.compressed, single_bytes, single_bytes).restarts == file.beginnings,
             boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(an_offset_counts_on_from_a_restart, data::make(kinds), kind) {
  const std::string file = small_file(kind);
  const Inflated inflated = inflate_all(kind, file.substr(0, file.size() - 1), whole, whole, 0, {1'000, 5'000});
  BOOST_TEST(inflated.offset_bytes == 5'000 + small_text().size());
}

BOOST_DATA_TEST_CASE(truncation_at_every_byte_is_noticed, data::make(kinds), kind) {
  const std::string file = small_file(kind);
  for (std::size_t size_bytes = 0; size_bytes < file.size(); ++size_bytes) {
    const Inflated inflated = inflate_all(kind, file.substr(0, size_bytes));
    BOOST_TEST(inflated.reason.starts_with("truncated "));
    BOOST_TEST(inflated.offset_bytes == inflated.text.size());
    BOOST_TEST(small_text().starts_with(inflated.text));
    BOOST_TEST(same(inflated, inflate_all(kind, file.substr(0, size_bytes), single_bytes, single_bytes)));
  }
}

BOOST_DATA_TEST_CASE(every_flipped_bit_is_noticed_or_changes_nothing, data::make(kinds), kind) {
  const std::string file = small_file(kind) + small_file(kind);
  const std::string text = small_text() + small_text();
  std::size_t noticed_count = 0;
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    const std::string damaged = flipped(file, bit / 8, 1u << bit % 8);
    const Inflated inflated = inflate_all(kind, damaged);
    if (inflated.good()) BOOST_TEST(inflated.text == text);
    if (!inflated.good()) ++noticed_count;
    BOOST_TEST(same(inflated, inflate_all(kind, damaged, single_bytes, single_bytes)));
  }
  BOOST_TEST(noticed_count > 7 * file.size());
}

BOOST_DATA_TEST_CASE(damage_gives_the_same_bytes_for_any_split, data::make(kinds), kind) {
  BOOST_TEST(rc::check([kind = kind] {
    const auto seed = *rc::gen::arbitrary<std::uint32_t>();
    File file = random_file(kind, seed, 100'000);
    std::mt19937 random(seed);
    for (std::size_t i = random() % 3; i < 3; ++i)
      file.compressed = flipped(file.compressed, random() % file.compressed.size(), 1u << random() % 8);
    const Inflated inflated = inflate_all(kind, file.compressed);
    if (!inflated.good()) RC_ASSERT(inflated.offset_bytes == inflated.text.size());
    RC_ASSERT(same(inflated, inflate_all(kind, file.compressed, any_pieces, any_pieces, seed)));
    RC_ASSERT(same(inflated, inflate_all(kind, file.compressed, any_pieces, whole, seed)));
    RC_ASSERT(same(inflated, inflate_all(kind, file.compressed, whole, any_pieces, seed)));
  }));
}

// The length of a match is known before its distance turns out to be none; see io/gzip.cpp.
BOOST_AUTO_TEST_CASE(a_match_that_cannot_be_copied_produces_nothing) {
  // A fixed block: the literals "abc", then length 258 (code 285) at distance 32,768 (code 29), then zeros.
  std::string bits = "110";
  for (const char literal : std::string("abc"))
    for (int bit = 7; bit >= 0; --bit) bits += (literal + 0x30) >> bit & 1 ? '1' : '0';
  bits +=
      "11000101"
      "11101"
      "1111111111111";
  std::string blocks(500, '\0');
  for (std::size_t i = 0; i < bits.size(); ++i)
    if (bits[i] == '1') blocks[i / 8] = static_cast<char>(blocks[i / 8] | 1 << i % 8);
  const std::string file = gzip_member("").substr(0, 10) + blocks;
  for (const Cut input_cut : {whole, single_bytes}) {
    const Inflated inflated = inflate_all(Compression::gzip, file, input_cut);
    BOOST_TEST(inflated.text == "abc");
    BOOST_TEST(inflated.reason == "damaged gzip data: no deflate stream");
    BOOST_TEST(inflated.offset_bytes == 3);
  }
}

BOOST_DATA_TEST_CASE(damage_is_told_again_and_again, data::make(kinds), kind) {
  const auto inflater = io::make_inflater(kind);
  const std::vector<std::byte> input(100, std::byte{7});
  std::vector<std::byte> output(100);
  for (int i = 0; i < 3; ++i) BOOST_CHECK_THROW(inflater->inflate(input, output), io::InflateError);
  BOOST_CHECK_THROW(inflater->finish(), io::InflateError);
}

BOOST_AUTO_TEST_CASE(output_that_is_not_fetched_is_not_finished) {
  for (const Compression kind : kinds) {
    const auto inflater = io::make_inflater(kind);
    const std::string file = small_file(kind);
    std::vector<std::byte> output(10);
    inflater->inflate(std::as_bytes(std::span(file)), output);
    BOOST_CHECK_THROW(inflater->finish(), io::InflateError);
  }
}

namespace {

struct Damage {
  Compression kind;
  std::string file;
  const char* reason;
};
std::ostream& operator<<(std::ostream& out, const Damage& damage) {
  return out << damage.reason;
}

std::string long_text() {
  return std::string(1'000'000, 'a');
}

const std::vector<Damage> damages = {
    {Compression::gzip, "", "truncated gzip data: the file is empty"},
    {Compression::gzip, "text", "damaged gzip data: no member begins where one should"},
    {Compression::gzip, gzip_member("a") + "x", "damaged gzip data: something else follows the last member"},
    {Compression::gzip, gzip_member("a") + std::string(2, '\0') + gzip_member("b"),
     "damaged gzip data: something else follows the last member"},
    {Compression::gzip, gzip_member("a") + "\x1F\x8A", "damaged gzip data: no member begins where one should"},
    {Compression::gzip, flipped(gzip_member("a"), 2, 1), "damaged gzip data: a compression method other than deflate"},
    {Compression::gzip, flipped(gzip_member("a"), 3, 0x20), "damaged gzip data: unknown flags in a member's header"},
    {Compression::gzip, flipped(gzip_member("a", 6, 0, {"", "", "", true}), 4, 1),
     "damaged gzip data: a member's header has another checksum"},
    {Compression::gzip, flipped(gzip_member("abc"), gzip_member("abc").size() - 1, 1),
     "damaged gzip data: a member has another checksum or length"},
    {Compression::gzip, flipped(gzip_member("abc"), gzip_member("abc").size() - 5, 1),
     "damaged gzip data: a member has another checksum or length"},
    {Compression::gzip, gzip_member("").substr(0, 10) + "\x07", "damaged gzip data: no deflate stream"},
    {Compression::zstd, "", "truncated zstd data: the file is empty"},
    {Compression::zstd, "text", "damaged zstd data: no frame begins where one should"},
    {Compression::zstd, zstd_frame("a") + "text", "damaged zstd data: something else follows a frame"},
    {Compression::zstd, zstd_frame("a") + std::string(4, '\0'), "damaged zstd data: something else follows a frame"},
    {Compression::zstd, "\x25\xB5\x2F\xFD is of zstd 0.5", "damaged zstd data: no frame begins where one should"},
    {Compression::zstd, flipped(zstd_frame("abc"), zstd_frame("abc").size() - 1, 1),
     "damaged zstd data: a frame has another checksum"},
    // A frame header with a window of 2^28 and no content size.
    {Compression::zstd, std::string("\x28\xB5\x2F\xFD\x00\x90\x01\x00\x00", 9),
     "a zstd frame has a window above 128 MiB: compress it again with --long=27 at most"},
    // A frame header that names dictionary 7, window 2^10.
    {Compression::zstd, std::string("\x28\xB5\x2F\xFD\x01\x00\x07\x01\x00\x00", 10),
     "a zstd frame needs a dictionary: compress it again without one"},
};

}  // namespace

BOOST_DATA_TEST_CASE(damage_has_a_reason, data::make(damages), damage) {
  BOOST_TEST(inflate_all(damage.kind, damage.file).reason == damage.reason);
  BOOST_TEST(inflate_all(damage.kind, damage.file, single_bytes, single_bytes).reason == damage.reason);
}

BOOST_AUTO_TEST_CASE(zeros_may_follow_the_last_gzip_member) {
  const std::string file = gzip_member("a") + gzip_member("b");
  for (const std::size_t zeros_count : {1u, 3u, 100'000u}) {
    const Inflated inflated = inflate_all(Compression::gzip, file + std::string(zeros_count, '\0'), any_pieces);
    BOOST_TEST(inflated.good());
    BOOST_TEST(inflated.text == "ab");
  }
}

BOOST_AUTO_TEST_CASE(skippable_frames_alone_are_an_empty_text) {
  const Inflated inflated = inflate_all(Compression::zstd, skippable_frame("") + skippable_frame("abc", 15));
  BOOST_TEST(inflated.good());
  BOOST_TEST(inflated.text.empty());
}

BOOST_AUTO_TEST_CASE(a_window_of_128_mib_is_taken) {
  const FrameFields fields{true, false, 27};
  const Inflated inflated = inflate_all(Compression::zstd, zstd_frame(long_text(), 3, fields));
  BOOST_TEST(inflated.good());
  BOOST_TEST((inflated.text == long_text()));
}

BOOST_AUTO_TEST_SUITE_END()
