#include "io/json_record.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/io/json_answers.hpp"

namespace data = boost::unit_test::data;
using namespace std::string_literals;

namespace {

struct Line {
  std::string key, json;
  JsonAnswer answer;
};
std::ostream& operator<<(std::ostream& out, const Line& line) {
  return out << line.key << " of " << line.json.substr(0, 200);
}

std::string nested(std::size_t levels, const char* open, const char* close) {
  std::string json;
  for (std::size_t i = 0; i < levels; ++i) json += open;
  for (std::size_t i = 0; i < levels; ++i) json += close;
  return json;
}

Line good(std::string json, std::string text) {
  return {"text", std::move(json), {std::move(text), nullptr, 0}};
}
Line at_key(std::string key, std::string json, std::string text) {
  return {std::move(key), std::move(json), {std::move(text), nullptr, 0}};
}
Line bad(std::string json, const char* damage, std::uint64_t offset_bytes) {
  return {"text", std::move(json), {"", damage, offset_bytes}};
}
Line bad_at_key(std::string key, std::string json, const char* damage, std::uint64_t offset_bytes) {
  return {std::move(key), std::move(json), {"", damage, offset_bytes}};
}

const std::vector<Line> documents = {
    good(R"({"text":"a"})", "a"),
    good(R"({"text":""})", ""),
    good(" \t{ \"text\" : \"a\" , \"b\" : [ ] } \r", "a"),
    good(R"({"id":1,"meta":{"text":"no"},"list":[{"text":"no"}],"text":"yes","z":null})", "yes"),
    good(R"({"text":"first","text":"second"})", "first"),
    good(R"({"text":"first","text":5})", "first"),
    good(R"({"te\u0078t":"a"})", "a"),
    good(R"({"Text":1,"tex":2,"texts":3,"":4,"text":"a"})", "a"),
    good(R"({"text":"\"\\\/\b\f\n\r\t"})", "\"\\/\b\f\n\r\t"),
    good(R"({"text":"\u0041\u00e9\u00E9\u4e2D\uffff"})", "A\xC3\xA9\xC3\xA9\xE4\xB8\xAD\xEF\xBF\xBF"),
    good(R"({"text":"\ud83d\ude00\uDBFF\uDFFF\ud800\udc00x"})", "\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\xF0\x90\x80\x80x"),
    good(R"({"text":"a\u0000b","c\u0000":1})", "a\0b"s),
    good(R"({"text":"\\ud800"})", "\\ud800"),
    good("{\"text\":\"\x7F\xC2\x80\xE2\x80\xA8\xEF\xBB\xBF\xF4\x8F\xBF\xBF\"}",
         "\x7F\xC2\x80\xE2\x80\xA8\xEF\xBB\xBF\xF4\x8F\xBF\xBF"),
    good(R"({"n":[0,-0,1.5,-1e5,1E+5,0.0e-0,1e400,-1e-400],"text":"a"})", "a"),
    good(R"({"n":12345678901234567890123456789012345678901234567890,"text":"a"})", "a"),
    good("{\"n\":" + std::string(5000, '9') + "." + std::string(5000, '9') + ",\"text\":\"a\"}", "a"),
    good("{\"text\":\"" + std::string(100000, 'x') + "\\n\"}", std::string(100000, 'x') + "\n"),
    good("{\"n\":" + nested(io::json_depth_max - 1, "[", "]") + ",\"text\":\"a\"}", "a"),
    at_key("a.b.c", R"({"a":{"x":{"c":"no"},"b":{"a":1,"c":"yes"}},"c":"no"})", "yes"),
    at_key("a.a", R"({"b":{"a":{"a":"no"}},"a":{"a":"yes"},"z":{"a":"no"}})", "yes"),
    at_key("a", R"({"b":{"a":"no"},"a":"yes"})", "yes"),
    at_key("\xC3\xA9", R"({"\u00e9":"yes"})", "yes"),
    at_key(" ", R"({" ":"yes"})", "yes"),
};

using namespace io::json_damage;
const std::vector<Line> damages = {
    bad("", blank, 0),
    bad(" \t\r", blank, 0),
    // Not UTF-8, wherever it stands, and before all else.
    bad("{\"text\":\"a\xFFz\"}", not_utf8, 10),
    bad("{\"text\":\"a\",\"\xC0\xAF\":1}", not_utf8, 13),
    bad("{\"text\":\"\xED\xA0\x80\"}", not_utf8, 9),
    bad("{\"text\":\"a\"}\xE4\xB8", not_utf8, 12),
    bad("{]\xF4\x90\x80\x80", not_utf8, 2),
    // Not JSON, in any of its bytes.
    bad(R"({"text":"a"} x)", not_json, 13),
    bad(R"({"text":"a"}{"text":"b"})", not_json, 12),
    bad(R"({"text":"a"}})", not_json, 12),
    bad("{\"text\":\"a\"}\0"s, not_json, 12),
    bad("\xEF\xBB\xBF{\"text\":\"a\"}", not_json, 0),
    bad("{\"text\":\"a\nb\"}", not_json, 10),
    bad("{\"text\":\"a\0b\"}"s, not_json, 10),
    bad("{\"text\":\"a\",\"b\x1F\":1}", not_json, 14),
    bad(R"({"text":"a",})", not_json, 12),
    bad(R"({"text":"a","b":[1,]})", not_json, 19),
    bad(R"({"text":"a","b":[,1]})", not_json, 17),
    bad(R"({"text":"a","b":[1 2]})", not_json, 19),
    bad(R"({"text":"a","b":[1}})", not_json, 18),
    bad(R"({"text":"a","b":{"c":1]})", not_json, 22),
    bad(R"({"text":"a" "b":1})", not_json, 12),
    bad(R"({"text" "a"})", not_json, 8),
    bad(R"({"text"::"a"})", not_json, 8),
    bad(R"({,"text":"a"})", not_json, 1),
    bad(R"({text:"a"})", not_json, 1),
    bad(R"({'text':'a'})", not_json, 1),
    bad(R"({"text":"a","b"})", not_json, 15),
    bad(R"({"text":"a",5:1})", not_json, 12),
    bad(R"({"text":"a","b":tru})", not_json, 19),
    bad(R"({"text":"a","b":truee})", not_json, 20),
    bad(R"({"text":"a","b":NULL})", not_json, 16),
    bad(R"({"text":"a","b":NaN})", not_json, 16),
    bad(R"({"text":"a","b":-Infinity})", not_json, 17),
    bad(R"({"text":"a\q"})", not_json, 11),
    bad(R"({"text":"a\u00g0"})", not_json, 14),
    bad(R"({"text":"a","b":"\x41"})", not_json, 18),
    bad(R"({"text":"a"}//)", not_json, 12),
    bad("{\"text\":\"a\"}\v", not_json, 12),
    bad(R"({"text":"a","b":01})", not_json, 17),
    bad(R"({"text":"a","b":-01})", not_json, 18),
    bad(R"({"text":"a","b":+1})", not_json, 16),
    bad(R"({"text":"a","b":-})", not_json, 17),
    bad(R"({"text":"a","b":.5})", not_json, 16),
    bad(R"({"text":"a","b":5.})", not_json, 18),
    bad(R"({"text":"a","b":5.e1})", not_json, 18),
    bad(R"({"text":"a","b":5e})", not_json, 18),
    bad(R"({"text":"a","b":5e+})", not_json, 19),
    bad(R"({"text":"a","b":5e1.5})", not_json, 19),
    bad(R"({"text":"a","b":0x10})", not_json, 17),
    bad(R"({"text":"a","b":1_000})", not_json, 17),
    // Cut off.
    bad("{", cut_off, 1),
    bad(R"({"text":"a")", cut_off, 11),
    bad(R"({"text":"a)", cut_off, 10),
    bad(R"({"text":"a\)", cut_off, 11),
    bad(R"({"text":"a\u00)", cut_off, 14),
    bad(R"({"text":"a\ud83d)", cut_off, 16),
    bad(R"({"text":tr)", cut_off, 10),
    bad(R"({"text":-)", cut_off, 9),
    bad(R"({"text":5)", cut_off, 9),
    bad("-", cut_off, 1),
    bad("fals", cut_off, 4),
    // Halves of surrogate pairs, in any string.
    bad(R"({"text":"\ud83d"})", half_of_a_pair, 15),
    bad(R"({"text":"\ud83dx"})", half_of_a_pair, 15),
    bad(R"({"text":"\ud83d\n"})", half_of_a_pair, 16),
    bad(R"({"text":"\ud83d\ud83d"})", half_of_a_pair, 20),
    bad(R"({"text":"\ud83d\u0041"})", half_of_a_pair, 20),
    bad(R"({"text":"\ude00"})", half_of_a_pair, 14),
    bad(R"({"text":"\ude00\ud83d"})", half_of_a_pair, 14),
    bad(R"({"text":"a","b":"\uDFFF"})", half_of_a_pair, 22),
    bad(R"({"text":"a","\udc00":1})", half_of_a_pair, 18),
    // Depth.
    bad("{\"text\":\"a\",\"n\":" + nested(io::json_depth_max, "[", "]") + "}", too_deep, 16 + io::json_depth_max - 1),
    bad(std::string(100000, '['), too_deep, io::json_depth_max),
    // JSON, and not a record.
    bad("[\"text\"]", not_an_object, 0),
    bad(" \"text\"", not_an_object, 1),
    bad("5", not_an_object, 0),
    bad("-1.5e3 ", not_an_object, 0),
    bad("12345678901234567890123", not_an_object, 0),
    bad("null", not_an_object, 0),
    bad("{}", no_text, 0),
    bad(R"({"Text":"a","text ":"b","tex":"c"})", no_text, 0),
    bad(R"({"a":{"text":"no"},"b":["text"]})", no_text, 0),
    bad(R"({"text":5})", not_a_string, 8),
    bad(R"({"text": null})", not_a_string, 9),
    bad(R"({"text":["a"]})", not_a_string, 8),
    bad(R"({"text":{"text":"a"}})", not_a_string, 8),
    bad(R"({"text":1e999})", not_a_string, 8),
    bad(R"({"text":5,"text":"a"})", not_a_string, 8),
    bad_at_key("a.b", R"({"b":"no"})", no_text, 0),
    bad_at_key("a.b", R"({"a":{},"b":"no"})", no_text, 0),
    bad_at_key("a.b", R"({"a":{"c":{"b":"no"}}})", no_text, 0),
    bad_at_key("a.b", R"({"a":{},"a":{"b":"no"}})", no_text, 0),
    bad_at_key("a.b", R"({"a.b":"no"})", no_text, 0),
    bad_at_key("a.b", R"({"a":"b"})", no_path, 5),
    bad_at_key("a.b", R"({"a":[{"b":"no"}]})", no_path, 5),
    bad_at_key("a.b", R"({"a":null,"a":{"b":"no"}})", no_path, 5),
    bad_at_key("a.b", R"({"a":{"b":{"b":"no"}}})", not_a_string, 10),
    // Of several damages the first fault of the grammar, though the record has no text either.
    bad(R"({"text":5,})", not_json, 10),
    bad(R"([1,2)", cut_off, 4),
};

}  // namespace

BOOST_AUTO_TEST_SUITE(json_record)

BOOST_DATA_TEST_CASE(a_record_gives_its_text, data::make(documents), line) {
  io::JsonRecordReader reader{io::TextKey(line.key)};
  BOOST_TEST(answer_of_reader(reader, line.json) == line.answer);
}

BOOST_DATA_TEST_CASE(a_record_gives_its_text_byte_by_byte, data::make(documents), line) {
  io::JsonStream stream{io::TextKey(line.key)};
  BOOST_TEST(answer_of_stream(stream, line.json, 1) == line.answer);
}

BOOST_DATA_TEST_CASE(damage_has_its_reason_and_offset, data::make(damages), line) {
  io::JsonRecordReader reader{io::TextKey(line.key)};
  BOOST_TEST(answer_of_reader(reader, line.json) == line.answer);
}

BOOST_DATA_TEST_CASE(damage_has_its_reason_and_offset_byte_by_byte, data::make(damages), line) {
  io::JsonStream stream{io::TextKey(line.key)};
  BOOST_TEST(answer_of_stream(stream, line.json, 1) == line.answer);
}

BOOST_AUTO_TEST_CASE(a_record_is_read_as_if_it_were_the_first) {
  io::JsonRecordReader reader{io::TextKey("text")};
  io::JsonStream stream{io::TextKey("text")};
  for (const auto& before : damages) {
    if (before.key != "text") continue;
    for (const auto* line : {&before, &documents[10], &documents[12]}) {
      BOOST_TEST(answer_of_reader(reader, line->json) == line->answer);
      BOOST_TEST(answer_of_stream(stream, line->json, 7) == line->answer);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_reader_can_be_moved) {
  std::vector<io::JsonRecordReader> readers;
  for (int i = 0; i < 5; ++i) readers.emplace_back(io::TextKey("text"));
  BOOST_TEST(answer_of_reader(readers[2], documents[0].json) == documents[0].answer);
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_is_taken_off_once) {
  BOOST_TEST(io::without_byte_order_mark("\xEF\xBB\xBF{}") == "{}");
  BOOST_TEST(io::without_byte_order_mark("\xEF\xBB\xBF\xEF\xBB\xBF") == "\xEF\xBB\xBF");
  BOOST_TEST(io::without_byte_order_mark("\xEF\xBB") == "\xEF\xBB");
  BOOST_TEST(io::without_byte_order_mark("") == "");
}

BOOST_AUTO_TEST_CASE(a_text_key_has_parts) {
  BOOST_TEST(io::TextKey("text").parts().size() == 1u);
  const io::TextKey key("a.\xC3\xA9.c d");
  BOOST_TEST(key.parts() == (std::vector<std::string>{"a", "\xC3\xA9", "c d"}), boost::test_tools::per_element());
}

BOOST_DATA_TEST_CASE(a_text_key_without_sense_is_refused,
                     data::make(std::vector<std::string>{"", ".", "a.", ".a", "a..b", "a\xFF"}), key) {
  BOOST_CHECK_EXCEPTION(io::TextKey{key}, std::invalid_argument, [](const auto& error) {
    return std::string(error.what()).starts_with("the text key ") && !std::strchr(error.what(), '\n');
  });
}

BOOST_AUTO_TEST_SUITE_END()
