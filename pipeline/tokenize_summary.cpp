// The summaries of pipeline/tokenize.hpp: one for programs, one for people.

#include <fmt/format.h>

#include "io/format.hpp"
#include "pipeline/json.hpp"
#include "pipeline/memory.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/tokenize.hpp"
#include "pipeline/totals_json.hpp"

namespace pipeline {
namespace {

double megabytes_per_second(const TokenizeResult& result) {
  return result.seconds > 0 ? static_cast<double>(result.totals.bytes) * 1e-6 / result.seconds : 0;
}

}  // namespace

std::string summary_json(const TokenizeResult& result) {
  std::string text = "{\n";
  const auto number = [&](const char* key, std::uint64_t value) { text += fmt::format("  \"{}\": {},\n", key, value); };
  number("documents", result.totals.documents);
  number("skipped", result.skipped_count);
  number("bytes", result.totals.bytes);
  number("tokens", result.totals.tokens);
  text += fmt::format("  \"seconds\": {},\n  \"megabytes_per_second\": {},\n", json_number(result.seconds),
                      json_number(megabytes_per_second(result)));
  number("files", result.files_found);
  number("binaries", result.accounting.binaries_count());
  number("hidden", result.left_out.hidden_count);
  number("special", result.left_out.special_count);
  number("repeated", result.left_out.repeated_count);
  number("companions", result.left_out.companions_count);
  number("shards", result.shards_count);
  number("cores", result.cores_count);
  number("peak_rss_bytes", peak_resident_bytes());
  number("reads", result.files.reads);
  number("read_bytes", result.files.bytes_read);
  number("submissions", result.files.submissions);
  text += fmt::format("  \"shuffle\": \"{}\",\n  \"io\": {},\n  \"interrupted\": {},\n", shuffle_name(result.shuffle),
                      json_string(result.files_description), result.interrupted);
  text += totals_json(result.accounting, result.record_files, result.corpora) + "\n}\n";
  return text;
}

std::string summary_text(const TokenizeResult& result, const std::string& out) {
  if (result.was_complete) return fmt::format("{}: was complete already\n", out);
  return fmt::format(
      "{}: {} documents, {} tokens from {:.1f} MB of text in {}: {:.0f} MB/s on {} cores\n"
      "  of {} files: {} damaged documents skipped, {} not text; left out {} hidden, {} special, {} repeated\n",
      result.interrupted ? "interrupted" : "done", format_count(result.totals.documents),
      format_count(result.totals.tokens), static_cast<double>(result.totals.bytes) * 1e-6,
      format_duration(result.seconds), megabytes_per_second(result), result.cores_count,
      format_count(result.files_found), result.skipped_count, result.accounting.binaries_count(),
      result.left_out.hidden_count, result.left_out.special_count, result.left_out.repeated_count);
}

}  // namespace pipeline
