#pragma once

// From one line of JSONL to the text of a document, in pieces of any size and in bounded memory: a text of 1 GB passes
// through without being held. JsonRecordReader (io/json_record.hpp) gives the same answer for whole lines; here is what
// a record has to be.
//
// A line is a document where all of its bytes are valid UTF-8 and one JSON object (RFC 8259), whose value at the text
// key is a string. Beyond the grammar:
//  - Numbers are as JSON writes them, of any size: they are not converted. NaN and Infinity are not JSON.
//  - Escapes of halves of surrogate pairs are damage wherever they stand, since such strings are not Unicode.
//  - Where an object has a key twice, the first one counts. Keys are compared with their escapes resolved.
//  - An empty string is a text of 0 bytes: a document. \u0000 is a character like any other.
//  - Objects and arrays nested deeper than `json_depth_max` are damage.
//  - A byte order mark at the beginning of a line is damage: without_byte_order_mark takes it off a file's first line.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "io/text_key.hpp"
#include "io/utf8.hpp"

namespace io {

/// The object of a record is at depth 1.
inline constexpr std::uint32_t json_depth_max = 1024;

/// Why a line is not a document. Where there are several reasons: UTF-8 first, then the first fault of the grammar,
/// then what is missing in the record.
namespace json_damage {
/// Nothing but white space: callers that allow blank lines pass over it.
inline constexpr const char* blank = "the line is blank";
inline constexpr const char* not_utf8 = "not valid UTF-8";
inline constexpr const char* not_json = "not valid JSON";
inline constexpr const char* cut_off = "not valid JSON: the line ends too early";
inline constexpr const char* half_of_a_pair = "an escape is half of a surrogate pair";
inline constexpr const char* too_deep = "nested deeper than 1024 levels";
inline constexpr const char* not_an_object = "not a JSON object";
inline constexpr const char* no_text = "the text key is missing";
inline constexpr const char* no_path = "a part of the text key is not an object";
inline constexpr const char* not_a_string = "the text is not a string";
}  // namespace json_damage

/// One line at a time, and one line after the other. Used by one thread at a time; holds a few hundred bytes.
class JsonStream {
 public:
  explicit JsonStream(TextKey key) : key_(std::move(key)) {}

  /// Takes a piece of the line, which may be empty and may end anywhere, and appends to `text`, where it is not null,
  /// what this piece has of the document's text. Damage may come to light only later: who cannot take a text back feeds
  /// the line twice, the first time without `text`.
  void feed(std::string_view piece, std::string* text);

  /// Ends the line, which has no newline (a '\r' is white space): nullptr, or why it is not a document, one of
  /// `json_damage`. The answer does not depend on how the line was cut. Afterwards the stream is ready for the next
  /// line.
  const char* finish();

  /// After finish() said damage: the offset in the line of the first byte that cannot be there, of the value that is
  /// not what it should be, or the line's size where it ends too early; 0 where something is missing.
  std::uint64_t damage_offset_bytes() const noexcept { return damage_offset_bytes_; }

 private:
  enum class State : std::uint8_t {
    value,
    value_or_end,  // after '['
    key,
    key_or_end,  // after '{'
    colon,
    comma_or_end,  // after a value; at depth 0 the end of the record
    string,
    escape,      // after a backslash
    escape_hex,  // within \uXXXX
    literal,
    minus,
    zero,
    integer,
    point,
    fraction,
    exponent,
    exponent_sign,
    exponent_digits,
    failed,
  };
  enum class StringIs : std::uint8_t { key, compared_key, value, text };

  void read(const char* at, const char* end, std::string* text);
  // Each takes one byte or more from `at` on and returns where it stopped; after fail() that is the byte at fault.
  const char* read_punctuation(const char* at);
  const char* read_string(const char* at, const char* end, std::string* text);
  const char* read_escape(const char* at, std::string* text);
  const char* read_literal(const char* at, const char* end);
  const char* read_number(const char* at, const char* end);
  const char* begin_value(const char* at);
  const char* begin_string(const char* at, StringIs is);
  const char* begin_literal(const char* at, std::string_view rest);
  const char* open(const char* at);
  const char* close(const char* at);
  const char* fail(const char* reason, const char* at);

  void end_string();
  void take(const char* bytes, std::size_t size_bytes, std::string* text);
  bool read_code_unit(const char* digits);
  bool take_code_unit(std::string* text);
  void end_search(const char* verdict, const char* at);
  bool ends_whole() const;
  void begin_line();
  std::string_view wanted_key() const { return key_.parts()[search_depth_ - 1]; }
  bool in_object() const { return (objects_[(depth_ - 1) / 64] >> (depth_ - 1) % 64 & 1) != 0; }
  std::uint64_t offset_of(const char* at) const { return fed_bytes_ + static_cast<std::uint64_t>(at - piece_); }

  TextKey key_;
  std::uint64_t damage_offset_bytes_ = 0;

  // The bytes of this line.
  Utf8Validator utf8_;
  std::uint64_t fed_bytes_ = 0;
  const char* piece_ = nullptr;  // the piece that feed() was called with, while it runs

  // The grammar.
  State state_ = State::value;
  const char* damage_ = nullptr;  // where state_ is `failed`
  std::uint64_t failed_at_bytes_ = 0;
  std::uint32_t depth_ = 0;
  std::array<std::uint64_t, json_depth_max / 64> objects_ = {};  // a bit for each open level: an object, not an array
  StringIs string_is_ = StringIs::value;
  std::uint32_t code_unit_ = 0;         // of \uXXXX, as far as it has come
  std::uint32_t hex_digits_count_ = 0;  // of them
  std::uint32_t high_surrogate_ = 0;    // waits for its other half
  std::string_view literal_;            // what must still come of true, false or null

  // The search for the text: the object at depth search_depth_ should have the key parts()[search_depth_ - 1].
  bool searching_ = true;
  bool at_wanted_key_ = false;  // the value that comes belongs to that key
  std::uint32_t search_depth_ = 1;
  std::size_t matched_bytes_ = 0;  // of the wanted key, in the key that is being read
  bool matches_ = false;           // so far
  const char* verdict_ = json_damage::no_text;
  std::uint64_t verdict_offset_bytes_ = 0;
};

}  // namespace io
