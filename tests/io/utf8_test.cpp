#include "io/utf8.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;

namespace {

struct Broken {
  std::string text;
  std::size_t offset_bytes;  // of the first fault
  std::string mended;        // as Python's bytes.decode("utf-8", "replace") has it
};
std::ostream& operator<<(std::ostream& out, const Broken& broken) {
  return out << broken.mended;
}

#define FFFD "\xEF\xBF\xBD"
const std::vector<Broken> broken = {
    {"\x80", 0, FFFD},
    {"ab\xFFz", 2, "ab" FFFD "z"},
    {"a\xC0\xAFz", 1, "a" FFFD FFFD "z"},                    // overlong
    {"a\xE0\x80\xAFz", 1, "a" FFFD FFFD FFFD "z"},           // overlong
    {"a\xF0\x8F\xBF\xBFz", 1, "a" FFFD FFFD FFFD FFFD "z"},  // overlong
    {"a\xED\xA0\x80z", 1, "a" FFFD FFFD FFFD "z"},           // a surrogate
    {"a\xF4\x90\x80\x80z", 1, "a" FFFD FFFD FFFD FFFD "z"},  // above U+10FFFF
    {"a\xF5\x80z", 1, "a" FFFD FFFD "z"},
    {"\xE4\xB8z", 0, FFFD "z"},  // one for the maximal subpart
    {"\xF0\x9F\x98", 0, FFFD},   // cut off by the end
    {"\xF0\x9F\x98\xF0\x9F\x98\x80", 0, FFFD "\xF0\x9F\x98\x80"},
    {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
     "A",
     0, FFFD FFFD FFFD FFFD "A"},  // the Unicode standard's table 3-11
    {"0123456789 0123456789 0123456789 0123456789 \xC3\xA9\xC3", 46,
     "0123456789 0123456789 0123456789 0123456789 \xC3\xA9" FFFD},
};
#undef FFFD

}  // namespace

BOOST_AUTO_TEST_SUITE(utf8)

BOOST_AUTO_TEST_CASE(every_code_point_but_surrogates_is_valid) {
  std::string text;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    const std::size_t before = text.size();
    append_utf8(text, c);
    const io::Utf8Sequence sequence = io::read_utf8(std::string_view(text).substr(before));
    if (sequence.kind != io::Utf8Sequence::Kind::valid || sequence.code_point != c ||
        sequence.length_bytes != text.size() - before)
      BOOST_ERROR("U+" << std::hex << std::uint32_t{c});
  }
  BOOST_TEST(!io::first_invalid_utf8(text).has_value());
  BOOST_TEST((io::to_valid_utf8(text) == text));
}

BOOST_AUTO_TEST_CASE(no_bytes_are_valid) {
  BOOST_TEST(!io::first_invalid_utf8("").has_value());
  BOOST_TEST(io::to_valid_utf8("") == "");
  BOOST_TEST(io::Utf8Validator().finish());
}

BOOST_DATA_TEST_CASE(the_first_fault_is_found, data::make(broken), sample) {
  BOOST_TEST(io::first_invalid_utf8(sample.text).value() == sample.offset_bytes);
}

BOOST_DATA_TEST_CASE(faults_become_replacement_characters, data::make(broken), sample) {
  BOOST_TEST(io::to_valid_utf8(sample.text) == sample.mended);
}

BOOST_DATA_TEST_CASE(the_stream_finds_the_fault_wherever_it_is_cut, data::make(broken), sample) {
  for (std::size_t cut = 0; cut <= sample.text.size(); ++cut) {
    io::Utf8Validator validator;
    const std::string_view text = sample.text;
    const bool fed = validator.feed(text.substr(0, cut)) && validator.feed(text.substr(cut));
    BOOST_TEST((fed && validator.finish()) == false);
    BOOST_TEST(!validator.feed("a"));
    BOOST_TEST(!validator.finish());
    BOOST_TEST(validator.error_offset_bytes() == sample.offset_bytes);
  }
}

BOOST_DATA_TEST_CASE(the_stream_accepts_what_is_valid_in_any_pieces, data::make(seeds(100)), seed) {
  io::Utf8Validator validator;
  const std::string text = random_text(seed, 300);
  for (const std::string_view piece : random_pieces(text, seed, 1 + seed % 9)) BOOST_TEST(validator.feed(piece));
  BOOST_TEST(validator.finish());
}

BOOST_DATA_TEST_CASE(the_stream_agrees_with_the_whole_on_any_bytes, data::make(seeds(300)), seed) {
  std::string text = random_text(seed, 50) + random_bytes(seed, seed % 40);
  io::Utf8Validator validator;
  for (const std::string_view piece : random_pieces(text, seed, 7)) validator.feed(piece);
  const auto invalid = io::first_invalid_utf8(text);
  BOOST_TEST(validator.finish() == !invalid.has_value());
  if (invalid) BOOST_TEST(validator.error_offset_bytes() == *invalid);
  BOOST_TEST(!io::first_invalid_utf8(io::to_valid_utf8(text)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
