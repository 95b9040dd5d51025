// Compares what the scanners find with the published patterns, run by PCRE2, on texts that are given and on generated
// ones, each in one piece and in pieces of any size:
//
//   split_soak MEGABYTES [FILE...]
//
// of text for each pattern. Files that are not UTF-8 are left out, and so are code points that PCRE2 does not know.
// Prints the bytes compared; ends with 1 and the text's beginning where the two differ.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/pretoken_scanner.hpp"
#include "tests/io/published_patterns.hpp"
#include "tests/io/random_text.hpp"

namespace {

using io::SplitPattern;

Pretokens split(SplitPattern pattern, const std::vector<std::string_view>& pieces) {
  const auto scanner = io::make_scanner(pattern);
  Pretokens pretokens;
  std::string tail;
  std::vector<std::uint32_t> ends;
  for (std::size_t piece = 0; piece <= pieces.size(); ++piece) {
    const bool complete = piece == pieces.size();
    if (!complete) tail += pieces[piece];
    ends.clear();
    scanner->scan(tail, complete, ends);
    std::size_t begin = 0;
    for (const std::uint32_t end : ends) {
      pretokens.push_back(tail.substr(begin, end - begin));
      begin = end;
    }
    tail.erase(0, begin);
  }
  return pretokens;
}

class Soak {
 public:
  explicit Soak(std::uint64_t bytes_wanted) : bytes_wanted_(bytes_wanted) {}

  /// Whether all of it was the same.
  bool run(SplitPattern pattern, const char* name, const std::vector<std::string>& texts) {
    std::uint64_t bytes = 0;
    for (const std::string& text : texts) {
      if (bytes >= bytes_wanted_ / 2) break;  // generated text is half of it at least
      if (!same(pattern, name, text, 0)) return false;
      bytes += text.size();
    }
    const std::uint64_t bytes_given = bytes;
    for (std::uint32_t seed = 0; bytes < bytes_wanted_; ++seed) {
      const std::string any = random_text(seed, 20000, code_points_of_pcre2());
      const std::string text = seed % 2 == 0 ? any : cased_text(any);
      if (!same(pattern, name, text, seed)) return false;
      bytes += text.size();
    }
    std::puts(fmt::format("{}: {:.1f} MB of files and {:.1f} MB of generated text split as PCRE2 says", name,
                          1e-6 * static_cast<double>(bytes_given), 1e-6 * static_cast<double>(bytes - bytes_given))
                  .c_str());
    std::fflush(stdout);
    return true;
  }

 private:
  bool same(SplitPattern pattern, const char* name, const std::string& text, std::uint32_t seed) {
    const Pretokens wanted = published(pattern).matches(text);
    const std::size_t piece_bytes_max = seed % 3 == 0 ? 50'000 : seed % 3 == 1 ? 300 : 40;
    if (split(pattern, {text}) == wanted && split(pattern, random_pieces(text, seed, piece_bytes_max)) == wanted)
      return true;
    std::puts(fmt::format("{}: differs, seed {}: {}", name, seed, text.substr(0, 200)).c_str());
    return false;
  }

  std::uint64_t bytes_wanted_;
};

std::vector<std::string> texts_of(int count, char** paths) {
  std::vector<std::string> texts;
  const Pattern known(R"([^\p{Cn}\x{180E}]+)");
  for (int i = 0; i < count; ++i) {
    std::ifstream file(paths[i], std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    std::string kept;  // nothing of what is not UTF-8
    for (const std::string& part : known.matches(text)) kept += part;
    if (!kept.empty()) texts.push_back(std::move(kept));
  }
  return texts;
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    const double megabytes = argument_count > 1 ? std::stod(arguments[1]) : 100;
    const std::vector<std::string> texts = texts_of(std::max(0, argument_count - 2), arguments + 2);
    Soak soak(static_cast<std::uint64_t>(megabytes * 1e6));
    const bool same = soak.run(SplitPattern::gpt2, "gpt2", texts) && soak.run(SplitPattern::cl100k, "cl100k", texts) &&
                      soak.run(SplitPattern::qwen2, "qwen2", texts) && soak.run(SplitPattern::o200k, "o200k", texts);
    return same ? 0 : 1;
  } catch (const std::exception& error) {
    std::fputs((std::string("split_soak: ") + error.what() + "\n").c_str(), stderr);
    return 1;
  }
}
