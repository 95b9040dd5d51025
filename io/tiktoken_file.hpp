#pragma once

// Files of the form *.tiktoken: a line for each token, its bytes in base64, a space, its rank. Such a file holds
// neither a split pattern nor special tokens: io/known_ranks.hpp knows those by the ranks themselves.

#include <string>
#include <string_view>
#include <vector>

namespace io {

/// The bytes of each rank; none where there is a gap.
///   Throws TokenizerError, its text beginning with `name`: a line that is not base64 and a rank, a rank or a token
///   that stands twice, a rank far above the number of lines, a byte that has no token.
std::vector<std::string> parse_tiktoken(std::string_view text, const std::string& name);

}  // namespace io
