#include "pipeline/totals_json.hpp"

#include <fmt/format.h>

#include "pipeline/json.hpp"

namespace pipeline {
namespace {

constexpr std::size_t files_max = 1000;  // in a summary; the totals by format are of all

std::string members(const Totals& totals) {
  return fmt::format("\"documents\": {}, \"skipped\": {}, \"bytes\": {}, \"tokens\": {}", totals.documents,
                     totals.skipped, totals.bytes, totals.tokens);
}

}  // namespace

std::string totals_json(const Accounting& accounting, const std::vector<FileTotals>& record_files,
                        const std::vector<CorpusShare>& corpora) {
  std::string text = "  \"formats\": {";
  const char* separator = "";
  for (const auto& [name, totals] : accounting.formats()) {
    text += fmt::format("{}\n    \"{}\": {{{}}}", separator, name, members(totals));
    separator = ",";
  }
  text += "},\n  \"record_files\": [";
  separator = "";
  std::size_t files_count = 0;
  for (const FileTotals& file : record_files) {
    if (++files_count > files_max) break;
    text += fmt::format("{}\n    {{\"path\": {}, \"format\": \"{}\", {}}}", separator, json_string(file.path),
                        file.kind, members(file.totals));
    separator = ",";
  }
  text += fmt::format("],\n  \"record_files_count\": {},\n  \"corpora\": [", record_files.size());
  separator = "";
  for (std::size_t i = 0; i < accounting.corpora().size(); ++i) {
    text += fmt::format("{}\n    {{\"name\": {}, \"weight\": {}, \"epochs\": {}, {}}}", separator,
                        json_string(corpora[i].name), json_number(corpora[i].weight), accounting.epochs()[i],
                        members(accounting.corpora()[i]));
    separator = ",";
  }
  return text + "]";
}

}  // namespace pipeline
