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

void Accounting::make_room(std::size_t corpora_count) {
  epochs_.resize(std::max(epochs_.size(), corpora_count));
  corpora_.resize(epochs_.size());
}

bool Accounting::enter(const TokenPart& part, std::size_t corpus) {
  const io::RawDocument& document = part.item->document;
  make_room(corpus + 1);
  switch (document.kind) {
    case io::RawDocument::Kind::epoch_end:
      ++epochs_[corpus];
      check_epoch();
      break;
    case io::RawDocument::Kind::skipped:
      return enter_skip(document, corpus);
    case io::RawDocument::Kind::whole:
    case io::RawDocument::Kind::lengthy: {
      Totals totals;
      totals.tokens = part.ids.size();
      totals.bytes = part.text_bytes;
      totals.documents = part.last ? 1 : 0;
      enter(*document.source, corpus, totals);
      break;
    }
  }
  return true;
}

bool Accounting::enter_skip(const io::RawDocument& document, std::size_t corpus) {
  if (document.reason == io::binary_reason) {
    if (epochs_[corpus] != 0) return false;  // each epoch meets them all
    ++binaries_count_;
    return true;
  }
  const io::Skip skip{document.source->path, document.begin_bytes, document.reason};
  if (!met_.insert(to_json_line(skip)).second) return false;  // in an earlier epoch
  if (rules_.strict) throw DamageError(describe(skip) + "; repair or remove it, or leave out --strict");
  skips_.push_back(skip);
  Totals totals;
  totals.skipped = 1;
  enter(*document.source, corpus, totals);
  // Within an epoch damage may come in a heap: only what chance does not explain ends the run early.
  const double allowed = rules_.max_skipped_fraction * static_cast<double>(all_.documents + all_.skipped);
  if (all_.documents + all_.skipped >= documents_until_judged) check_fraction(allowed + 4 * std::sqrt(allowed));
  return true;
}

Accounting& Accounting::operator+=(const Accounting& more) {
  make_room(more.epochs_.size());
  for (std::size_t corpus = 0; corpus < more.epochs_.size(); ++corpus) {
    epochs_[corpus] += more.epochs_[corpus];
    corpora_[corpus] += more.corpora_[corpus];
  }
  all_ += more.all_;
  binaries_count_ += more.binaries_count_;
  skips_.insert(skips_.end(), more.skips_.begin(), more.skips_.end());
  met_.insert(more.met_.begin(), more.met_.end());
  for (const auto& [name, totals] : more.formats_) formats_[name] += totals;
  for (const auto& [source, totals] : more.files_) files_[source] += totals;
  return *this;
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

void Accounting::enter(const io::Source& source, std::size_t corpus, const Totals& totals) {
  make_room(corpus + 1);
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
