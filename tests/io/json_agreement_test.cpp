// The two readers of JSONL against each other, and against simdjson alone: the same answer for any line in any pieces.

#include <rapidcheck.h>
#include <simdjson.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "io/json_string.hpp"
#include "tests/io/json_answers.hpp"
#include "tests/io/random_json.hpp"
#include "tests/io/random_text.hpp"

namespace data = boost::unit_test::data;

namespace {

/// Both for one key.
struct Readers {
  explicit Readers(const char* key) : reader(io::TextKey(key)), stream(io::TextKey(key)) {}
  io::JsonRecordReader reader;
  io::JsonStream stream;
};

const std::vector<std::string> nasty = {
    R"( {"id" : -12.5e+10, "text" : "a\ud83d\ude00\u00e9\\\"\n", "b":[true,false,null,{}], "te\u0078t":"c"} )",
    "{\"a\":{\"b\":\"\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\\u0000\\/\"},\"text\":\"\xF0\x9F\x98\x80 0123456789 "
    "0123456789\"}\r",
    R"({"a":{"b":"\ud83d\n"},"text":"x"})",
    R"({"a":{"b":"x"},"text":"\ud83d\ud83d\ude00"})",
    R"({"text":"x","n":[0,1.5,-0.0E-5,12345678901234567890,-]})",
    "{\"text\":\"x\",\"\xE4\xB8\":1}",
    "{\"text\":\"x\"}\xF0\x9F\x98",
    R"({"text":"x","b":[[[{"c":[nul]}]]]})",
    R"({"text":"a control character follows 012345)"
    "\x1F"
    R"(67"})",
    R"({"a":[{"b":"no"}],"a":{"b":"no"},"text":7,"text":"no"} )",
    R"({"text":"x"}{"text":"x"})",
    R"({"a":{"b":"12345678\u00E912345678\u12)",
};

void check_any_line(Readers& readers, const std::string& line, std::mt19937& random) {
  const JsonAnswer whole = answer_of_reader(readers.reader, line);
  const JsonAnswer pieces = answer_of_stream(readers.stream, line, 1 + random() % 9);
  const JsonAnswer one = answer_of_stream(readers.stream, line, line.size() + 1);
  if (!(whole == pieces) || !(whole == one))
    BOOST_ERROR("of " << line << ": " << whole << ", in pieces " << pieces << ", in one " << one);
}

/// Whether simdjson alone, whose grammar is not ours, is sure that this is not JSON in UTF-8.
bool simdjson_refuses(simdjson::dom::parser& parser, const std::string& line) {
  const auto error = parser.parse(line).error();
  // Numbers beyond its types are none of our concern, nor the depth, at which it stops a level earlier.
  return error != simdjson::SUCCESS && error != simdjson::NUMBER_ERROR && error != simdjson::DEPTH_ERROR;
}

bool is_of_grammar(const char* damage) {
  using namespace io::json_damage;
  for (const char* reason : {blank, not_utf8, not_json, cut_off, half_of_a_pair})
    if (damage != nullptr && std::strcmp(damage, reason) == 0) return true;
  return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(json_agreement)

BOOST_DATA_TEST_CASE(the_stream_gives_the_same_answer_wherever_the_line_is_cut, data::make(nasty), line) {
  for (const char* key : {"text", "a.b"}) {
    Readers readers(key);
    const JsonAnswer whole = answer_of_reader(readers.reader, line);
    const std::string_view bytes = line;
    for (std::size_t first = 0; first <= line.size(); ++first) {
      for (std::size_t second = first; second <= line.size(); ++second) {
        const std::string_view pieces[] = {bytes.substr(0, first), bytes.substr(first, second - first),
                                           bytes.substr(second)};
        const JsonAnswer answer = answer_of_stream(readers.stream, pieces);
        if (!(answer == whole)) BOOST_ERROR(key << " cut at " << first << ", " << second << ": " << answer);
      }
    }
  }
}

BOOST_DATA_TEST_CASE(every_beginning_of_a_line_has_the_same_answer, data::make(nasty), line) {
  std::mt19937 random(1);
  for (const char* key : {"text", "a.b"}) {
    Readers readers(key);
    for (std::size_t size = 0; size < line.size(); ++size) check_any_line(readers, line.substr(0, size), random);
  }
}

BOOST_DATA_TEST_CASE(damaged_records_have_the_same_answer, data::make(seeds(40)), seed) {
  std::mt19937 random(seed);
  for (const char* key : {"text", "a.b", "a"}) {
    Readers readers(key);
    for (int i = 0; i < 100; ++i) {
      const std::string line = random_json_line(random);
      check_any_line(readers, line, random);
      for (int j = 0; j < 4; ++j) check_any_line(readers, damaged(line, random), random);
    }
  }
}

BOOST_AUTO_TEST_CASE(any_texts_come_back_from_any_pieces) {
  BOOST_TEST(rc::check([] {
    const std::string text = random_text(*rc::gen::arbitrary<std::uint32_t>(), *rc::gen::inRange<std::size_t>(0, 200));
    std::string line = "{\"n\": 1, \"text\": ";
    io::append_json_string(line, text);
    line += "}";
    Readers readers("text");
    RC_ASSERT(answer_of_reader(readers.reader, line) == (JsonAnswer{text, nullptr, 0}));
    const auto pieces =
        random_pieces(line, *rc::gen::arbitrary<std::uint32_t>(), *rc::gen::inRange<std::size_t>(1, 50));
    RC_ASSERT(answer_of_stream(readers.stream, pieces) == (JsonAnswer{text, nullptr, 0}));
  }));
}

BOOST_DATA_TEST_CASE(random_records_are_json, data::make(seeds(100)), seed) {
  std::mt19937 random(seed);
  io::JsonStream stream{io::TextKey("text")};
  for (int i = 0; i < 50; ++i) {
    const std::string line = random_json_line(random);
    const JsonAnswer answer = answer_of_stream(stream, line, 5);
    if (is_of_grammar(answer.damage)) BOOST_ERROR(line << ": " << answer);
  }
}

BOOST_DATA_TEST_CASE(what_simdjson_says_of_the_grammar_holds, data::make(seeds(100)), seed) {
  std::mt19937 random(seed);
  io::JsonStream stream{io::TextKey("text")};
  simdjson::dom::parser parser;
  for (int i = 0; i < 50; ++i) {
    std::string line = random_json_line(random);
    for (int j = 0; j < 3; ++j, line = damaged(line, random)) {
      const JsonAnswer answer = answer_of_stream(stream, line, 5);
      if (simdjson_refuses(parser, line) != is_of_grammar(answer.damage) &&
          parser.parse(line).error() != simdjson::NUMBER_ERROR && answer.damage != io::json_damage::half_of_a_pair)
        BOOST_ERROR(line << ": " << answer << ", simdjson: " << simdjson::error_message(parser.parse(line).error()));
    }
  }
}

BOOST_AUTO_TEST_CASE(no_document_is_lost_at_any_length) {
  // Around the sizes of vector registers and the border where JsonStream takes over.
  constexpr std::size_t border = io::JsonRecordReader::simdjson_bytes_max;
  Readers readers("text");
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size < 300; ++size) sizes.push_back(size);
  for (std::size_t size = border - 20; size < border + 5; ++size) sizes.push_back(size);
  for (const std::size_t size : {4095u, 4096u, 65536u, 1u << 20, 5u << 20}) sizes.push_back(size);
  std::size_t seed = 0;
  for (const std::size_t size : sizes) {
    std::string text = random_text(static_cast<std::uint32_t>(++seed), size / 4);
    text.resize(std::max(text.size(), size), 'x');
    std::string line = "{\"text\":";
    io::append_json_string(line, text);
    line += "}";
    const JsonAnswer expected{text, nullptr, 0};
    BOOST_TEST((answer_of_reader(readers.reader, line) == expected), size);
    BOOST_TEST((answer_of_stream(readers.stream, line, 4096) == expected), size);
  }
}

BOOST_AUTO_TEST_SUITE_END()
