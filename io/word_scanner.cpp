#include "io/word_scanner.hpp"

#include <algorithm>

#include "io/contraction.hpp"
#include "io/gpt2_scanner.hpp"

namespace io {
namespace {

/// Behind what was looked at so many bytes decide at most: a contraction, or a character that is not whole.
constexpr std::size_t deciding_bytes = 8;

}  // namespace

/// \p{N}{1,digits_max}
template <WordPattern pattern>
std::size_t WordScanner<pattern>::digits_end(std::size_t begin) const noexcept {
  std::size_t end = next_character(begin);
  for (std::size_t count = 1; count < pattern.digits_max && masks_.numbers.at(end); ++count) end = next_character(end);
  return end;
}

/// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+; ends at its beginning where nothing matches.
template <WordPattern pattern>
auto WordScanner<pattern>::lower_word(std::size_t begin) const noexcept -> Found {
  const std::size_t upper_end = masks_.upper_runs.run_end(begin);
  if (masks_.lower_runs.at(upper_end)) {
    const std::size_t end = masks_.lower_runs.run_end(upper_end);
    return {end, end};
  }
  // The first part gives back what the second one needs: up to the last character without case.
  std::size_t end = upper_end;
  while (end > begin && !masks_.lower_runs.at(end - 1)) --end;
  return {end, upper_end};
}

/// A word, with a prefix or without; ends at `begin` where there is none.
template <WordPattern pattern>
auto WordScanner<pattern>::word(std::string_view text, std::size_t begin, std::size_t behind_prefix) const noexcept
    -> Found {
  if constexpr (!pattern.cased) {
    const std::size_t end = masks_.letters.run_end(behind_prefix);
    return {end == behind_prefix ? begin : end, end};
  } else {
    Found found = lower_word(behind_prefix);
    if (found.end == behind_prefix) {
      if (masks_.marks.at(begin)) {
        found = lower_word(begin);  // a mark is a prefix or a part of a word
      } else if (found.looked == behind_prefix) {
        return {begin, behind_prefix};
      } else {
        found.end = found.looked;  // capitals alone
      }
    }
    if (found.end < text.size() && text[found.end] == '\'') found.end += contraction_bytes(text, found.end, true);
    found.looked = std::max(found.looked, found.end);
    return found;
  }
}

/// [\r\n]* or [\r\n/]*
template <WordPattern pattern>
std::size_t WordScanner<pattern>::lines_end(std::string_view text, std::size_t begin) const noexcept {
  std::size_t end = begin;
  while (end < text.size() &&
         (text[end] == '\n' || text[end] == '\r' || (pattern.slash_ends_with_lines && text[end] == '/')))
    ++end;
  return end;
}

/// \s*[\r\n]+|\s+(?!\S)|\s+
template <WordPattern pattern>
auto WordScanner<pattern>::white_space(std::string_view text, std::size_t begin) const noexcept -> Found {
  const std::size_t run_end = std::min(masks_.spaces.run_end(begin), text.size());
  const std::size_t lines = masks_.newlines.last_end(begin, run_end);
  if (lines != begin) return {lines, run_end};
  if (run_end == text.size()) return {run_end, run_end};
  std::size_t last = run_end - 1;
  while (masks_.continuations.at(last)) --last;
  return {last == begin ? run_end : last, run_end};
}

template <WordPattern pattern>
auto WordScanner<pattern>::pretoken(std::string_view text, std::size_t begin) const noexcept -> Found {
  const auto plain = [](std::size_t end) { return Found{end, end}; };
  if (masks_.letters.at(begin)) return word(text, begin, begin);
  if (masks_.numbers.at(begin)) return plain(digits_end(begin));
  if constexpr (!pattern.cased) {
    if (text[begin] == '\'') {
      const std::size_t bytes = contraction_bytes(text, begin, true);
      if (bytes != 0) return plain(begin + bytes);
    }
  }
  if (!masks_.newlines.at(begin)) {
    const Found found = word(text, begin, next_character(begin));
    if (found.end != begin) return found;
  }
  const std::size_t mark = text[begin] == ' ' ? begin + 1 : begin;
  if (masks_.others.at(mark)) return plain(lines_end(text, masks_.others.run_end(mark)));
  return white_space(text, begin);
}

template <WordPattern pattern>
void WordScanner<pattern>::scan(std::string_view text, bool complete, std::vector<std::uint32_t>& ends) {
  masks_.classify(text, pattern.cased);
  const std::size_t looked_max = complete ? text.size() : text.size() - std::min(text.size(), deciding_bytes);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const Found found = pretoken(text, begin);
    if (found.looked > looked_max) return;
    begin = found.end;
    ends.push_back(static_cast<std::uint32_t>(begin));
  }
}

std::unique_ptr<PretokenScanner> make_scanner(SplitPattern pattern) {
  switch (pattern) {
    case SplitPattern::none:
      break;
    case SplitPattern::gpt2:
      return std::make_unique<Gpt2Scanner>();
    case SplitPattern::cl100k:
      return std::make_unique<WordScanner<WordPattern{3, false, false}>>();
    case SplitPattern::qwen2:
      return std::make_unique<WordScanner<WordPattern{1, false, false}>>();
    case SplitPattern::o200k:
      return std::make_unique<WordScanner<WordPattern{3, true, true}>>();
  }
  return nullptr;
}

}  // namespace io
