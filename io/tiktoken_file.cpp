#include "io/tiktoken_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <unordered_set>

#include "io/error.hpp"

namespace io {
namespace {

std::array<std::int8_t, 256> make_base64_digits() {
  std::array<std::int8_t, 256> digits;
  digits.fill(-1);
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    digits[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return digits;
}

std::optional<std::string> decode_base64(std::string_view text) {
  static const std::array<std::int8_t, 256> digits = make_base64_digits();
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) text.remove_suffix(1), ++padding;
  std::string bytes;
  std::uint32_t bits = 0;
  int bits_count = 0;
  for (const char character : text) {
    const std::int8_t digit = digits[static_cast<unsigned char>(character)];
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    bits_count += 6;
    if (bits_count < 8) continue;
    bits_count -= 8;
    bytes += static_cast<char>(bits >> bits_count);
    bits &= (1u << bits_count) - 1;
  }
  return bytes;
}

/// The line at `at`, which moves behind it; without its end, LF or CR LF.
std::string_view take_line(std::string_view text, std::size_t& at) {
  const std::size_t end = std::min(text.find('\n', at), text.size());
  std::string_view line = text.substr(at, end - at);
  at = end + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

std::vector<std::string> parse_tiktoken(std::string_view text, const std::string& name) {
  const auto refuse = [&](const std::string& reason) { throw TokenizerError(name + ": " + reason); };
  const auto lines_count = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  std::vector<std::string> tokens(lines_count);
  std::unordered_set<std::string> seen;
  std::size_t tokens_count = 0, line_number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view line = take_line(text, at);
    const std::string where = "line " + std::to_string(++line_number) + ": ";
    if (line.empty()) continue;
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::optional<std::string> token = decode_base64(line.substr(0, space));
    if (!token) refuse(where + "the token is not base64");
    std::size_t rank = 0;
    const char* const end = line.data() + line.size();
    const auto number = std::from_chars(line.data() + std::min(space + 1, line.size()), end, rank);
    if (number.ec != std::errc{} || number.ptr != end) refuse(where + "there is no rank after the token and one space");
    if (rank >= lines_count)
      refuse(where + "the rank is " + std::to_string(rank) + ", but the file has only " + std::to_string(lines_count) +
             " lines: ranks must be without gaps");
    if (!tokens[rank].empty()) refuse(where + "the rank " + std::to_string(rank) + " stands twice");
    if (!seen.insert(*token).second) refuse(where + "the token stands twice");
    tokens[rank] = *token;
    ++tokens_count;
  }
  const auto gap = std::find(tokens.begin(), tokens.end(), "") - tokens.begin();
  if (static_cast<std::size_t>(gap) < tokens_count) refuse("the rank " + std::to_string(gap) + " is missing");
  tokens.resize(tokens_count);
  for (int byte = 0; byte < 256; ++byte) {
    if (!seen.contains(std::string(1, static_cast<char>(byte))))
      refuse("there is no token for the byte " + std::to_string(byte));
  }
  return tokens;
}

}  // namespace io
