#include "io/tiktoken_file.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <optional>

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
  bytes.reserve(text.size() / 4 * 3 + 2);
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

/// Finds a token that stands twice: a hash table of ranks, at most half full.
class DistinctTokens {
 public:
  explicit DistinctTokens(const std::vector<std::string>& tokens)
      : tokens_(tokens), slots_(std::bit_ceil(2 * tokens.size())) {}

  bool insert(std::size_t rank) {
    const std::string& token = tokens_[rank];
    const std::size_t mask = slots_.size() - 1;
    const std::uint64_t hash = XXH3_64bits(token.data(), token.size());
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    std::size_t at = hash & mask;
    for (; slots_[at].place != 0; at = (at + 1) & mask)
      if (slots_[at].hash == tag && tokens_[slots_[at].place - 1] == token) return false;
    slots_[at] = {tag, static_cast<std::uint32_t>(rank) + 1};
    return true;
  }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t place = 0;  // rank + 1; 0: none
  };

  const std::vector<std::string>& tokens_;
  std::vector<Slot> slots_;
};

constexpr std::size_t gaps_max = 1000;  // p50k has one, where its end of text is

}  // namespace

std::vector<std::string> parse_tiktoken(std::string_view text, const std::string& name) {
  const auto lines_count = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  std::vector<std::string> tokens(lines_count);
  DistinctTokens distinct(tokens);
  std::size_t ranks_count = 0, line_number = 0;
  const auto refuse = [&](const std::string& reason) {
    throw TokenizerError(name + ": line " + std::to_string(line_number) + ": " + reason);
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view line = take_line(text, at);
    ++line_number;
    if (line.empty()) continue;
    const std::size_t space = std::min(line.find(' '), line.size());
    std::optional<std::string> token = decode_base64(line.substr(0, space));
    if (!token) refuse("the token is not base64");
    std::size_t rank = 0;
    const char* const end = line.data() + line.size();
    const auto number = std::from_chars(line.data() + std::min(space + 1, line.size()), end, rank);
    if (number.ec != std::errc{} || number.ptr != end) refuse("there is no rank after the token and one space");
    if (rank >= lines_count + gaps_max)
      refuse("the rank is " + std::to_string(rank) + ", but the file has only " + std::to_string(lines_count) +
             " lines");
    if (rank >= tokens.size()) tokens.resize(rank + 1);
    if (!tokens[rank].empty()) refuse("the rank " + std::to_string(rank) + " stands twice");
    tokens[rank] = std::move(*token);
    if (!distinct.insert(rank)) refuse("the token stands twice");
    ranks_count = std::max(ranks_count, rank + 1);
  }
  tokens.resize(ranks_count);
  std::array<bool, 256> is_there{};
  for (const std::string& token : tokens)
    if (token.size() == 1) is_there[static_cast<unsigned char>(token[0])] = true;
  for (std::size_t byte = 0; byte < is_there.size(); ++byte) {
    if (!is_there[byte]) throw TokenizerError(name + ": there is no token for the byte " + std::to_string(byte));
  }
  return tokens;
}

}  // namespace io
