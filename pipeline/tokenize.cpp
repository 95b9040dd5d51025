#include "pipeline/tokenize.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <utility>

#include "io/error.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/console.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/json.hpp"
#include "pipeline/memory.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/prepare.hpp"
#include "pipeline/sizes.hpp"
#include "pipeline/token_sink.hpp"
#include "sched/cores.hpp"
#include "sched/scope.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t read_ahead_mib = 64;
constexpr const char* to_standard_output = "-";

/// One call of `icosa tokenize`, and what its coroutines share.
class Tokenizing {
 public:
  Tokenizing(const TokenizeSettings& settings, Material& material, io::Files& files, sched::Cores& cores)
      : settings_(settings),
        material_(material),
        files_(files),
        cores_(cores),
        jobs_(4 * cores.count()),
        console_(files, settings.quiet),
        accounting_(Accounting::Rules{settings.strict, settings.max_skipped_fraction}) {
    for (const Dataset& dataset : material.datasets)
      for (const io::Source& source : dataset.corpus.sources) bytes_on_disk_ += source.size_bytes;
  }

  /// Runs to the end on the calling thread, which becomes the thread of `files`.
  void run(TokenSink& sink, const IngestPosition& start) {
    std::exception_ptr failure;
    asio::co_spawn(files_.executor(), tokenize_all(sink, start), [&](std::exception_ptr result) {
      failure = result;
      files_.stop();
    });
    files_.run();
    cores_.join();
    if (failure) std::rethrow_exception(failure);
  }

  const Accounting& accounting() const noexcept { return accounting_; }
  const Totals& totals() const noexcept { return totals_; }
  bool interrupted() const noexcept { return interrupted_; }

  /// Called after each save, with the skips met until there.
  void on_save(std::function<void(const Accounting&, bool last)> report) { report_ = std::move(report); }

 private:
  sched::task<void> tokenize_all(TokenSink& sink, IngestPosition start) {
    const io::BlockShare blocks{0, files_.blocks_count()};
    const bool in_folder = settings_.out != to_standard_output;
    std::string index_path = in_folder ? settings_.out + "/documents.index"
                                       : fmt::format("{}/icosa-{}.index", fs::temp_directory_path().string(), getpid());
    std::string text = "looking through the corpus";
    co_await console_.draw(std::move(text));
    co_await prepare(files_, blocks, settings_, material_, std::move(index_path));
    FeedOptions options = feed_options(settings_, material_, Selection::Side::all);
    options.epochs_max = 1;
    DocumentFeed::Place place{files_, {}, blocks, &jobs_, 2 * cores_.count() + 2};
    for (sched::CoreIndex core = 0; core < cores_.count(); ++core) place.executors.push_back(cores_.of(core));
    DocumentFeed feed(place, material_.datasets, *material_.tokenizer, options, start.feed);
    sched::Scope scope(files_.executor());
    feed.start(scope);
    for (sched::CoreIndex core = 0; core < cores_.count(); ++core) {
      auto tokenizer =
          std::make_unique<SlabTokenizer>(*material_.tokenizer, options.documents.text_key, options.selection);
      scope.spawn(cores_.of(core), tokenize_slabs(jobs_, std::move(tokenizer)));
    }
    scope.spawn(files_.executor(), write_all(feed, sink));
    co_await scope.join();
  }

  sched::task<void> write_all(DocumentFeed& feed, TokenSink& sink) {
    using Kind = io::RawDocument::Kind;
    began_ns_ = now_ns();
    std::uint64_t text_bytes = 0;  // of the document under way
    while (!interrupted_) {
      const TokenPart* const part = feed.take();
      if (part == nullptr) {
        co_await show();
        const bool more = co_await feed.fetch();
        if (!more) break;
        continue;
      }
      accounting_.enter(*part, feed.corpus());
      const Kind kind = part->item->document.kind;
      if (kind != Kind::whole && kind != Kind::lengthy) continue;
      totals_.tokens += part->ids.size();
      text_bytes += part->text_bytes;
      co_await sink.append(part->ids);
      if (!part->last) continue;
      co_await sink.end_document(text_bytes);
      ++totals_.tokens;
      ++totals_.documents;
      totals_.bytes += std::exchange(text_bytes, 0);
      interrupted_ = pipeline::interrupted();
      if (sink.is_full() && !interrupted_) co_await save(feed, sink, false);
    }
    co_await save(feed, sink, !interrupted_);
    feed.stop();
    jobs_.finish();
  }

  sched::task<void> save(const DocumentFeed& feed, TokenSink& sink, bool last) {
    IngestPosition position;
    position.feed = feed.position();
    std::string text = to_json(position);
    if (report_) report_(accounting_, last);
    co_await sink.save(std::move(text), last);
  }

  sched::task<void> show() {
    constexpr std::uint64_t drawn_every_ns = 100'000'000;
    constexpr std::uint64_t said_every_ns = 10'000'000'000;
    const std::uint64_t now = now_ns();
    const std::uint64_t every_ns = console_.interactive() ? drawn_every_ns : said_every_ns;
    if (console_.quiet() || now - shown_ns_ < every_ns) co_return;
    if (std::exchange(shown_ns_, now) == 0 && !console_.interactive()) co_return;
    const double passed = std::max(1e-3, seconds(now - began_ns_));
    const double read = static_cast<double>(files_.counters().bytes_read);
    const double done = std::min(1.0, read / static_cast<double>(std::max<std::uint64_t>(1, bytes_on_disk_)));
    const double left = done > 0 ? passed * (1 - done) / done : 0;
    std::string line = fmt::format("{:3.0f} %  {} documents  {} tokens  {:.0f} MB/s of text  {} skipped  {} left",
                                   100 * done, format_count(totals_.documents), format_count(totals_.tokens),
                                   static_cast<double>(totals_.bytes) * 1e-6 / passed, accounting_.all().skipped,
                                   format_duration(left));
    if (console_.interactive()) {
      co_await console_.draw(std::move(line));
    } else {
      co_await console_.say(std::move(line));
    }
  }

  const TokenizeSettings& settings_;
  Material& material_;
  io::Files& files_;
  sched::Cores& cores_;
  SlabJobs jobs_;
  Console console_;
  Accounting accounting_;
  Totals totals_;
  std::function<void(const Accounting&, bool last)> report_;
  std::uint64_t bytes_on_disk_ = 0;
  std::uint64_t began_ns_ = 0;
  std::uint64_t shown_ns_ = 0;
  bool interrupted_ = false;
};

}  // namespace

TokenizeResult tokenize(const TokenizeSettings& settings) {
  check(settings);
  const std::uint64_t began_ns = now_ns();
  const bool in_folder = settings.out != to_standard_output;
  const std::vector<sched::CoreNumber> core_numbers = sched::choose_cores(settings.cores, sched::allowed_cores());
  Material material = find_material(settings, 0);
  TokenizeResult result;
  if (in_folder && is_complete(settings.out)) {
    if (!settings.resume)
      throw RefusedError("--out " + settings.out + ": holds a finished tokenization; choose another folder or remove it");
    return finished(settings, material);
  }
  const std::unique_ptr<io::Files> files = io::make_files(files_options(settings, read_ahead_mib));
  sched::Cores cores(core_numbers, [] {});
  Tokenizing tokenizing(settings, material, *files, cores);
  if (in_folder) {
    io::ShardSettings shards;
    shards.vocabulary = io::vocabulary_of(*material.tokenizer);
    shards.tokens_per_shard = settings.shard_tokens;
    shards.settings = settings_text(settings, material);
    io::TokenShardWriter writer(*files, settings.out, shards);
    SkipsFile skips(settings.out + "/skipped.jsonl", material.skips());
    const Resumed resumed = resume_from(writer.folder(), skips);
    tokenizing.on_save([&](const Accounting& accounting) { return skips.write(accounting); });
    tokenizing.start_with(resumed.totals);
    ShardSink sink(writer);
    tokenizing.run(sink, resumed.position);
    result.shards_count = writer.folder().shards.size();
    result.skipped_count = skips.count();
  } else {
    PipeSink sink(*files, *material.tokenizer);
    tokenizing.run(sink, {});
    result.skipped_count = tokenizing.accounting().skips().size() + material.skips().size();
  }
  result.totals = tokenizing.totals();
  result.accounting = tokenizing.accounting();
  result.left_out = material.left_out();
  result.files_found = material.files_count();
  result.shuffle = material.shuffle;
  result.cores_count = cores.count();
  result.files = files->counters();
  result.files_description = files->description();
  result.seconds = seconds(now_ns() - began_ns);
  result.interrupted = tokenizing.interrupted();
  return result;
}

}  // namespace pipeline
