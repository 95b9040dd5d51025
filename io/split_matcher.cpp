#include "io/split_matcher.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <new>
#include <stdexcept>

#include "io/error.hpp"
#include "io/unicode.hpp"
#include "io/utf8.hpp"

namespace io {
namespace {

std::string message_of(int error) {
  unsigned char text[256] = {};
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

template <auto function>
struct Free {
  void operator()(auto* p) const noexcept { function(p); }
};
using Code = std::unique_ptr<pcre2_code, Free<pcre2_code_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Free<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Free<pcre2_match_context_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Free<pcre2_jit_stack_free>>;

class RegexMatcher final : public SplitMatcher {
 public:
  explicit RegexMatcher(std::shared_ptr<const Code> code)
      : code_(std::move(code)),
        data_(pcre2_match_data_create(1, nullptr)),
        context_(pcre2_match_context_create(nullptr)),
        stack_(pcre2_jit_stack_create(32 << 10, 64 << 20, nullptr)) {
    if (!data_ || !context_ || !stack_) throw std::bad_alloc();
    pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
    // Texts are long; what ends a search is the heap's limit, 20 GB where nothing else is said.
    pcre2_set_match_limit(context_.get(), UINT32_MAX);
    pcre2_set_depth_limit(context_.get(), UINT32_MAX);
  }

  Found find(std::string_view text, std::size_t from, bool is_beginning, bool complete) override {
    std::uint32_t options = PCRE2_NO_UTF_CHECK;
    if (!complete) options |= PCRE2_PARTIAL_HARD;
    if (!is_beginning) options |= PCRE2_NOTBOL;
    int result = match(text, from, options);
    // A match that goes back further than the stack of compiled code is long: the interpreter has the heap.
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = match(text, from, options | PCRE2_NO_JIT);
    const std::size_t* const bounds = pcre2_get_ovector_pointer(data_.get());
    if (result >= 0) return {Found::Kind::match, bounds[0], bounds[1]};
    if (result == PCRE2_ERROR_NOMATCH) return {Found::Kind::none};
    if (result == PCRE2_ERROR_PARTIAL) return {Found::Kind::partial, bounds[0], text.size()};
    throw TokenizerError("the split pattern cannot be matched: " + message_of(result));
  }

 private:
  int match(std::string_view text, std::size_t from, std::uint32_t options) {
    return pcre2_match(code_->get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, options, data_.get(),
                       context_.get());
  }

  std::shared_ptr<const Code> code_;
  MatchData data_;
  MatchContext context_;
  JitStack stack_;
};

class RegexMatchers final : public SplitMatcherFactory {
 public:
  RegexMatchers(std::string_view pattern, RegexDialect dialect) {
    const std::string text = pcre2_pattern(pattern, dialect);
    std::uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    if (dialect == RegexDialect::oniguruma) options |= PCRE2_MULTILINE;  // Ruby's ^ and $ are those of lines
    int error = 0;
    std::size_t offset = 0;
    code_ = std::make_shared<Code>(
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), options, &error, &offset, nullptr));
    if (!*code_) throw std::invalid_argument("PCRE2 says: " + message_of(error));
    // Without machine code (another processor, a kernel that forbids it) the interpreter gives the same, more slowly.
    pcre2_jit_compile(code_->get(), PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
    std::uint32_t characters = 0;
    pcre2_pattern_info(code_->get(), PCRE2_INFO_MAXLOOKBEHIND, &characters);
    context_bytes_ = 4 * (characters + std::size_t{1});
  }

  std::unique_ptr<SplitMatcher> matcher() const override { return std::make_unique<RegexMatcher>(code_); }
  std::size_t context_bytes() const noexcept override { return context_bytes_; }

 private:
  std::shared_ptr<Code> code_;
  std::size_t context_bytes_ = 0;
};

class NumberMatcher final : public SplitMatcher {
 public:
  Found find(std::string_view text, std::size_t from, bool, bool) override {
    while (from < text.size()) {
      const Utf8Sequence character = read_utf8(text.substr(from));
      const std::size_t end = from + character.length_bytes;
      if (character_class(character.code_point) == CharacterClass::number) return {Found::Kind::match, from, end};
      from = end;
    }
    return {Found::Kind::none};
  }
};

class NumberMatchers final : public SplitMatcherFactory {
 public:
  std::unique_ptr<SplitMatcher> matcher() const override { return std::make_unique<NumberMatcher>(); }
};

}  // namespace

std::shared_ptr<const SplitMatcherFactory> regex_matchers(std::string_view pattern, RegexDialect dialect) {
  return std::make_shared<RegexMatchers>(pattern, dialect);
}

std::shared_ptr<const SplitMatcherFactory> number_matchers() {
  return std::make_shared<NumberMatchers>();
}

}  // namespace io
