#include "io/split_regex.hpp"

#include <cstdint>
#include <stdexcept>

namespace io {
namespace {

// White_Space, which PCRE2 10.42 has with U+180E besides.
constexpr std::string_view space =
    R"(\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
// Alphabetic, marks, decimal numbers, connectors; PCRE2 10.42 has letters, all numbers and _ only.
constexpr std::string_view word =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189})";

[[noreturn]] void refuse(std::string_view what) {
  throw std::invalid_argument(std::string(what));
}

class Translator {
 public:
  Translator(std::string_view pattern, RegexDialect dialect) : pattern_(pattern), dialect_(dialect) {}

  std::string translate() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        escape();
      } else if (in_class_) {
        within_class(c);
      } else if (c == '[') {
        in_class_ = true;
        copy(1);
        if (rest().starts_with('^')) copy(1);
        if (rest().starts_with(']')) refuse("] as the first character of a class; write \\]");
      } else if (c == '(') {
        group();
      } else if (c == '{') {
        interval();
      } else {
        copy(1);
      }
    }
    return std::move(out_);
  }

 private:
  std::string_view rest() const { return pattern_.substr(at_); }

  void copy(std::size_t bytes) {
    out_ += pattern_.substr(at_, bytes);
    at_ += bytes;
  }

  void replace(std::size_t bytes, std::string_view with) {
    out_ += with;
    at_ += bytes;
  }

  static std::string in(bool negated, std::string_view members) {
    return (negated ? "[^" : "[") + std::string(members) + "]";
  }

  void escape() {
    if (rest().size() < 2) refuse("a backslash at the end");
    const char c = rest()[1];
    switch (c) {
      case 's':
        return replace(2, in_class_ ? std::string(space) : in(false, space));
      case 'S':  // in a class: all but PCRE2's white space, and U+180E, which is not white space
        return replace(2, in_class_ ? std::string(R"(\S\x{180E})") : in(true, space));
      case 'w':
        return replace(2, in_class_ ? std::string(word) : in(false, word));
      case 'W':
        if (in_class_) refuse("\\W in a class");
        return replace(2, in(true, word));
      case 'b':
        if (in_class_) return copy(2);  // a backspace
        return replace(2, "(?:(?<=" + in(false, word) + ")(?!" + in(false, word) + ")|(?<!" + in(false, word) +
                              ")(?=" + in(false, word) + "))");
      case 'u':
        return code_point();
      case 'B':
      case 'C':
      case 'E':
      case 'G':
      case 'H':
      case 'K':
      case 'M':
      case 'N':
      case 'Q':
      case 'R':
      case 'V':
      case 'X':
      case 'c':
      case 'h':
      case 'v':
        refuse(rest().substr(0, 2));
      default:
        return copy(2);
    }
  }

  /// \uHHHH, \u{HHHH}
  void code_point() {
    const std::string_view text = rest();
    if (text.size() > 2 && text[2] == '{') return replace(2, "\\x");
    constexpr std::string_view digits = "0123456789abcdefABCDEF";
    if (text.size() < 6 || text.substr(2, 4).find_first_not_of(digits) != text.npos) refuse("\\u without four digits");
    replace(6, "\\x{" + std::string(text.substr(2, 4)) + "}");
  }

  void within_class(char c) {
    if (c == ']') in_class_ = false;
    if (rest().starts_with("&&") || rest().starts_with("--") || rest().starts_with("~~"))
      if (dialect_ == RegexDialect::rust || c == '&') refuse(std::string(rest().substr(0, 2)) + " between classes");
    if (c == '[') {
      const std::size_t end = rest().starts_with("[:") ? rest().find(":]") : std::string_view::npos;
      if (end == std::string_view::npos) refuse("a class within a class, or [ in a class without a backslash");
      return copy(end + 2);
    }
    copy(1);
  }

  void group() {
    if (!rest().starts_with("(?")) return copy(1);
    const std::size_t end = rest().find_first_not_of("imsxaduUnR-", 2);
    const std::string_view flags = rest().substr(2, end == std::string_view::npos ? end : end - 2);
    const bool sets_flags =
        end != std::string_view::npos && !flags.empty() && (rest()[end] == ':' || rest()[end] == ')');
    if (sets_flags && flags.find_first_not_of("i-") != flags.npos)
      refuse("(?" + std::string(flags) + "; only the flag i is");
    copy(2);
  }

  void interval() {
    const std::size_t end = rest().find_first_not_of("0123456789,", 1);
    if (end == std::string_view::npos || rest()[end] != '}' || end == 1) return copy(1);
    const std::string_view text = rest().substr(0, end + 1);
    if (dialect_ == RegexDialect::oniguruma && rest().substr(end + 1).starts_with('+'))
      refuse(std::string(text) + "+, which Oniguruma takes for a repetition of it");
    if (text[1] == ',') out_ += "{0", ++at_;
    copy(end + 1 - (text[1] == ',' ? 1 : 0));
  }

  std::string_view pattern_;
  RegexDialect dialect_;
  std::string out_;
  std::size_t at_ = 0;
  bool in_class_ = false;
};

}  // namespace

std::string pcre2_pattern(std::string_view pattern, RegexDialect dialect) {
  return Translator(pattern, dialect).translate();
}

std::string literal_pattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       static_cast<unsigned char>(c) >= 0x80;
    if (!plain) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace io
