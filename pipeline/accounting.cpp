#include "pipeline/accounting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/format.hpp"
#include "pipeline/json.hpp"

namespace pipeline {
namespace {

// So few skips are an accident, not a damaged corpus, however small it is.
constexpr std::uint64_t skips_always_allowed = 8;
// The share of damage is looked at from that many documents on, and at the end of an epoch.
constexpr std::uint64_t documents_until_judged = 1000;

}  // namespace

Totals& Totals::operator+=(const Totals& more) noexcept {
  documents += more.documents;
  skipped += more.skipped;
  bytes += more.bytes;
  tokens += more.tokens;
  return *this;
}

void Accounting::enter(const TokenPart& part, std::size_t corpus) {
  const io::RawDocument& document = part.item->document;
  epochs_.resize(std::max(epochs_.size(), corpus + 1));
  corpora_.resize(epochs_.size());
  switch (document.kind) {
    case io::RawDocument::Kind::epoch_end:
      ++epochs_[corpus];
      check_epoch();
      break;
    case io::RawDocument::Kind::skipped:
      enter_skip(document, corpus);
      break;
    case io::RawDocument::Kind::whole:
    case io::RawDocument::Kind::lengthy: {
      Totals totals;
      totals.tokens = part.ids.size();
      totals.bytes = part.text_bytes;
      totals.documents = part.last ? 1 : 0;
      add(*document.source, corpus, totals);
      break;
    }
  }
}

void Accounting::enter_skip(const io::RawDocument& document, std::size_t corpus) {
  if (!met_.emplace(document.source, document.begin_bytes).second) return;  // in an earlier epoch
  if (document.reason == io::binary_reason) {
    ++binaries_count_;
    return;
  }
  const io::Skip skip{document.source->path, document.begin_bytes, document.reason};
  if (rules_.strict) throw DamageError(describe(skip) + "; repair or remove it, or leave out --strict");
  skips_.push_back(skip);
  Totals totals;
  totals.skipped = 1;
  add(*document.source, corpus, totals);
  // Within an epoch damage may come in a heap: only what chance does not explain ends the run early.
  const double allowed = rules_.max_skipped_fraction * static_cast<double>(all_.documents + all_.skipped);
  if (all_.documents + all_.skipped >= documents_until_judged) check_fraction(allowed + 4 * std::sqrt(allowed));
}

void Accounting::check_epoch() const {
  check_fraction(rules_.max_skipped_fraction * static_cast<double>(all_.documents + all_.skipped));
}

void Accounting::check_fraction(double allowed) const {
  if (all_.skipped <= skips_always_allowed || static_cast<double>(all_.skipped) <= allowed) return;
  throw DamageError(
      fmt::format("{} of {} documents are damaged, more than --max-skipped-fraction {}; the first: {}; repair the "
                  "corpus or allow more",
                  all_.skipped, all_.documents + all_.skipped, rules_.max_skipped_fraction, describe(skips_.front())));
}

void Accounting::add(const io::Source& source, std::size_t corpus, const Totals& totals) {
  all_ += totals;
  corpora_[corpus] += totals;
  formats_[io::kind_name(source.format, source.compression)] += totals;
  if (source.format != io::Format::text) files_[&source] += totals;
}

std::vector<FileTotals> Accounting::record_files() const {
  std::vector<FileTotals> list;
  for (const auto& [source, totals] : files_)
    list.push_back({source->path, io::kind_name(source->format, source->compression), totals});
  std::sort(list.begin(), list.end(), [](const FileTotals& a, const FileTotals& b) { return a.path < b.path; });
  return list;
}

std::string describe(const io::Skip& skip) {
  if (skip.offset_bytes == 0) return fmt::format("{}: {}", skip.path, skip.reason);
  return fmt::format("{}: {} at byte {}", skip.path, skip.reason, skip.offset_bytes);
}

std::string to_json_line(const io::Skip& skip) {
  return fmt::format("{{\"path\": {}, \"offset\": {}, \"reason\": {}}}\n", json_string(skip.path), skip.offset_bytes,
                     json_string(skip.reason));
}

}  // namespace pipeline
