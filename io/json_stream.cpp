#include "io/json_stream.hpp"

#include <utility>

namespace io {
namespace {

bool is_white_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

void JsonStream::feed(std::string_view piece, std::string* text) {
  utf8_.feed(piece);
  piece_ = piece.data();
  if (state_ != State::failed) read(piece.data(), piece.data() + piece.size(), text);
  fed_bytes_ += piece.size();
}

const char* JsonStream::finish() {
  const char* damage = nullptr;
  if (!utf8_.finish()) {
    damage = json_damage::not_utf8;
    damage_offset_bytes_ = utf8_.error_offset_bytes();
  } else if (state_ == State::failed) {
    damage = damage_;
    damage_offset_bytes_ = failed_at_bytes_;
  } else if (state_ == State::value && depth_ == 0) {
    damage = json_damage::blank;
    damage_offset_bytes_ = 0;
  } else if (!ends_whole()) {
    damage = json_damage::cut_off;
    damage_offset_bytes_ = fed_bytes_;
  } else {
    damage = verdict_;
    damage_offset_bytes_ = verdict_offset_bytes_;
  }
  begin_line();
  return damage;
}

/// Whether the record is complete where the line ends.
bool JsonStream::ends_whole() const {
  if (depth_ > 0) return false;
  return state_ == State::comma_or_end || state_ == State::zero || state_ == State::integer ||
         state_ == State::fraction || state_ == State::exponent_digits;
}

void JsonStream::begin_line() {
  const std::uint64_t damage_offset_bytes = damage_offset_bytes_;
  *this = JsonStream(std::move(key_));
  damage_offset_bytes_ = damage_offset_bytes;
}

const char* JsonStream::fail(const char* reason, const char* at) {
  state_ = State::failed;
  damage_ = reason;
  failed_at_bytes_ = offset_of(at);
  return at;
}

void JsonStream::read(const char* at, const char* end, std::string* text) {
  while (at != end && state_ != State::failed) {
    switch (state_) {
      case State::string:
        at = read_string(at, end, text);
        break;
      case State::escape:
      case State::escape_hex:
        at = read_escape(at, text);
        break;
      case State::literal:
        at = read_literal(at, end);
        break;
      case State::minus:
      case State::zero:
      case State::integer:
      case State::point:
      case State::fraction:
      case State::exponent:
      case State::exponent_sign:
      case State::exponent_digits:
        at = read_number(at, end);
        break;
      default:
        at = is_white_space(*at) ? at + 1 : read_punctuation(at);
    }
  }
}

const char* JsonStream::read_punctuation(const char* at) {
  switch (state_) {
    case State::value_or_end:
      return *at == ']' ? close(at) : begin_value(at);
    case State::value:
      return begin_value(at);
    case State::key_or_end:
      if (*at == '}') return close(at);
      [[fallthrough]];
    case State::key:
      if (*at != '"') break;
      return begin_string(at, searching_ && depth_ == search_depth_ ? StringIs::compared_key : StringIs::key);
    case State::colon:
      if (*at != ':') break;
      state_ = State::value;
      return at + 1;
    default:  // comma_or_end
      if (depth_ == 0) break;
      if (*at == (in_object() ? '}' : ']')) return close(at);
      if (*at != ',') break;
      state_ = in_object() ? State::key : State::value;
      return at + 1;
  }
  return fail(json_damage::not_json, at);
}

const char* JsonStream::begin_value(const char* at) {
  const bool wanted = std::exchange(at_wanted_key_, false);
  const bool last_part = search_depth_ == key_.parts().size();
  StringIs string_is = StringIs::value;
  if (depth_ == 0 && *at != '{') {
    end_search(json_damage::not_an_object, at);
  } else if (wanted && last_part && *at == '"') {
    string_is = StringIs::text;
    end_search(nullptr, at);
  } else if (wanted && last_part) {
    end_search(json_damage::not_a_string, at);
  } else if (wanted && *at == '{') {
    ++search_depth_;
  } else if (wanted) {
    end_search(json_damage::no_path, at);
  }
  switch (*at) {
    case '{':
    case '[':
      return open(at);
    case '"':
      return begin_string(at, string_is);
    case 't':
      return begin_literal(at, "rue");
    case 'f':
      return begin_literal(at, "alse");
    case 'n':
      return begin_literal(at, "ull");
    default:
      if (*at == '-') {
        state_ = State::minus;
      } else if (is_digit(*at)) {
        state_ = *at == '0' ? State::zero : State::integer;
      } else {
        return fail(json_damage::not_json, at);
      }
      return at + 1;
  }
}

/// From here on nothing in the record changes whether it has a text.
void JsonStream::end_search(const char* verdict, const char* at) {
  searching_ = false;
  verdict_ = verdict;
  verdict_offset_bytes_ = offset_of(at);
}

const char* JsonStream::open(const char* at) {
  if (depth_ == json_depth_max) return fail(json_damage::too_deep, at);
  const std::uint64_t bit = std::uint64_t{1} << depth_ % 64;
  std::uint64_t& word = objects_[depth_ / 64];
  word = *at == '{' ? word | bit : word & ~bit;
  ++depth_;
  state_ = *at == '{' ? State::key_or_end : State::value_or_end;
  return at + 1;
}

const char* JsonStream::close(const char* at) {
  // The object that should have had the wanted key ends without it. Another one of its name would be the second.
  if (depth_ == search_depth_) searching_ = false;
  --depth_;
  state_ = State::comma_or_end;
  return at + 1;
}

const char* JsonStream::begin_literal(const char* at, std::string_view rest) {
  state_ = State::literal;
  literal_ = rest;
  return at + 1;
}

const char* JsonStream::read_literal(const char* at, const char* end) {
  for (; at != end && !literal_.empty(); ++at, literal_.remove_prefix(1))
    if (*at != literal_[0]) return fail(json_damage::not_json, at);
  if (literal_.empty()) state_ = State::comma_or_end;
  return at;
}

const char* JsonStream::read_number(const char* at, const char* end) {
  for (; at != end; ++at) {
    const bool digit = is_digit(*at), e = *at == 'e' || *at == 'E';
    switch (state_) {
      case State::minus:
        if (!digit) return fail(json_damage::not_json, at);
        state_ = *at == '0' ? State::zero : State::integer;
        continue;
      case State::zero:
      case State::integer:
        if (digit && state_ == State::integer) continue;
        if (*at != '.' && !e) break;
        state_ = e ? State::exponent : State::point;
        continue;
      case State::point:
        if (!digit) return fail(json_damage::not_json, at);
        state_ = State::fraction;
        continue;
      case State::fraction:
        if (digit) continue;
        if (!e) break;
        state_ = State::exponent;
        continue;
      case State::exponent:
        if (*at == '+' || *at == '-') {
          state_ = State::exponent_sign;
          continue;
        }
        [[fallthrough]];
      case State::exponent_sign:
        if (!digit) return fail(json_damage::not_json, at);
        state_ = State::exponent_digits;
        continue;
      default:  // exponent_digits
        if (digit) continue;
    }
    state_ = State::comma_or_end;  // the number ended before this byte
    return at;
  }
  return at;
}

}  // namespace io
