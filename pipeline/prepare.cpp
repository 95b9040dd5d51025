#include "pipeline/prepare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include "io/document_index.hpp"
#include "io/document_reader.hpp"
#include "io/error.hpp"
#include "io/token_file.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/metrics.hpp"
#include "sched/scope.hpp"

namespace pipeline {
namespace {

[[noreturn]] void refuse_mix(const std::string& mix) {
  throw SettingsError("--mix " + mix + ": give NAME=WEIGHT:PATH with a weight above 0, such as news=0.7:data/news");
}

/// The parts of a mixture by their names: their order on the command line means nothing.
struct Mix {
  double weight = 0;
  std::vector<std::string> paths;
};
using Mixes = std::map<std::string, Mix>;

/// Of --mix NAME=WEIGHT:PATH; several with one name are one corpus.
void add_mix(const std::string& mix, Mixes& mixes) {
  const std::size_t equals = mix.find('=');
  const std::size_t colon = equals == mix.npos ? mix.npos : mix.find(':', equals);
  if (equals == 0 || colon == mix.npos || colon + 1 == mix.size()) refuse_mix(mix);
  const std::string_view weight_text = std::string_view(mix).substr(equals + 1, colon - equals - 1);
  double weight = 0;
  const auto [end, error] = std::from_chars(weight_text.data(), weight_text.data() + weight_text.size(), weight);
  if (error != std::errc{} || end != weight_text.data() + weight_text.size() || !(weight > 0) || weight > 1e9)
    refuse_mix(mix);
  const auto [known, fresh] = mixes.try_emplace(mix.substr(0, equals), Mix{weight, {}});
  if (known->second.weight != weight)
    throw SettingsError(fmt::format("--mix {}: {} has the weight {} already; give a corpus one weight", mix,
                                    known->first, known->second.weight));
  known->second.paths.push_back(mix.substr(colon + 1));
}

std::string all_paths(const std::vector<std::string>& paths) {
  return paths.size() == 1 ? paths.front() : paths.front() + " and " + std::to_string(paths.size() - 1) + " more";
}

/// Looks at the headers of token files; what is none is skipped.
void look_at_tokens(io::Corpus& corpus, const io::Tokenizer& tokenizer) {
  std::erase_if(corpus.sources, [&](io::Source& source) {
    if (source.format != io::Format::tokens) return false;
    std::string reason;
    try {
      const auto header = io::read_token_file_header(source.path, tokenizer.vocabulary_size());
      if (header && header->end_of_text && *header->end_of_text != tokenizer.end_of_text())
        throw io::CorpusError(source.path + ": its tokens are of another tokenizer; name that one as --tokenizer");
      if (header) source.tokens = std::make_shared<const io::TokenFile>(*header);
    } catch (const io::CorpusError& error) {
      reason = error.what();
    } catch (const io::FileError& error) {
      reason = error.what();
    }
    if (source.tokens) return false;
    if (reason.starts_with(source.path + ": ")) reason.erase(0, source.path.size() + 2);
    corpus.skips.push_back({source.path, 0, reason});
    return true;
  });
}

void require_files(const Dataset& dataset, bool strict) {
  const io::Corpus& corpus = dataset.corpus;
  if (corpus.sources.empty()) {
    std::string reason = all_paths(dataset.paths) + ": no files to read";
    if (!corpus.skips.empty()) reason += "; " + describe(corpus.skips.front());
    throw io::CorpusError(reason + "; give a folder with text, JSONL or token shards");
  }
  if (strict && !corpus.skips.empty())
    throw DamageError(describe(corpus.skips.front()) + "; repair it, or leave out --strict");
}

const io::Source* first_compressed(const std::vector<Dataset>& datasets) {
  for (const Dataset& dataset : datasets)
    for (const io::Source& source : dataset.corpus.sources)
      if (source.compression != io::Compression::none) return &source;
  return nullptr;
}

bool holds_records(const io::Corpus& corpus) {
  return std::any_of(corpus.sources.begin(), corpus.sources.end(),
                     [](const io::Source& source) { return source.format != io::Format::text; });
}

/// Which sides there are documents of.
struct Sides {
  bool training = false;
  bool validation = false;
  bool both() const noexcept { return training && validation; }
};

void look_at(const io::Source& source, std::uint64_t offset_bytes, const Selection& held_out, Sides& sides) {
  const bool is_held_out = held_out.takes_file(source) && held_out.takes_record(source, offset_bytes);
  (is_held_out ? sides.validation : sides.training) = true;
}

sched::task<void> look_through(io::DocumentReader& reader, const Selection& held_out, Sides& sides) {
  while (!sides.both()) {
    std::optional<io::Slab> slab = co_await reader.next();
    if (!slab) break;
    if (interrupted()) throw Interrupted();
    for (const io::RawDocument& document : slab->documents)
      if (document.source != nullptr) look_at(*document.source, document.begin_bytes, held_out, sides);
    reader.give_back(std::move(*slab));
  }
  reader.stop();
}

/// Whether both sides hold something. Reads files of records only, and only until that is known: soon, in general.
sched::task<bool> both_sides(io::Files& files, io::BlockShare blocks, const Material& material,
                             io::DocumentOptions options) {
  const Selection held_out{Selection::Side::validation, material.val_fraction};
  Sides sides;
  std::vector<const io::Source*> records;
  for (const Dataset& dataset : material.datasets) {
    for (const io::Source& source : dataset.corpus.sources) {
      if (source.format == io::Format::text) {
        look_at(source, 0, held_out, sides);
      } else {
        records.push_back(&source);
      }
    }
  }
  if (sides.both() || records.empty()) co_return sides.both();
  FileOrder::Shape shape;
  shape.epochs_max = 1;
  FileOrder order(records, shape, {});
  io::DocumentReader reader(files, files.executor(), order, blocks, std::move(options));
  sched::Scope scope(files.executor());
  co_await scope.open();
  reader.start(scope);
  scope.spawn(files.executor(), look_through(reader, held_out, sides));
  co_await scope.join();
  co_return sides.both();
}

/// Shows how far the index of documents is.
class IndexProgress final : public io::IndexWatch {
 public:
  IndexProgress(io::Files& files, Console& console, const io::Corpus& corpus)
      : files_(files), console_(console), read_before_(files.counters().bytes_read), began_ns_(now_ns()) {
    for (const io::Source& source : corpus.sources)
      if (source.format != io::Format::text) total_bytes_ += source.size_bytes;
  }

  sched::task<void> goes_on() override {
    if (interrupted()) throw Interrupted();
    if (!console_.progress_is_due()) co_return;
    const std::uint64_t read = std::min(files_.counters().bytes_read - read_before_, total_bytes_);
    const double done = static_cast<double>(read) / static_cast<double>(std::max<std::uint64_t>(1, total_bytes_));
    const double passed = std::max(1e-3, seconds(now_ns() - began_ns_));
    const double left = done > 0 ? passed * (1 - done) / done : 0;
    std::string line =
        fmt::format("{:3.0f} % of {} looked through for documents  {:.0f} MB/s  {} left", 100 * done,
                    format_bytes(total_bytes_), static_cast<double>(read) * 1e-6 / passed, format_duration(left));
    co_await console_.show_progress(std::move(line));
  }

 private:
  io::Files& files_;
  Console& console_;
  std::uint64_t read_before_;
  std::uint64_t began_ns_;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace

std::uint64_t Material::files_count() const noexcept {
  std::uint64_t count = 0;
  for (const Dataset& dataset : datasets) count += dataset.corpus.sources.size();
  return count;
}

std::vector<io::Skip> Material::skips() const {
  std::vector<io::Skip> all;
  for (const Dataset& dataset : datasets)
    all.insert(all.end(), dataset.corpus.skips.begin(), dataset.corpus.skips.end());
  return all;
}

io::LeftOut Material::left_out() const noexcept {
  io::LeftOut all;
  for (const Dataset& dataset : datasets) all += dataset.corpus.left_out;
  return all;
}

std::vector<CorpusShare> Material::shares() const {
  std::vector<CorpusShare> list;
  for (const Dataset& dataset : datasets) list.push_back({dataset.name, dataset.weight});
  return list;
}

Material find_material(const DataSettings& settings, double val_fraction) {
  std::shared_ptr<const io::Tokenizer> tokenizer = io::load_tokenizer(settings.tokenizer, settings.split_pattern);
  return make_material(settings, val_fraction, find_datasets(settings), std::move(tokenizer));
}

std::vector<Dataset> find_datasets(const DataSettings& settings) {
  Mixes mixes;
  for (const std::string& mix : settings.mixes) add_mix(mix, mixes);
  if (settings.mixes.empty()) mixes[""] = {1, settings.paths};
  std::vector<Dataset> datasets;
  for (const auto& [name, mix] : mixes) {
    Dataset& dataset = datasets.emplace_back();
    dataset.name = name;
    dataset.weight = mix.weight;
    dataset.paths = mix.paths;
    dataset.corpus = io::find_corpus(mix.paths);
    require_files(dataset, settings.strict);
  }
  return datasets;
}

Material make_material(const DataSettings& settings, double val_fraction, std::vector<Dataset> datasets,
                       std::shared_ptr<const io::Tokenizer> tokenizer) {
  Material material;
  material.tokenizer = std::move(tokenizer);
  material.datasets = std::move(datasets);
  material.val_fraction = val_fraction;
  for (Dataset& dataset : material.datasets) {
    look_at_tokens(dataset.corpus, *material.tokenizer);
    require_files(dataset, settings.strict);
  }
  const io::Source* const compressed = first_compressed(material.datasets);
  material.shuffle = settings.shuffle;
  if (settings.shuffle == Shuffle::automatic)
    material.shuffle = compressed != nullptr ? Shuffle::window : Shuffle::global;
  if (material.shuffle == Shuffle::global && compressed != nullptr)
    throw SettingsError("--shuffle global: " + compressed->path + " is compressed; take --shuffle window");
  return material;
}

sched::task<void> prepare(io::Files& files, io::BlockShare blocks, const DataSettings& settings, Material& material,
                          Console& console, std::string index_path) {
  const FeedOptions options = feed_options(settings, material, Selection::Side::all);
  for (std::size_t i = 0; i < material.datasets.size() && material.shuffle == Shuffle::global; ++i) {
    Dataset& dataset = material.datasets[i];
    if (!holds_records(dataset.corpus)) continue;
    std::string path = i == 0 ? index_path : fmt::format("{}.{}", index_path, i);
    IndexProgress progress(files, console, dataset.corpus);
    dataset.index =
        co_await io::DocumentIndex::make(files, blocks, dataset.corpus.sources, options.documents, path, progress);
  }
  if (material.val_fraction == 0) co_return;
  const bool split = co_await both_sides(files, blocks, material, options.documents);
  if (!split) material.val_fraction = 0;
}

FeedOptions feed_options(const DataSettings& settings, const Material& material, Selection::Side side) {
  FeedOptions options;
  options.documents.text_key = io::TextKey(settings.text_key);
  options.documents.end_of_text = material.tokenizer->end_of_text();
  options.documents.vocabulary_size = material.tokenizer->vocabulary_size();
  options.selection = {material.val_fraction == 0 ? Selection::Side::all : side, material.val_fraction};
  options.shuffle = material.shuffle;
  options.seed = settings.seed;
  return options;
}

}  // namespace pipeline
