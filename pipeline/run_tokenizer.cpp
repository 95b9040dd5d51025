#include "pipeline/run_tokenizer.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "io/bpe_trainer.hpp"
#include "io/error.hpp"
#include "io/token_file.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/checkpoint_folders.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/text_sample.hpp"
#include "pipeline/tokenizer_train.hpp"

namespace pipeline {
namespace {

/// Of the newest checkpoint whose tokenizer can be read.
std::shared_ptr<const io::Tokenizer> tokenizer_so_far(const TrainSettings& settings) {
  if (!settings.resume) return nullptr;
  std::vector<std::string> found = list_checkpoints(settings.out);
  for (; !found.empty(); found.pop_back()) {
    try {
      return io::load_tokenizer(found.back() + "/tokenizer.json");
    } catch (const io::TokenizerError&) {  // a damaged checkpoint: the one before it
    }
  }
  return nullptr;
}

/// Whether a file whose name says so holds tokens.
bool holds_tokens(const io::Source& source, const io::Tokenizer& tokenizer) {
  try {
    return io::read_token_file_header(source.path, tokenizer.vocabulary_size()).has_value();
  } catch (const io::CorpusError&) {
  } catch (const io::FileError&) {
  }
  return false;
}

/// Why nothing can be learned, or what was.
struct Learned {
  std::string reason;
  RunTokenizer result;
};

Learned learn(const TrainSettings& settings, const std::vector<Dataset>& datasets, std::size_t ids) {
  TokenizerTrainSettings learning;
  static_cast<DataSettings&>(learning) = settings;
  learning.out.clear();
  learning.tokenizer = "gpt2";  // of no use: files of tokens are not learned from
  learning.vocabulary_size = ids;
  learning.strict = false;  // what is damaged is for training to judge, which reads all
  learning.max_skipped_fraction = 1;
  const std::shared_ptr<const io::Tokenizer> none = io::load_tokenizer(learning.tokenizer);
  for (const Dataset& dataset : datasets)
    for (const io::Source& source : dataset.corpus.sources)
      if (!holds_text(source) && holds_tokens(source, *none))
        return {source.path + ": holds tokens of a vocabulary that exists already", {}};
  for (const double val_fraction : {settings.val_fraction, 0.0}) {
    Material material;
    material.tokenizer = none;
    material.datasets = text_sample(datasets, learned_bytes_max);
    material.val_fraction = val_fraction;
    if (material.files_count() == 0)
      return {fmt::format("each file is compressed text of more than {}, which is as much as is read to learn from",
                          format_bytes(learned_bytes_max / bytes_of_compressed)),
              {}};
    end_samples(material.datasets);
    const TokenizerTrainResult learned = learn_tokenizer(learning, std::move(material));
    if (learned.interrupted) throw Interrupted();
    if (learned.words == 0) continue;  // all of it is held out: then nothing will be
    std::string note = fmt::format("vocabulary: {} ids learned from {} of this text in {:.1f} s, {:.2f} bytes a token",
                                   format_count(learned.vocabulary_size), format_bytes(learned.bytes), learned.seconds,
                                   learned.bytes_per_token());
    return {{}, {io::tokenizer_from_json(learned.json, "the vocabulary learned"), std::move(note)}};
  }
  return {"there is no text to learn from", {}};
}

}  // namespace

std::size_t ids_to_learn(const std::string& tokenizer) {
  if (tokenizer == learn_tokenizer_name) return learned_ids;
  const std::string prefix = std::string(learn_tokenizer_name) + ":";
  if (!tokenizer.starts_with(prefix)) return 0;
  std::size_t ids = 0;
  const char* const end = tokenizer.data() + tokenizer.size();
  const auto [stopped, error] = std::from_chars(tokenizer.data() + prefix.size(), end, ids);
  if (error != std::errc{} || stopped != end || ids == 0)
    throw SettingsError("--tokenizer " + tokenizer + ": give the number of ids to learn, such as learn:8192");
  try {
    io::BpeTrainerOptions options;
    options.vocabulary_size = ids;
    options.special_tokens = {std::string(io::end_of_text_text)};
    io::BpeTrainer::check(options);
  } catch (const io::TokenizerError& error) {
    throw SettingsError("--tokenizer " + tokenizer + ": " + error.what() + "; give one of these, such as learn:8192");
  }
  return ids;
}

RunTokenizer run_tokenizer(TrainSettings& settings, const std::vector<Dataset>& datasets) {
  const std::size_t ids = ids_to_learn(settings.tokenizer);
  if (ids == 0) return {io::load_tokenizer(settings.tokenizer, settings.split_pattern), {}};
  if (std::shared_ptr<const io::Tokenizer> so_far = tokenizer_so_far(settings)) return {std::move(so_far), {}};
  Learned learned = learn(settings, datasets, ids);
  if (learned.reason.empty()) return std::move(learned.result);
  if (!settings.tokenizer_by_default)
    throw RefusedError("--tokenizer " + settings.tokenizer + ": " + learned.reason +
                       "; learn one with icosa tokenizer train, or name another");
  settings.tokenizer = "gpt2";
  return {io::load_tokenizer(settings.tokenizer), "vocabulary: that of gpt2, as " + learned.reason};
}

}  // namespace pipeline
