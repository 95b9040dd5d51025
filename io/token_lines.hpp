#pragma once

// The lines of `encode --jsonl` and `decode --jsonl`: {"text": ...} on one side, [ids] on the other. Pure functions;
// the commands add the line's number to what is wrong.

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer.hpp"

namespace io {

/// A line is not what it should be. The text says what is wrong with it.
class TokenLineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The text of a line {"text": "..."}; other keys are passed over. Escapes are resolved, surrogate pairs combined.
///   Throws TokenLineError: not a JSON object, no "text", not a string, "text" twice, half of a surrogate pair.
std::string text_of_line(std::string_view line);

/// The ids of a line [1,2,3].
///   Throws TokenLineError: not a JSON array, not integers, an id that is not below `vocabulary_size`.
std::vector<TokenId> ids_of_line(std::string_view line, std::size_t vocabulary_size);

/// "[1,2,3]", without a newline.
std::string line_of_ids(std::span<const TokenId> ids);

/// {"text": "..."}, without a newline. Invalid UTF-8 becomes U+FFFD (io/utf8.hpp).
std::string line_of_text(std::string_view bytes);

}  // namespace io
