#include "pipeline/tokenize.hpp"

#include <fmt/format.h>
#include <xxhash.h>
#include <asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
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
#include "pipeline/scratch_folder.hpp"
#include "pipeline/sizes.hpp"
#include "pipeline/skips_file.hpp"
#include "pipeline/token_sink.hpp"
#include "pipeline/tokenize_position.hpp"
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
  void run(TokenSink& sink, const TokenizePosition& start) {
    totals_ = start.totals;
    std::exception_ptr failure;
    asio::co_spawn(files_.executor(), tokenize_all(sink, start.feed), [&](std::exception_ptr result) {
      failure = result;
      files_.stop();
    });
    files_.run();
    cores_.join();
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const Interrupted&) {
      interrupted_ = true;
    }
  }

  const Accounting& accounting() const noexcept { return accounting_; }
  const Totals& totals() const noexcept { return totals_; }
  bool interrupted() const noexcept { return interrupted_; }

  /// Where skips are written before each save.
  void write_skips_to(SkipsFile& skips) noexcept { skips_ = &skips; }

 private:
  sched::task<void> tokenize_all(TokenSink& sink, FeedPosition start) {
    const io::BlockShare blocks{0, files_.blocks_count()};
    const bool in_folder = settings_.out != to_standard_output;
    std::optional<ScratchFolder> scratch;
    if (!in_folder && material_.shuffle == Shuffle::global) scratch.emplace();
    std::string index_path = (scratch ? scratch->path() : settings_.out) + "/documents.index";
    co_await prepare(files_, blocks, settings_, material_, console_, std::move(index_path));
    scratch.reset();  // what is open stays readable, and whatever ends this process leaves nothing
    FeedOptions options = feed_options(settings_, material_, Selection::Side::all);
    options.epochs_max = 1;
    DocumentFeed::Place place{files_, {}, blocks, &jobs_, slab_jobs_count(cores_)};
    for (sched::CoreIndex core = 0; core < cores_.count(); ++core) place.executors.push_back(cores_.of(core));
    DocumentFeed feed(place, material_.datasets, *material_.tokenizer, options, start);
    sched::Scope scope(files_.executor());
    co_await scope.open();
    feed.start(scope);
    start_tokenizing(cores_, scope, jobs_, *material_.tokenizer, options.documents.text_key, options.selection);
    scope.spawn(files_.executor(), write_all(feed, sink));
    co_await scope.join();
  }

  sched::task<void> write_all(DocumentFeed& feed, TokenSink& sink) {
    using Kind = io::RawDocument::Kind;
    began_ns_ = now_ns();
    bytes_read_before_ = files_.counters().bytes_read;
    text_bytes_before_ = totals_.bytes;
    share_done_before_ = totals_.documents == 0 ? 0 : share_done();
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
    co_await console_.erase();
    feed.stop();
    jobs_.finish();
  }

  sched::task<void> save(const DocumentFeed& feed, TokenSink& sink, bool last) {
    TokenizePosition position;
    position.feed = feed.position();
    position.totals = totals_;
    if (skips_ != nullptr) {
      co_await skips_->write(accounting_);
      position.skips = skips_->written();
    }
    std::string text = to_json(position);
    co_await sink.save(std::move(text), last);
  }

  sched::task<void> show() {
    if (!console_.progress_is_due()) co_return;
    const double passed = std::max(1e-3, seconds(now_ns() - began_ns_));
    const double done = share_done();
    const double done_here = done - share_done_before_;
    const double left = done_here > 0 ? passed * (1 - done) / done_here : 0;
    std::string line = fmt::format(
        "{:3.0f} % of {} files, {}  {} documents  {} tokens  {:.0f} MB/s of text  {} skipped  {} left", 100 * done,
        format_count(material_.files_count()), format_bytes(bytes_on_disk_), format_count(totals_.documents),
        format_count(totals_.tokens), static_cast<double>(totals_.bytes - text_bytes_before_) * 1e-6 / passed,
        accounting_.all().skipped, format_duration(left));
    co_await console_.show_progress(std::move(line));
  }

  /// By documents where their number is known beforehand, else by the bytes of the files.
  double share_done() const {
    std::uint64_t documents_count = 0;
    bool known = true;
    for (const Dataset& dataset : material_.datasets) {
      const std::optional<std::uint64_t> count = dataset.documents_count();
      known = known && count.has_value();
      documents_count += count.value_or(0);
    }
    const std::uint64_t documents_done = totals_.documents + accounting_.all().skipped;
    if (known) return std::min(1.0, static_cast<double>(documents_done) / static_cast<double>(documents_count));
    const auto read = static_cast<double>(files_.counters().bytes_read - bytes_read_before_);
    const auto text = static_cast<double>(std::max<std::uint64_t>(1, totals_.bytes - text_bytes_before_));
    const double bytes_done = static_cast<double>(totals_.bytes) * read / text;  // an earlier call's, too
    return std::min(1.0, bytes_done / static_cast<double>(std::max<std::uint64_t>(1, bytes_on_disk_)));
  }

  const TokenizeSettings& settings_;
  Material& material_;
  io::Files& files_;
  sched::Cores& cores_;
  SlabJobs jobs_;
  Console console_;
  Accounting accounting_;
  Totals totals_;
  SkipsFile* skips_ = nullptr;
  std::uint64_t bytes_on_disk_ = 0;
  std::uint64_t began_ns_ = 0;
  std::uint64_t bytes_read_before_ = 0;  // when the documents began to be read, and so on
  std::uint64_t text_bytes_before_ = 0;
  double share_done_before_ = 0;
  bool interrupted_ = false;
};

/// What decides the tokens beside the tokenizer: a folder made under other settings is not gone on with.
std::string settings_text(const TokenizeSettings& settings, const Material& material) {
  XXH64_hash_t manifest = 0;
  for (const Dataset& dataset : material.datasets) {
    for (const io::Source& source : dataset.corpus.sources) {
      const std::string line = fmt::format("{}\n{}\n{}\n", source.origin, source.size_bytes, dataset.weight);
      manifest = XXH3_64bits_withSeed(line.data(), line.size(), manifest);
    }
  }
  return fmt::format("text-key {}, shuffle {}, seed {}, {} tokens a shard, {} files with the hash {:016x}",
                     settings.text_key, shuffle_name(material.shuffle), settings.seed, settings.shard_tokens,
                     material.files_count(), manifest);
}

bool is_complete(const std::string& folder) {
  return io::is_shard_folder(folder) && io::read_shard_folder(folder).complete;
}

TokenizeResult result_of(const Material& material, const io::ShardFolder& folder) {
  const TokenizePosition end = tokenize_position_from_json(folder.position);
  TokenizeResult result;
  result.totals = end.totals;
  result.skipped_count = end.skips.count;
  result.shards_count = folder.shards.size();
  result.left_out = material.left_out();
  result.files_found = material.files_count();
  result.shuffle = material.shuffle;
  return result;
}

/// After a failure: shards that are whole stay, to be gone on with; a call that came to nothing leaves nothing.
void leave_folder(const std::string& path, const io::ShardFolder& folder) {
  if (!folder.shards.empty()) return;
  std::error_code ignored;
  for (const char* const name : {"index.json", "index.json.tmp", "skipped.jsonl", "documents.index",
                                 "documents.index.tmp", "shard-00000.bin.tmp", "shard-00000.idx.tmp"})
    fs::remove(path + "/" + name, ignored);
  fs::remove(path, ignored);
}

void tokenize_to_shards(const TokenizeSettings& settings, const Material& material, io::Files& files,
                        Tokenizing& tokenizing, TokenizeResult& result) {
  io::ShardSettings shards;
  shards.vocabulary = io::vocabulary_of(*material.tokenizer);
  shards.tokens_per_shard = settings.shard_tokens;
  shards.settings = settings_text(settings, material);
  io::TokenShardWriter writer(files, settings.out, shards);
  const TokenizePosition start = tokenize_position_from_json(writer.folder().position);
  SkipsFile skips(files, settings.out + "/skipped.jsonl", start.skips, material.skips());
  tokenizing.write_skips_to(skips);
  ShardSink sink(writer);
  try {
    tokenizing.run(sink, start);
  } catch (...) {
    leave_folder(settings.out, writer.folder());
    throw;
  }
  if (tokenizing.interrupted()) leave_folder(settings.out, writer.folder());
  result = result_of(material, writer.folder());
}

}  // namespace

TokenizeResult tokenize(const TokenizeSettings& settings) {
  check(settings);
  const std::uint64_t began_ns = now_ns();
  const std::vector<sched::CoreNumber> core_numbers = sched::choose_cores(settings.cores, sched::allowed_cores());
  Material material = find_material(settings, 0);
  const bool in_folder = settings.out != to_standard_output;
  if (in_folder && is_complete(settings.out)) {
    if (!settings.resume)
      throw RefusedError("--out " + settings.out +
                         ": holds a finished tokenization; choose another folder, or --resume to leave it as it is");
    TokenizeResult result = result_of(material, io::read_shard_folder(settings.out));
    result.was_complete = true;
    return result;
  }
  const std::unique_ptr<io::Files> files = io::make_files(files_options(settings, read_ahead_mib));
  sched::Cores cores(core_numbers, [] {});
  Tokenizing tokenizing(settings, material, *files, cores);
  TokenizeResult result;
  if (in_folder) {
    tokenize_to_shards(settings, material, *files, tokenizing, result);
  } else {
    PipeSink sink(*files, *material.tokenizer);
    tokenizing.run(sink, {});
    result = result_of(material, {});
    result.totals = tokenizing.totals();
    result.skipped_count = tokenizing.accounting().skips().size() + material.skips().size();
  }
  result.accounting = tokenizing.accounting();
  result.record_files = result.accounting.record_files();
  result.corpora = material.shares();
  result.cores_count = cores.count();
  result.files = files->counters();
  result.files_description = files->description();
  result.seconds = seconds(now_ns() - began_ns);
  result.interrupted = tokenizing.interrupted();
  return result;
}

}  // namespace pipeline
