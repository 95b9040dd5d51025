#include "pipeline/inspect_corpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "io/files.hpp"
#include "pipeline/accounting.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/console.hpp"
#include "pipeline/document_feed.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/prepare.hpp"
#include "pipeline/run_on.hpp"
#include "sched/scope.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t damage_lines_max = 20;

void print_files(const std::string& path, const io::Corpus& corpus) {
  struct Kind {
    std::uint64_t files_count = 0;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Kind> kinds;
  std::uint64_t bytes = 0;
  for (const io::Source& source : corpus.sources) {
    Kind& kind = kinds[fs::path(source.path).extension().string()];
    ++kind.files_count;
    kind.bytes += source.size_bytes;
    bytes += source.size_bytes;
  }
  fmt::print("corpus: {}\nfiles: {}\nbytes: {}\n", path, format_count(corpus.sources.size()), format_count(bytes));
  for (const auto& [ending, kind] : kinds)
    fmt::print("  {:12} {} files, {} bytes\n", ending.empty() ? "(no ending)" : ending, format_count(kind.files_count),
               format_count(kind.bytes));
  fmt::print("left out: {} hidden, {} special, {} repeated\n", corpus.left_out.hidden_count,
             corpus.left_out.special_count, corpus.left_out.repeated_count);
}

/// Reads a corpus, or some of it, and keeps the books.
class Sampling {
 public:
  Sampling(const DataSettings& settings, Material& material, io::Files& files, std::uint64_t bytes_max)
      : settings_(settings),
        material_(material),
        files_(files),
        console_(files, settings.quiet),
        bytes_max_(bytes_max) {
    for (const io::Source& source : material.datasets[0].corpus.sources) bytes_total_ += source.size_bytes;
  }

  sched::task<void> read() {
    FeedOptions options = feed_options(settings_, material_, Selection::Side::all);
    // A sample is of files here and there. A whole corpus is read in its order.
    options.shuffle = bytes_total_ > bytes_max_ ? Shuffle::window : Shuffle::none;
    options.epochs_max = 1;
    const DocumentFeed::Place place{files_, {files_.executor()}, {0, files_.blocks_count()}};
    DocumentFeed feed(place, material_.datasets, *material_.tokenizer, options, {});
    sched::Scope scope(files_.executor());
    co_await scope.open();
    feed.start(scope);
    scope.spawn(files_.executor(), enter_all(feed));
    co_await scope.join();
    co_await console_.erase();
  }

  void print() const {
    const Totals& all = accounting_.all();
    const double factor = complete_ ? 1 : static_cast<double>(bytes_total_) / static_cast<double>(bytes_read());
    const auto about = [&](std::uint64_t count) {
      const auto whole = static_cast<std::uint64_t>(static_cast<double>(count) * std::max(1.0, factor));
      return complete_ ? format_count(count) : "about " + format_count(whole);
    };
    fmt::print("documents: {}\ntext: {} bytes\ntokens: {} ({})\n", about(all.documents), about(all.bytes),
               about(all.tokens), material_.tokenizer->description());
    if (!complete_)
      fmt::print("  by a sample: {} documents, {} bytes of text, {} tokens in {} of {} on disk\n",
                 format_count(all.documents), format_count(all.bytes), format_count(all.tokens),
                 format_bytes(bytes_read()), format_bytes(bytes_total_));
    for (const auto& [kind, totals] : accounting_.formats())
      fmt::print("  {:12} {} documents, {} bytes of text, {} tokens\n", kind, format_count(totals.documents),
                 format_count(totals.bytes), format_count(totals.tokens));
    fmt::print("not text: {} files\n", format_count(accounting_.binaries_count()));
    std::vector<io::Skip> skips = material_.skips();
    skips.insert(skips.end(), accounting_.skips().begin(), accounting_.skips().end());
    fmt::print("damaged: {}{}\n", format_count(skips.size()), complete_ ? "" : ", in the sample");
    for (std::size_t i = 0; i < std::min(skips.size(), damage_lines_max); ++i) fmt::print("  {}\n", describe(skips[i]));
    if (skips.size() > damage_lines_max) fmt::print("  and {} more\n", format_count(skips.size() - damage_lines_max));
  }

 private:
  std::uint64_t bytes_read() const { return std::min(bytes_total_, files_.counters().bytes_read); }

  sched::task<void> enter_all(DocumentFeed& feed) {
    for (;;) {
      const TokenPart* const part = feed.take();
      if (part != nullptr) {
        accounting_.enter(*part, 0);
        continue;
      }
      if (interrupted()) throw Interrupted();
      if (console_.progress_is_due()) co_await show();
      complete_ = false;
      if (files_.counters().bytes_read >= bytes_max_) break;
      complete_ = true;
      const bool more = co_await feed.fetch();
      if (!more) break;
    }
    feed.stop();
  }

  sched::task<void> show() {
    const std::uint64_t wanted = std::max<std::uint64_t>(1, std::min(bytes_total_, bytes_max_));
    const double done = std::min(1.0, static_cast<double>(bytes_read()) / static_cast<double>(wanted));
    const double passed = seconds(now_ns() - began_ns_);
    std::string line =
        fmt::format("{:3.0f} % of {}  {} documents  {} tokens  {} left", 100 * done, format_bytes(wanted),
                    format_count(accounting_.all().documents), format_count(accounting_.all().tokens),
                    format_duration(done > 0 ? passed * (1 - done) / done : 0));
    co_await console_.show_progress(std::move(line));
  }

  const DataSettings& settings_;
  Material& material_;
  io::Files& files_;
  Console console_;
  std::uint64_t bytes_max_;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t began_ns_ = now_ns();
  bool complete_ = true;
  Accounting accounting_{Accounting::Rules{false, 1}};
};

}  // namespace

void inspect_corpus(const std::string& path, const InspectOptions& options) {
  DataSettings settings;
  settings.paths = {path};
  settings.tokenizer = options.tokenizer;
  settings.text_key = options.text_key;
  settings.quiet = options.quiet;
  settings.shuffle = Shuffle::none;
  Material material = find_material(settings, 0);
  print_files(path, material.datasets[0].corpus);
  const std::unique_ptr<io::Files> files = io::make_files({});
  const std::uint64_t bytes_max = options.all ? std::numeric_limits<std::uint64_t>::max() : inspected_bytes;
  Sampling sampling(settings, material, *files, bytes_max);
  run_on(*files, sampling.read());
  sampling.print();
}

}  // namespace pipeline
