#pragma once

// What a step of a split looks for in a text: matches of a regular expression, run by PCRE2, or characters that are
// numbers. A matcher belongs to one encoder; what it is compiled from is shared.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "io/split_regex.hpp"

namespace io {

class SplitMatcher {
 public:
  struct Found {
    enum class Kind : std::uint8_t {
      match,    // from begin to end
      none,     // nothing begins in this text
      partial,  // nothing begins before `begin`; what begins there depends on text to come
    };
    Kind kind;
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  virtual ~SplitMatcher() = default;
  /// The first match at or behind `from` in valid UTF-8. What stands before `from` is there to look back at;
  /// `is_beginning`: nothing stands before `text`. Never partial where the text is `complete`.
  ///   Throws TokenizerError where PCRE2 gives up.
  virtual Found find(std::string_view text, std::size_t from, bool is_beginning, bool complete) = 0;
};

/// Makes matchers, from any thread.
class SplitMatcherFactory {
 public:
  virtual ~SplitMatcherFactory() = default;
  virtual std::unique_ptr<SplitMatcher> matcher() const = 0;
  /// Bytes before `from` that a match may depend on.
  virtual std::size_t context_bytes() const noexcept { return 0; }
};

/// PCRE2 with Unicode properties and compilation to machine code.
///   Throws std::invalid_argument: the pattern is not one or is not supported (io/split_regex.hpp).
std::shared_ptr<const SplitMatcherFactory> regex_matchers(std::string_view pattern, RegexDialect dialect);

/// Every character of \p{N}, each a match.
std::shared_ptr<const SplitMatcherFactory> number_matchers();

}  // namespace io
