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
void WordScanner<pattern>::walk(std::string_view text, bool complete, std::vector<std::uint32_t>& ends) {
  const std::size_t looked_max = complete ? text.size() : text.size() - std::min(text.size(), deciding_bytes);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const Found found = pretoken(text, begin);
    if (found.looked > looked_max) return;
    begin = found.end;
    ends.push_back(static_cast<std::uint32_t>(begin));
  }
}

template <WordPattern pattern>
void WordScanner<pattern>::find_begins() {
  [[maybe_unused]] Previous lower_before;
  Previous letter_before, number_before, space_before, other_before, other_begin_before;
  Previous blank_before, newline_before, taken_before, indent_before, wide_other_before, space_not_newline_before;
  Entered taken_lines, entered_indents;
  for (std::size_t i = 0; i < masks_.words_count(); ++i) {
    const std::uint64_t letters = masks_.letters[i], numbers = masks_.numbers[i], spaces = masks_.spaces[i];
    const std::uint64_t newlines = masks_.newlines[i], continuations = masks_.continuations[i];
    const std::uint64_t spaces_in_line = spaces & ~newlines;

    // Punctuation takes the ends of lines behind it: [\r\n]*.
    const std::uint64_t behind_other = other_before(masks_.others[i]);
    const std::uint64_t takeable = newlines | (pattern.slash_ends_with_lines ? masks_.slashes[i] : 0);
    const std::uint64_t taken = taken_lines(takeable, newlines & behind_other);
    const std::uint64_t behind_taken = taken_before(taken);
    // A blank belongs to the punctuation behind it.
    const std::uint64_t others = masks_.others[i] & ~taken;
    const std::uint64_t other_begins = others & (~behind_other | behind_taken) & ~blank_before(masks_.blanks[i]);

    // A character that is neither a letter nor a number nor the end of a line belongs to the word behind it, unless it
    // belongs to what stands before it.
    std::uint64_t word_begins = letters & ~letter_before(letters);
    const std::uint64_t behind_wide = word_begins & wide_other_before(others & continuations);
    word_begins &= ~(space_not_newline_before(spaces_in_line) | other_begin_before(other_begins));
    if constexpr (pattern.cased) {
      const std::uint64_t upper = letters & ~masks_.lower_runs[i] & ~continuations;
      word_begins |= upper & lower_before(masks_.lower_runs[i]);
    }

    // White space: \s*[\r\n]+ up to the last newline of a run, then all but the last character: \s+(?!\S).
    const std::uint64_t run_begins = spaces & ~space_before(spaces) & ~taken;
    const std::uint64_t indents = spaces_in_line & newline_before(newlines);
    const std::uint64_t between_newlines =
        newlines & indent_before(entered_indents(spaces_in_line, indents & ~behind_taken));
    const std::uint64_t last_of_run = spaces_in_line & ~(spaces >> 1 | masks_.spaces[i + 1] << 63);

    const std::uint64_t number_begins =
        pattern.digits_max == 1 ? numbers & ~continuations : numbers & ~number_before(numbers);
    begins_[i] = other_begins | word_begins | run_begins | indents | (last_of_run & ~continuations) | number_begins;

    if (behind_wide != 0) join_wide_prefixes(i, behind_wide);
    if (between_newlines != 0) join_lines(i, between_newlines);
    if ((last_of_run & continuations) != 0) begin_last_wide_spaces(i, last_of_run & continuations);
    if constexpr (pattern.digits_max > 1) {
      const std::uint64_t fourth = numbers >> 3 | masks_.numbers[i + 1] << 61;
      if ((number_begins & fourth) != 0) cut_digits(i, number_begins & fourth);
    }
  }
}

/// Begins of words behind a character of several bytes, which may be their prefix.
template <WordPattern pattern>
void WordScanner<pattern>::join_wide_prefixes(std::size_t word, std::uint64_t letters_behind_wide) {
  for (; letters_behind_wide != 0; letters_behind_wide &= letters_behind_wide - 1) {
    const std::size_t at = word * 64 + static_cast<std::size_t>(std::countr_zero(letters_behind_wide));
    std::size_t prefix = at - 1;
    while (masks_.continuations.at(prefix)) --prefix;
    if (begins_.at(prefix)) begins_.remove(at);
  }
}

/// White space between two ends of lines does not begin anew.
template <WordPattern pattern>
void WordScanner<pattern>::join_lines(std::size_t word, std::uint64_t newlines_behind_blanks) {
  for (; newlines_behind_blanks != 0; newlines_behind_blanks &= newlines_behind_blanks - 1) {
    std::size_t at = word * 64 + static_cast<std::size_t>(std::countr_zero(newlines_behind_blanks)) - 1;
    while (!masks_.newlines.at(at - 1)) --at;
    begins_.remove(at);
  }
}

template <WordPattern pattern>
void WordScanner<pattern>::begin_last_wide_spaces(std::size_t word, std::uint64_t last_bytes) {
  for (; last_bytes != 0; last_bytes &= last_bytes - 1) {
    std::size_t at = word * 64 + static_cast<std::size_t>(std::countr_zero(last_bytes));
    while (masks_.continuations.at(at)) --at;
    begins_.add(at);
  }
}

/// Behind so many digits, in runs of which the fourth byte is still of a digit.
template <WordPattern pattern>
void WordScanner<pattern>::cut_digits(std::size_t word, std::uint64_t long_runs) {
  for (; long_runs != 0; long_runs &= long_runs - 1) {
    std::size_t at = word * 64 + static_cast<std::size_t>(std::countr_zero(long_runs));
    const std::size_t run_end = masks_.numbers.run_end(at);
    for (at = digits_end(at); at < run_end; at = digits_end(at)) late_begins_.push_back(static_cast<std::uint32_t>(at));
  }
}

template <WordPattern pattern>
void WordScanner<pattern>::cut_contractions(std::string_view text) {
  std::size_t contraction_end = 0;
  for (std::size_t i = 0; i < masks_.words_count(); ++i) {
    for (std::uint64_t here = begins_[i] & masks_.apostrophes[i]; here != 0; here &= here - 1) {
      const std::size_t at = i * 64 + static_cast<std::size_t>(std::countr_zero(here));
      // With `cased` it belongs to the word before it, which has no other.
      if (pattern.cased && (at == 0 || at == contraction_end || !masks_.letters.at(at - 1))) continue;
      const std::size_t bytes = contraction_bytes(text, at, true);
      if (bytes == 0) continue;
      contraction_end = at + bytes;
      for (std::size_t inside = pattern.cased ? at : at + 1; inside < contraction_end; ++inside) begins_.remove(inside);
      begins_.add(contraction_end);
    }
  }
}

/// The last byte of which it is sure whether a pre-token begins there.
template <WordPattern pattern>
std::size_t WordScanner<pattern>::last_decided(std::string_view text, bool complete) const noexcept {
  if (complete) return text.size() - 1;
  std::size_t last = text.size() - std::min(text.size(), deciding_bytes);
  // An end of line to come decides about white space: what is sure is where the run begins.
  if (masks_.spaces.at(last))
    while (last > 0 && masks_.spaces.at(last - 1)) --last;
  return last;
}

template <WordPattern pattern>
void WordScanner<pattern>::scan(std::string_view text, bool complete, std::vector<std::uint32_t>& ends) {
  if (text.empty()) return;
  masks_.classify(text, pattern.cased);
  if (pattern.cased && masks_.any_caseless()) return walk(text, complete, ends);
  begins_.grow(masks_.words_count() + 1);
  begins_[masks_.words_count()] = 0;
  late_begins_.clear();
  find_begins();
  for (const std::uint32_t at : late_begins_) begins_.add(at);
  cut_contractions(text);
  begins_.append_ends(last_decided(text, complete), ends);
  if (complete) ends.push_back(static_cast<std::uint32_t>(text.size()));
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
