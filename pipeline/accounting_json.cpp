#include "pipeline/accounting_json.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <stdexcept>

#include "pipeline/json.hpp"

namespace pipeline {
namespace {

std::string to_json(const Totals& totals) {
  return fmt::format("[{},{},{},{}]", totals.documents, totals.skipped, totals.bytes, totals.tokens);
}

Totals totals_from_json(simdjson::dom::element json) {
  return {json.at(0).get_uint64(), json.at(1).get_uint64(), json.at(2).get_uint64(), json.at(3).get_uint64()};
}

}  // namespace

std::string to_json(const Accounting& accounting, const std::vector<Dataset>& datasets) {
  std::string formats, corpora, files;
  for (const auto& [name, totals] : accounting.formats_)
    formats += fmt::format("{}\"{}\":{}", formats.empty() ? "" : ",", name, to_json(totals));
  for (std::size_t i = 0; i < accounting.corpora_.size(); ++i)
    corpora += fmt::format("{}{{\"epochs\":{},\"totals\":{}}}", i == 0 ? "" : ",", accounting.epochs_[i],
                           to_json(accounting.corpora_[i]));
  // Files of many documents that have been met, by their numbers over all corpora.
  std::size_t number = 0;
  for (const Dataset& dataset : datasets) {
    for (const io::Source& source : dataset.corpus.sources) {
      const auto found = accounting.files_.find(&source);
      if (found != accounting.files_.end())
        files += fmt::format("{}[{},{}]", files.empty() ? "" : ",", number, to_json(found->second));
      ++number;
    }
  }
  return fmt::format(R"({{"all":{},"binaries":{},"formats":{{{}}},"corpora":[{}],"files":[{}]}})",
                     to_json(accounting.all_), accounting.binaries_count_, formats, corpora, files);
}

/// A friend of the books, which it fills.
class AccountingReader {
 public:
  static Accounting read(simdjson::dom::element json, const Accounting::Rules& rules,
                         const std::vector<Dataset>& datasets) {
    Accounting accounting(rules);
    accounting.all_ = totals_from_json(json["all"]);
    accounting.binaries_count_ = json["binaries"].get_uint64();
    for (const auto field : simdjson::dom::object(json["formats"]))
      accounting.formats_[std::string(field.key)] = totals_from_json(field.value);
    for (const auto corpus : json["corpora"].get_array()) {
      accounting.epochs_.push_back(corpus["epochs"].get_uint64());
      accounting.corpora_.push_back(totals_from_json(corpus["totals"]));
    }
    std::vector<const io::Source*> sources;
    for (const Dataset& dataset : datasets)
      for (const io::Source& source : dataset.corpus.sources) sources.push_back(&source);
    for (const auto file : json["files"].get_array()) {
      const std::uint64_t number = file.at(0).get_uint64();
      if (number < sources.size()) accounting.files_[sources[number]] = totals_from_json(file.at(1));
    }
    return accounting;
  }

  static void add_skips(Accounting& accounting, const std::vector<io::Skip>& skips) {
    for (const io::Skip& skip : skips) {
      accounting.skips_.push_back(skip);
      accounting.met_.insert(to_json_line(skip));
    }
  }
};

Accounting accounting_from_json(std::string_view json, const Accounting::Rules& rules,
                                const std::vector<Dataset>& datasets, const std::vector<io::Skip>& skips) {
  try {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(json);
    Accounting accounting = AccountingReader::read(parser.parse(padded), rules, datasets);
    AccountingReader::add_skips(accounting, skips);
    return accounting;
  } catch (const simdjson::simdjson_error& error) {
    throw std::runtime_error(std::string("the books of a run cannot be read: ") + error.what());
  }
}

std::vector<io::Skip> skips_from_lines(std::string_view lines) {
  std::vector<io::Skip> skips;
  simdjson::dom::parser parser;
  try {
    while (!lines.empty()) {
      const std::size_t end = std::min(lines.find('\n'), lines.size());
      const simdjson::padded_string line(lines.substr(0, end));
      lines.remove_prefix(std::min(end + 1, lines.size()));
      const simdjson::dom::element skip = parser.parse(line);
      skips.push_back({std::string(std::string_view(skip["path"])), skip["offset"].get_uint64(),
                       std::string(std::string_view(skip["reason"]))});
    }
  } catch (const simdjson::simdjson_error& error) {
    throw std::runtime_error(std::string("skipped.jsonl cannot be read: ") + error.what());
  }
  return skips;
}

}  // namespace pipeline
