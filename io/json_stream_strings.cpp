// The strings of a JsonStream: runs of plain characters, escapes, and the comparison of keys with the wanted one.

#include "io/json_scan.hpp"
#include "io/json_stream.hpp"

namespace io {
namespace {

/// 0 to 15, or -1 where the byte is not a hexadecimal digit.
constexpr auto hex_digits = [] {
  std::array<std::int8_t, 256> digits;
  digits.fill(-1);
  for (char i = 0; i < 10; ++i) digits[static_cast<std::size_t>('0' + i)] = i;
  for (char i = 0; i < 6; ++i)
    digits[static_cast<std::size_t>('a' + i)] = digits[static_cast<std::size_t>('A' + i)] = static_cast<char>(10 + i);
  return digits;
}();

int hex_digit(char c) {
  return hex_digits[static_cast<unsigned char>(c)];
}

/// The character that a backslash and `c` stand for, 0 where it is none of the short escapes.
char short_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

/// Writes one to four bytes and says how many.
std::size_t write_utf8(char* out, std::uint32_t c) {
  if (c < 0x80) {
    out[0] = static_cast<char>(c);
    return 1;
  }
  const std::size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (std::size_t i = length - 1; i > 0; --i, c >>= 6) out[i] = static_cast<char>(0x80 | (c & 0x3F));
  out[0] = static_cast<char>((0xF00 >> length & 0xFF) | c);
  return length;
}

}  // namespace

const char* JsonStream::begin_string(const char* at, StringIs is) {
  state_ = State::string;
  string_is_ = is;
  matched_bytes_ = 0;
  matches_ = true;
  return at + 1;
}

void JsonStream::end_string() {
  const bool is_key = string_is_ == StringIs::key || string_is_ == StringIs::compared_key;
  state_ = is_key ? State::colon : State::comma_or_end;
  at_wanted_key_ = string_is_ == StringIs::compared_key && matches_ && matched_bytes_ == wanted_key().size();
}

/// Characters of the string as they are when escapes are resolved.
void JsonStream::take(const char* bytes, std::size_t size_bytes, std::string* text) {
  if (string_is_ == StringIs::text) {
    if (text != nullptr) text->append(bytes, size_bytes);
  } else if (string_is_ == StringIs::compared_key && matches_) {
    matches_ = wanted_key().substr(matched_bytes_, size_bytes) == std::string_view(bytes, size_bytes);
    matched_bytes_ += size_bytes;
  }
}

const char* JsonStream::read_string(const char* at, const char* end, std::string* text) {
  while (at != end) {
    if (high_surrogate_ != 0 && *at != '\\') return fail(json_damage::half_of_a_pair, at);
    const char* const run_end = end_of_plain_run(at, end);
    if (run_end != at) take(at, static_cast<std::size_t>(run_end - at), text);
    at = run_end;
    if (at == end) return at;
    if (*at == '"') {
      end_string();
      return at + 1;
    }
    if (*at != '\\') return fail(json_damage::not_json, at);        // a control character
    if (end - at >= 6 && at[1] == 'u' && read_code_unit(at + 2)) {  // Python escapes all that is not ASCII
      if (!take_code_unit(text)) return fail(json_damage::half_of_a_pair, at + 5);
      at += 6;
      continue;
    }
    state_ = State::escape;
    for (++at; at != end && (state_ == State::escape || state_ == State::escape_hex);) at = read_escape(at, text);
    if (state_ != State::string) return at;
  }
  return at;
}

/// False where these are not four hexadecimal digits.
bool JsonStream::read_code_unit(const char* digits) {
  const int first = hex_digit(digits[0]), second = hex_digit(digits[1]), third = hex_digit(digits[2]),
            fourth = hex_digit(digits[3]);
  if ((first | second | third | fourth) < 0) return false;
  code_unit_ = static_cast<std::uint32_t>(first << 12 | second << 8 | third << 4 | fourth);
  return true;
}

/// Takes one byte behind a backslash.
const char* JsonStream::read_escape(const char* at, std::string* text) {
  if (state_ == State::escape) {
    if (*at == 'u') {
      state_ = State::escape_hex;
      code_unit_ = hex_digits_count_ = 0;
      return at + 1;
    }
    const char character = short_escape(*at);
    if (character == 0) return fail(json_damage::not_json, at);
    if (high_surrogate_ != 0) return fail(json_damage::half_of_a_pair, at);
    take(&character, 1, text);
    state_ = State::string;
    return at + 1;
  }
  const int digit = hex_digit(*at);
  if (digit < 0) return fail(json_damage::not_json, at);
  code_unit_ = code_unit_ << 4 | static_cast<std::uint32_t>(digit);
  if (++hex_digits_count_ < 4) return at + 1;
  if (!take_code_unit(text)) return fail(json_damage::half_of_a_pair, at);
  state_ = State::string;
  return at + 1;
}

/// A code unit of UTF-16 is complete. False where it or the one before is half of a pair, the other half missing.
bool JsonStream::take_code_unit(std::string* text) {
  const bool high = (code_unit_ & 0xFC00) == 0xD800, low = (code_unit_ & 0xFC00) == 0xDC00;
  if ((high_surrogate_ != 0) != low) return false;
  if (high) {
    high_surrogate_ = code_unit_;
    return true;
  }
  const std::uint32_t code_point =
      low ? 0x10000 + ((high_surrogate_ & 0x3FF) << 10 | (code_unit_ & 0x3FF)) : code_unit_;
  high_surrogate_ = 0;
  char bytes[4];
  take(bytes, write_utf8(bytes, code_point), text);
  return true;
}

}  // namespace io
