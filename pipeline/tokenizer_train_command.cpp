// The command `icosa tokenizer train`, and the summaries of pipeline/tokenizer_train.hpp.

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <utility>

#include "io/error.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/json.hpp"
#include "pipeline/memory.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/tokenizer_train.hpp"

namespace pipeline {
namespace {

double ratio(double value, double by) {
  return by > 0 ? value / by : 0;
}

}  // namespace

double TokenizerTrainResult::bytes_per_token() const noexcept {
  return ratio(static_cast<double>(bytes), static_cast<double>(corpus_tokens));
}

std::string summary_json(const TokenizerTrainResult& result) {
  std::string text = "{\n";
  const auto number = [&](const char* key, std::uint64_t value) { text += fmt::format("  \"{}\": {},\n", key, value); };
  const auto real = [&](const char* key, double value) {
    text += fmt::format("  \"{}\": {},\n", key, json_number(value));
  };
  number("documents", result.documents);
  number("skipped", result.skips.size());
  number("bytes", result.bytes);
  number("words", result.words);
  number("different_words", result.different_words);
  number("vocabulary_size", result.vocabulary_size);
  number("merges", result.merges);
  number("tokens", result.corpus_tokens);
  real("bytes_per_token", result.bytes_per_token());
  real("seconds", result.seconds);
  real("counting_seconds", result.counting_seconds);
  real("learning_seconds", result.learning_seconds);
  real("megabytes_per_second", ratio(static_cast<double>(result.bytes) * 1e-6, result.counting_seconds));
  number("files", result.files_found);
  number("binaries", result.binaries_count);
  number("hidden", result.left_out.hidden_count);
  number("special", result.left_out.special_count);
  number("repeated", result.left_out.repeated_count);
  number("companions", result.left_out.companions_count);
  number("cores", result.cores_count);
  number("peak_rss_bytes", peak_resident_bytes());
  number("reads", result.files.reads);
  number("read_bytes", result.files.bytes_read);
  text += fmt::format("  \"io\": {},\n  \"interrupted\": {},\n  \"skips\": [", json_string(result.files_description),
                      result.interrupted);
  for (std::size_t i = 0; i < result.skips.size(); ++i) {
    std::string line = to_json_line(result.skips[i]);
    line.pop_back();  // its newline
    text += (i == 0 ? "\n    " : ",\n    ") + line;
  }
  return text + "]\n}\n";
}

std::string summary_text(const TokenizerTrainResult& result, const TokenizerTrainSettings& settings) {
  if (result.interrupted) return "interrupted: no tokenizer was written\n";
  std::string text = fmt::format(
      "{}: {} ids, {} merges from {} words ({} different), {:.1f} MB of text, in {}: counted at {:.0f} MB/s on {} "
      "cores in {:.1f} s, learned in {:.1f} s; {:.3f} bytes per token\n"
      "  {} documents of {} files: {} damaged documents skipped, {} not text; left out {} hidden, {} special, {} "
      "repeated\n",
      settings.out, format_count(result.vocabulary_size), format_count(result.merges), format_count(result.words),
      format_count(result.different_words), static_cast<double>(result.bytes) * 1e-6, format_duration(result.seconds),
      ratio(static_cast<double>(result.bytes) * 1e-6, result.counting_seconds), result.cores_count,
      result.counting_seconds, result.learning_seconds, result.bytes_per_token(), format_count(result.documents),
      format_count(result.files_found), result.skips.size(), result.binaries_count, result.left_out.hidden_count,
      result.left_out.special_count, result.left_out.repeated_count);
  if (result.vocabulary_size < settings.vocabulary_size)
    text += fmt::format("  no pair is left to merge: the vocabulary has {} ids, not {}\n",
                        format_count(result.vocabulary_size), format_count(settings.vocabulary_size));
  return text;
}

int tokenizer_train_command(TokenizerTrainSettings settings) {
  catch_interrupts();
  const TokenizerTrainResult result = train_tokenizer(settings);
  if (!settings.summary.empty()) {
    std::ofstream file(settings.summary, std::ios::binary);
    file << summary_json(result);
    file.close();
    if (!file) throw io::FileError(settings.summary, 0, errno, "write the summary");
  }
  if (!settings.quiet) fmt::print(stderr, "{}", summary_text(result, settings));
  return result.interrupted ? interrupted_exit_code : 0;
}

}  // namespace pipeline
