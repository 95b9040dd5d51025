#pragma once

// A split pattern as the libraries that made tokenizers understand it, in the words of PCRE2. Hugging Face runs
// Oniguruma with Ruby's syntax, tiktoken Rust's fancy-regex; where PCRE2 means something else by the same text the
// pattern is rewritten (\s, \w, \b, \uHHHH, {,n}), or refused by name where that cannot be done.

#include <string>
#include <string_view>

namespace io {

enum class RegexDialect : std::uint8_t {
  oniguruma,  // tokenizer.json
  rust,       // tiktoken's patterns
};

/// Throws std::invalid_argument, its text what is not supported, e.g. "\h".
std::string pcre2_pattern(std::string_view pattern, RegexDialect dialect);

/// A pattern that matches just this text.
std::string literal_pattern(std::string_view text);

}  // namespace io
