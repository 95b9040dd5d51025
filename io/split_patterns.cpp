#include "io/split_patterns.hpp"

#include <cassert>
#include <utility>

namespace io {
namespace {

constexpr std::string_view gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view gpt2_shorter = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view cl100k =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view o200k =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

}  // namespace

std::optional<SplitPattern> split_pattern_named(std::string_view name) {
  if (name.ends_with("_base")) name.remove_suffix(5);
  if (name == "gpt2" || name == "r50k" || name == "p50k") return SplitPattern::gpt2;
  if (name == "cl100k" || name == "llama3") return SplitPattern::cl100k;
  if (name == "qwen2") return SplitPattern::qwen2;
  if (name == "o200k") return SplitPattern::o200k;
  return std::nullopt;
}

std::optional<SplitPattern> split_pattern_written(std::string_view regex) {
  if (regex == gpt2 || regex == gpt2_shorter) return SplitPattern::gpt2;
  if (regex == cl100k) return SplitPattern::cl100k;
  if (regex == qwen2) return SplitPattern::qwen2;
  if (regex == o200k) return SplitPattern::o200k;
  return std::nullopt;
}

std::string_view name_of(SplitPattern pattern) {
  constexpr std::string_view names[] = {"none", "gpt2", "cl100k", "o200k", "qwen2"};
  return names[static_cast<std::size_t>(pattern)];
}

std::string_view text_of(SplitPattern pattern) {
  assert(pattern != SplitPattern::none);
  constexpr std::string_view texts[] = {"", gpt2, cl100k, o200k, qwen2};
  return texts[static_cast<std::size_t>(pattern)];
}

}  // namespace io
