#include "pipeline/tokenizer_train.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <asio/co_spawn.hpp>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "io/bpe_trainer.hpp"
#include "io/error.hpp"
#include "io/tokenizer_json.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/console.hpp"
#include "pipeline/counting_tokenizer.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/prepare.hpp"
#include "pipeline/sizes.hpp"
#include "sched/channel.hpp"
#include "sched/cores.hpp"
#include "sched/scope.hpp"

namespace pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t drawn_every_ns = 100'000'000;
constexpr std::uint64_t said_every_ns = 10'000'000'000;

io::BpeTrainerOptions trainer_options(const TokenizerTrainSettings& settings) {
  io::BpeTrainerOptions options;
  options.vocabulary_size = settings.vocabulary_size;
  options.min_frequency = settings.min_frequency;
  if (settings.token_bytes_max != 0) options.token_bytes_max = settings.token_bytes_max;
  options.pattern = settings.words_pattern;
  options.special_tokens = settings.special_tokens;
  const std::string end_of_text(io::end_of_text_text);
  if (std::find(options.special_tokens.begin(), options.special_tokens.end(), end_of_text) ==
      options.special_tokens.end())
    options.special_tokens.insert(options.special_tokens.begin(), end_of_text);
  return options;
}

/// What can be known before minutes are spent.
void check_trainer(const TokenizerTrainSettings& settings) {
  try {
    io::BpeTrainer::check(trainer_options(settings));
  } catch (const io::TokenizerError& error) {
    throw SettingsError(std::string("--vocab-size, --special: ") + error.what());
  }
}

void check_out(const TokenizerTrainSettings& settings) {
  std::error_code error;
  const fs::path folder = fs::absolute(settings.out).parent_path();
  if (fs::is_directory(settings.out, error))
    throw SettingsError("--out " + settings.out + ": is a folder; name a file, such as tokenizer.json");
  if (!fs::is_directory(folder, error)) throw SettingsError("--out " + settings.out + ": there is no such folder");
}

/// One learning of a vocabulary, and what its coroutines share. Writes no file where `out` names none.
class TokenizerTraining {
 public:
  TokenizerTraining(const TokenizerTrainSettings& settings, Material& material, io::Files& files, sched::Cores& cores)
      : settings_(settings),
        material_(material),
        files_(files),
        cores_(cores),
        counting_(*material.tokenizer, settings.words_pattern),
        jobs_(4 * cores.count()),
        console_(files, settings.quiet),
        accounting_(Accounting::Rules{settings.strict, settings.max_skipped_fraction}) {
    for (const Dataset& dataset : material.datasets)
      for (const io::Source& source : dataset.corpus.sources) bytes_on_disk_ += source.read_bytes();
  }

  /// Runs to the end on the calling thread, which becomes the thread of `files`.
  TokenizerTrainResult run() {
    std::exception_ptr failure;
    asio::co_spawn(files_.executor(), train(), [&](std::exception_ptr result) {
      failure = result;
      files_.stop();
    });
    files_.run();
    cores_.join();
    if (failure) std::rethrow_exception(failure);
    const Totals& all = accounting_.all();
    result_.documents = all.documents;
    result_.bytes = all.bytes;
    result_.skips = material_.skips();
    result_.skips.insert(result_.skips.end(), accounting_.skips().begin(), accounting_.skips().end());
    result_.binaries_count = accounting_.binaries_count();
    result_.json = std::move(json_);
    return std::move(result_);
  }

 private:
  using Progress = sched::Channel<std::size_t>;  // tokens of the vocabulary so far

  sched::task<void> train() {
    const std::uint64_t began_ns = now_ns();
    co_await count_words();
    result_.words = counting_.words_total();
    result_.counting_seconds = seconds(now_ns() - began_ns);
    if (result_.words == 0) co_return;
    if (!result_.interrupted) co_await learn_merges();
    result_.learning_seconds = seconds(now_ns() - began_ns) - result_.counting_seconds;
    if (!result_.interrupted && !settings_.out.empty()) co_await write_file();
  }

  sched::task<void> count_words() {
    FeedOptions options = feed_options(settings_, material_, Selection::Side::training);
    options.epochs_max = 1;
    options.in_turn = true;
    DocumentFeed::Place place{files_, {}, io::BlockShare{0, files_.blocks_count()}, &jobs_, slab_jobs_count(cores_)};
    for (sched::CoreIndex core = 0; core < cores_.count(); ++core) place.executors.push_back(cores_.of(core));
    DocumentFeed feed(place, material_.datasets, counting_, options, {});
    sched::Scope scope(files_.executor());
    co_await scope.open();
    feed.start(scope);
    start_tokenizing(cores_, scope, jobs_, counting_, options.documents.text_key, options.selection);
    scope.spawn(files_.executor(), take_all(feed));
    co_await scope.join();
  }

  sched::task<void> take_all(DocumentFeed& feed) {
    began_ns_ = now_ns();
    const std::unique_ptr<io::Encoder> counter = counting_.encoder();  // of token files
    std::vector<io::TokenId> no_ids;
    while (!result_.interrupted) {
      const TokenPart* const part = feed.take();
      if (part == nullptr) {
        co_await show_counting();
        const bool more = co_await feed.fetch();
        if (!more) break;
        continue;
      }
      accounting_.enter(*part, feed.corpus());
      // Ids come from token files only: what they stand for is counted here.
      for (const io::TokenId id : part->ids) counter->encode(counting_.bytes_of(id), no_ids);
      if (!part->last) continue;
      counter->finish(no_ids);
      result_.interrupted = interrupted();
    }
    feed.stop();
    jobs_.finish();
  }

  sched::task<void> learn_merges() {
    Progress progress(1);
    sched::Scope scope(files_.executor());
    co_await scope.open();
    scope.spawn(cores_.of(0), learn(progress));
    scope.spawn(files_.executor(), show_learning(progress));
    co_await scope.join();
  }

  /// On a core of its own: computes without awaiting anything.
  sched::task<void> learn(Progress& progress) {
    io::BpeCounts counts = counting_.take_counts();
    result_.different_words = counts.words_count();
    io::BpeTrainer trainer(std::move(counts), trainer_options(settings_));
    std::uint64_t told_ns = now_ns();
    while (!result_.interrupted && trainer.train(1)) {
      if (now_ns() - told_ns < drawn_every_ns) continue;
      told_ns = now_ns();
      std::size_t size = trainer.vocabulary_size();
      progress.try_send(size);  // where the last one is still being shown this one is not
      result_.interrupted = interrupted();
    }
    if (!result_.interrupted) {
      const std::string name = settings_.out.empty() ? "the vocabulary learned" : settings_.out;
      const io::BpeModel model = trainer.model(name);
      result_.vocabulary_size = model.tokens.size();
      result_.merges = model.merges.size();
      result_.corpus_tokens = trainer.corpus_tokens();
      json_ = io::bpe_to_json(model);
      io::tokenizer_from_json(json_, name);  // what is written can be read
    }
    progress.finish();
    co_return;
  }

  sched::task<void> write_file() {
    const std::string temporary = settings_.out + ".tmp";
    std::exception_ptr failure;
    try {
      co_await write_file_as(temporary);
    } catch (...) {
      failure = std::current_exception();
    }
    if (!failure) co_return;
    std::error_code ignored;
    fs::remove(temporary, ignored);
    std::rethrow_exception(failure);
  }

  sched::task<void> write_file_as(const std::string& temporary) {
    io::OpenFile file = co_await files_.open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    const std::span<const std::byte> bytes = std::as_bytes(std::span(json_));
    co_await files_.write(file, 0, bytes);
    co_await files_.sync(file);
    co_await files_.close(std::move(file));
    co_await files_.replace(temporary, settings_.out);
  }

  /// Whether it is time for the next line of progress.
  bool is_due() {
    const std::uint64_t now = now_ns();
    const std::uint64_t every_ns = console_.interactive() ? drawn_every_ns : said_every_ns;
    if (console_.quiet() || now - shown_ns_ < every_ns) return false;
    return std::exchange(shown_ns_, now) != 0 || console_.interactive();
  }

  sched::task<void> show_line(std::string line) {
    if (console_.interactive()) {
      co_await console_.draw(std::move(line));
    } else {
      co_await console_.say(std::move(line));
    }
  }

  sched::task<void> show_counting() {
    if (!is_due()) co_return;
    const double passed = std::max(1e-3, seconds(now_ns() - began_ns_));
    const double read = static_cast<double>(files_.counters().bytes_read);
    const double done = std::min(1.0, read / static_cast<double>(std::max<std::uint64_t>(1, bytes_on_disk_)));
    const double megabytes = static_cast<double>(accounting_.all().bytes) * 1e-6;
    std::string line = fmt::format(
        "counting {:3.0f} %  {:.0f} MB  {} documents  {} words  {:.0f} MB/s  {} skipped  {} left", 100 * done,
        megabytes, format_count(accounting_.all().documents), format_count(counting_.words_total()), megabytes / passed,
        accounting_.all().skipped, format_duration(done > 0 ? passed * (1 - done) / done : 0));
    co_await show_line(std::move(line));
  }

  sched::task<void> show_learning(Progress& progress) {
    for (;;) {
      const std::optional<std::size_t> size = co_await progress.receive();
      if (!size) co_return;
      if (!is_due()) continue;
      const std::size_t first = 256 + trainer_options(settings_).special_tokens.size();
      std::string line = fmt::format("learning: {} of {} merges", format_count(*size - first),
                                     format_count(settings_.vocabulary_size - first));
      co_await show_line(std::move(line));
    }
  }

  const TokenizerTrainSettings& settings_;
  Material& material_;
  io::Files& files_;
  sched::Cores& cores_;
  CountingTokenizer counting_;
  SlabJobs jobs_;
  Console console_;
  Accounting accounting_;
  TokenizerTrainResult result_;  // one coroutine after the other writes to it
  std::string json_;
  std::uint64_t bytes_on_disk_ = 0;
  std::uint64_t began_ns_ = 0;
  std::uint64_t shown_ns_ = 0;
};

}  // namespace

TokenizerTrainResult learn_tokenizer(const TokenizerTrainSettings& settings, Material material) {
  const std::uint64_t began_ns = now_ns();
  const std::vector<sched::CoreNumber> core_numbers = sched::choose_cores(settings.cores, sched::allowed_cores());
  const std::unique_ptr<io::Files> files = io::make_files(files_options(settings));
  sched::Cores cores(core_numbers, [] {});
  TokenizerTraining training(settings, material, *files, cores);
  TokenizerTrainResult result = training.run();
  result.left_out = material.left_out();
  result.files_found = material.files_count();
  result.cores_count = cores.count();
  result.files = files->counters();
  result.files_description = files->description();
  result.seconds = seconds(now_ns() - began_ns);
  return result;
}

TokenizerTrainResult train_tokenizer(TokenizerTrainSettings settings) {
  check(settings);
  check_trainer(settings);
  check_out(settings);
  if (settings.read_ahead_mib == 0) settings.read_ahead_mib = 64;
  const std::uint64_t began_ns = now_ns();
  Material material = find_material(settings, settings.val_fraction);
  TokenizerTrainResult result = learn_tokenizer(settings, std::move(material));
  if (result.words == 0 && !result.interrupted) throw RefusedError("the corpus has no text to learn a tokenizer from");
  result.seconds = seconds(now_ns() - began_ns);
  return result;
}

}  // namespace pipeline
