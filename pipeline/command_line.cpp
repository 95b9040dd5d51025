#include "pipeline/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "io/split_patterns.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/config_file.hpp"
#include "pipeline/model_choice.hpp"
#include "pipeline/presets.hpp"
#include "sched/topology.hpp"

namespace pipeline {
namespace {

constexpr int failed = 1;
constexpr int wrong_usage = 2;

/// An option of the program's contract whose part is not built yet: refused by name, never ignored.
class NotBuilt : public SettingsError {
 public:
  explicit NotBuilt(const std::string& name) : SettingsError(name + " is not built yet in this version of icosa") {}
};

/// For options whose 0 would mean "not said".
const CLI::Validator at_least_one(
    [](std::string& value) {
      const bool zero = value.find_first_not_of("0+") == value.npos;
      return zero ? value + " is too small: give a number from 1" : std::string();
    },
    "");

/// "" where the text is a number that `holds`, else what is wrong with it. CLI11's own bounds read [0 - 1.79769e+308].
template <class Holds>
std::string bounded(const std::string& text, const Holds& holds, const char* bound) {
  double number = 0;
  if (CLI::detail::lexical_cast(text, number) && std::isfinite(number) && holds(number)) return "";
  return text + ": give a number " + bound;
}

const CLI::Validator from_zero(
    [](std::string& text) {
      return bounded(
          text, [](double number) { return number >= 0; }, "from 0");
    },
    "");
const CLI::Validator above_zero(
    [](std::string& text) {
      return bounded(
          text, [](double number) { return number > 0; }, "above 0");
    },
    "");

std::string not_one_of(const std::string& option, const std::string& value, const std::string& choices) {
  return option + " " + value + ": give one of " + choices;
}

void add_length_and_rate(CLI::App& app, TrainSettings& settings) {
  app.add_option("--steps", settings.steps, "length of the run in steps (default: the preset's)")->check(at_least_one);
  app.add_option("--epochs", settings.epochs, "length of the run in passes over the corpus")->check(at_least_one);
  app.add_option("--tokens", settings.tokens, "length of the run in tokens")->check(at_least_one);
  app.add_option("--lr", settings.learning_rate, "peak learning rate (default: the preset's)");
  app.add_option("--warmup", settings.warmup, "steps of linear warm-up (default: a twentieth of the run)");
  app.add_option_function<std::string>(
         "--schedule",
         [&settings](const std::string& name) {
           if (name == "constant") {
             settings.schedule = compute::ScheduleKind::constant;
           } else if (name == "cosine") {
             settings.schedule = compute::ScheduleKind::cosine;
           } else if (name == "wsd") {
             settings.schedule = compute::ScheduleKind::wsd;
           } else if (name == "linear") {
             settings.schedule = compute::ScheduleKind::linear;
           } else {
             throw SettingsError(not_one_of("--schedule", name, "cosine, linear, wsd, constant"));
           }
         },
         "how the learning rate goes on after warm-up: cosine, linear, wsd or constant")
      ->default_str("cosine");
  app.add_option("--final-lr-fraction", settings.final_lr_fraction, "share of the peak where the schedule ends")
      ->capture_default_str();
  app.add_option("--decay-fraction", settings.decay_fraction, "share of the run in which wsd falls")
      ->capture_default_str();
  app.add_option("--weight-decay", settings.weight_decay, "decoupled weight decay, on matrices only")
      ->capture_default_str();
  app.add_option("--grad-clip", settings.grad_clip, "largest global norm of the gradient; 0: no clipping")
      ->capture_default_str();
}

void add_optimizer_kind(CLI::App& app, OptimizerKind& optimizer) {
  app.add_option_function<std::string>(
         "--optimizer",
         [&optimizer](const std::string& name) {
           if (name == "adamw") {
             optimizer = OptimizerKind::adamw;
           } else if (name == "muon") {
             optimizer = OptimizerKind::muon;
           } else {
             throw SettingsError(not_one_of("--optimizer", name, "adamw, muon"));
           }
         },
         "adamw, or muon for the matrices between embeddings and head with adamw for the rest")
      ->default_str("adamw");
}

void add_optimizer(CLI::App& app, TrainSettings& settings) {
  add_optimizer_kind(app, settings.optimizer);
  app.add_option("--beta1", settings.beta1, "decay of AdamW's first moment")->capture_default_str();
  app.add_option("--beta2", settings.beta2, "decay of AdamW's second moment")->capture_default_str();
  app.add_option("--epsilon", settings.epsilon, "AdamW's epsilon")->capture_default_str();
  app.add_option("--muon-lr", settings.muon_learning_rate, "Muon's peak learning rate; --lr is AdamW's")
      ->capture_default_str();
  app.add_option("--muon-momentum", settings.muon_momentum, "Muon's momentum")->capture_default_str();
  app.add_option("--label-smoothing", settings.label_smoothing, "share of a target's weight that all tokens have")
      ->capture_default_str();
  app.add_option("--z-loss", settings.z_loss, "weight of the squared logarithm of the softmax's sum")
      ->capture_default_str();
  app.add_option("--dropout", settings.dropout, "share of zeros in embeddings and in what blocks add")
      ->capture_default_str();
  app.add_option("--muon-weight-decay", settings.muon_weight_decay, "Muon's weight decay")->capture_default_str();
}

void add_model(CLI::App& app, TrainSettings& settings) {
  app.add_option("--model", settings.model,
                 "a config.json of Hugging Face's, a folder with a model to go on from, or a preset: " + preset_names())
      ->default_str(std::string(default_preset));
  app.add_option("--seq-len", settings.seq_len, "positions per row, the model's context (default: the preset's)")
      ->check(at_least_one);
  app.add_option("--micro-batch", settings.micro_batch, "rows per micro-batch (default: the preset's)")
      ->check(at_least_one);
  app.add_option("--workers", settings.workers, "compute coroutines; a step has workers x accumulate micro-batches")
      ->check(at_least_one)
      ->default_str("12");
  app.add_option("--accumulate", settings.accumulate, "micro-batches per worker and step")->capture_default_str();
  app.add_option("--levels", settings.levels, "levels of spheres, in place of --workers: 12, 144, 1728, 20736 workers")
      ->check(at_least_one);
  app.add_option_function<std::string>(
         "--gradient-memory",
         [&settings](const std::string& name) {
           if (name == "auto") {
             settings.gradient_memory = GradientMemory::automatic;
           } else if (name == "lean") {
             settings.gradient_memory = GradientMemory::lean;
           } else if (name == "fast") {
             settings.gradient_memory = GradientMemory::fast;
           } else {
             throw SettingsError(not_one_of("--gradient-memory", name, "auto, lean, fast"));
           }
         },
         "lean: as few gradient buffers as the sum tree needs; fast: one for each worker of a sphere; the same weights")
      ->default_str("auto");
  app.add_flag(
      "--recompute", settings.recompute,
      "keep only what enters each block, compute the rest again on the way back: less memory, a quarter more time");
  app.add_flag("--doc-mask", settings.document_mask, "let attention stop at document borders");
}

/// What `train` and `tokenize` share: which documents are read, how, and in which order.
void add_split_pattern(CLI::App& app, std::string& pattern) {
  app.add_option("--pattern", pattern,
                 "how a *.tiktoken file whose ranks are not known splits text: gpt2, cl100k, qwen2 or o200k");
}

void add_data(CLI::App& app, DataSettings& settings) {
  app.add_option("PATH", settings.paths,
                 "folders, files, globs or @LIST: text, source code, .jsonl, each as .gz or .zst too, token shards")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--mix", settings.mixes,
                 "NAME=WEIGHT:PATH, instead of PATH, once for each part of a mixture: its share of the documents")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--text-key", settings.text_key, "where a JSON record's text stands; nested keys with dots")
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--shuffle",
         [&settings](const std::string& name) {
           if (name == "none") {
             settings.shuffle = Shuffle::none;
           } else if (name == "window") {
             settings.shuffle = Shuffle::window;
           } else if (name == "global") {
             settings.shuffle = Shuffle::global;
           } else {
             throw SettingsError(not_one_of("--shuffle", name, "none, window, global"));
           }
         },
         "order of the documents: none; window: shuffled within a window over several open files; global: all of them, "
         "anew each epoch")
      ->default_str("window where anything is compressed, else global");
  app.add_option("--seed", settings.seed, "seed of the order of documents and of initial weights")
      ->capture_default_str();
  app.add_flag("--strict", settings.strict, "stop at the first damaged document");
  app.add_option("--max-skipped-fraction", settings.max_skipped_fraction,
                 "stop where more than this share of the documents is damaged")
      ->capture_default_str();
  app.add_option("--read-ahead", settings.read_ahead_mib, "MiB of memory for reading ahead (default: 8, tokenize 64)")
      ->check(at_least_one);
  app.add_option_function<std::string>(
         "--io",
         [&settings](const std::string& name) {
           if (name == "auto") {
             settings.io = io::FilesKind::automatic;
           } else if (name == "uring") {
             settings.io = io::FilesKind::ring;
           } else if (name == "threads") {
             settings.io = io::FilesKind::threads;
           } else {
             throw SettingsError(not_one_of("--io", name, "auto, uring, threads"));
           }
         },
         "how files are read: auto, uring or threads")
      ->default_str("auto");
  app.add_option("--tokenizer", settings.tokenizer,
                 "bytes, gpt2, or a file or folder: *.tiktoken, tokenizer.json, vocab.json with merges.txt")
      ->capture_default_str();
  add_split_pattern(app, settings.split_pattern);
  app.add_option("--cores", settings.cores, "how many cores (4), or which (0-3,8) (default: all this process may use)");
  app.add_option("--summary", settings.summary, "write the figures of the run to this file, as JSON");
  app.add_flag("--quiet", settings.quiet, "show errors only");
}

/// What `--config` names has been put in front of the command line's own options; paths it names count where those
/// name none.
void add_config(CLI::App& app, DataSettings& settings, const ConfigFile& config) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("--config", "a TOML file with options by their names: steps = 100")->expected(1);
  app.parse_complete_callback([&settings, &config] {
    if (!settings.paths.empty() || !settings.mixes.empty()) return;
    settings.paths = config.paths;
    settings.mixes = config.mixes;
  });
}

void add_validation(CLI::App& app, TrainSettings& settings) {
  app.add_option("--val-fraction", settings.val_fraction, "share of the documents held out, by a hash of their origin")
      ->capture_default_str();
  app.add_option("--eval-every", settings.eval_every, "steps between evaluations (default: only at the end)");
  app.add_option("--eval-tokens", settings.eval_tokens, "tokens per evaluation; the last one takes all")
      ->capture_default_str();
}

void add_train(CLI::App& app, const ConfigFile& config, std::function<int()>& chosen) {
  CLI::App* const train = app.add_subcommand("train", "train a model from the text below PATH...");
  const auto settings = std::make_shared<TrainSettings>();
  add_config(*train, *settings, config);
  train->add_option("--out", settings->out, "folder of the run (default: a new one under runs/)");
  add_data(*train, *settings);
  add_model(*train, *settings);
  add_length_and_rate(*train, *settings);
  add_optimizer(*train, *settings);
  add_validation(*train, *settings);
  train->add_option("--checkpoint-every", settings->checkpoint_every,
                    "steps between checkpoints (default: only at the end)");
  train->add_option("--checkpoint-minutes", settings->checkpoint_minutes, "minutes between checkpoints, beside that");
  train->add_option("--keep", settings->keep, "newest checkpoints to keep, beside the one with the best held-out loss")
      ->capture_default_str();
  train->add_flag("--resume", settings->resume,
                  "go on from the newest whole checkpoint in --out, to the same weights as a run never stopped");
  train->add_flag("--resume-anyway", settings->resume_anyway, "as --resume, though options or the corpus have changed");
  train->add_flag("!--no-pin", settings->pin, "leave threads where the system puts them");
  train->add_option("--trace", settings->trace,
                    "write who did what when to this file, for ui.perfetto.dev or chrome://tracing");
  train->get_option("--tokenizer")->default_str("that of --model's folder, else gpt2");
  train->callback([train, settings, &chosen] {
    const std::string beside = tokenizer_beside(settings->model);
    if (train->get_option("--tokenizer")->empty() && !beside.empty()) settings->tokenizer = beside;
    chosen = [settings] { return train_command(*settings); };
  });
}

void add_tokenize(CLI::App& app, const ConfigFile& config, std::function<int()>& chosen) {
  CLI::App* const tokenize = app.add_subcommand("tokenize", "write the tokens below PATH... for another trainer");
  const auto settings = std::make_shared<TokenizeSettings>();
  add_config(*tokenize, *settings, config);
  tokenize->add_option("--out", settings->out, "folder for token shards with an index, or - for standard output")
      ->required();
  add_data(*tokenize, *settings);
  tokenize->add_option("--shard-tokens", settings->shard_tokens, "tokens per shard; a shard ends with a document")
      ->check(at_least_one)
      ->capture_default_str();
  tokenize->add_flag("--resume", settings->resume, "go on where an interrupted call with the same --out stopped");
  tokenize->callback([settings, &chosen] { chosen = [settings] { return tokenize_command(*settings); }; });
}

void add_tokenizer_train(CLI::App& tokenizer, std::function<int()>& chosen) {
  CLI::App* const train = tokenizer.add_subcommand("train", "learn a byte-level BPE from the text below PATH...");
  const auto settings = std::make_shared<TokenizerTrainSettings>();
  train->add_option("--out", settings->out, "tokenizer.json to write")->required();
  train->add_option("--vocab-size", settings->vocabulary_size, "ids, with special tokens and the 256 bytes")
      ->required();
  train->add_option("--min-frequency", settings->min_frequency, "merge no pair that stands less often")
      ->capture_default_str();
  train
      ->add_option("--special", settings->special_tokens,
                   "text of a special token, once for each; ids in this order, <|endoftext|> first where not given")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);  // else CLI11 takes [PAD] for a list
  train
      ->add_option("--max-token-length", settings->token_bytes_max,
                   "merge only pairs that are shorter than so many bytes, except those of two bytes")
      ->check(at_least_one);
  train
      ->add_option("--val-fraction", settings->val_fraction,
                   "learn from no document that icosa train holds out with the same share")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  settings->shuffle = Shuffle::none;
  add_data(*train, *settings);
  // The order of the documents and their shares change nothing; the pattern is another.
  for (const char* const name : {"--mix", "--shuffle", "--seed", "--pattern"})
    train->remove_option(train->get_option(name));
  train
      ->add_option_function<std::string>(
          "--pattern",
          [settings](const std::string& name) {
            const auto pattern = io::split_pattern_named(name);
            if (!pattern) throw SettingsError(not_one_of("--pattern", name, "gpt2, cl100k, qwen2, o200k"));
            settings->words_pattern = *pattern;
          },
          "how text is split before merges: gpt2, cl100k, qwen2 or o200k")
      ->default_str("gpt2");
  train->get_option("--tokenizer")
      ->description("the tokenizer of token files among PATH: bytes, gpt2, a file or folder");
  train->callback([settings, &chosen] { chosen = [settings] { return tokenizer_train_command(*settings); }; });
}

void add_tokenizer_inspect(CLI::App& tokenizer, std::function<int()>& chosen) {
  CLI::App* const inspect = tokenizer.add_subcommand("inspect", "show what a tokenizer is made of");
  const auto options = std::make_shared<TokenizerInspectOptions>();
  inspect->add_option("TOKENIZER", options->tokenizer, "bytes, gpt2, or a file or folder")->required();
  inspect->add_option("FILE", options->paths, "text to count tokens in (default: a sample within the program)");
  add_split_pattern(*inspect, options->split_pattern);
  inspect->add_flag("--json", options->json, "print one JSON object");
  inspect->callback([options, &chosen] { chosen = [options] { return tokenizer_inspect_command(*options); }; });
}

void add_tokenizer(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* const tokenizer = app.add_subcommand("tokenizer", "learn a tokenizer, or look at one");
  add_tokenizer_inspect(*tokenizer, chosen);
  tokenizer->require_subcommand(1);
  add_tokenizer_train(*tokenizer, chosen);
}

void add_generate(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* const generate = app.add_subcommand("generate", "continue a prompt with a trained model");
  const auto options = std::make_shared<GenerateOptions>();
  generate->add_option("RUN", options->source, "folder of a run, of a checkpoint or of a Hugging Face model")
      ->required();
  GeneratorOptions& generator = options->generator;
  generate->add_option("--prompt", options->prompt, "text to continue");
  generate->add_option("--prompt-file", options->prompt_file, "file with the text to continue; -: standard input");
  generate->add_option("--max-tokens", options->tokens_max, "tokens to add at most")->capture_default_str();
  generate->add_option("--samples", options->samples_count, "continuations of the prompt")
      ->check(at_least_one)
      ->capture_default_str();
  generate->add_option("--temperature", generator.sampling.temperature, "0: always the most likely token")
      ->check(from_zero)
      ->capture_default_str();
  generate->add_option("--top-k", generator.sampling.top_k, "choose among so many tokens; 0: all")
      ->capture_default_str();
  generate->add_option("--top-p", generator.sampling.top_p, "choose among the most likely tokens of this total")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  generate
      ->add_option("--min-p", generator.sampling.min_p,
                   "leave out tokens below this share of the most likely one's probability")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  generate->add_option("--repetition-penalty", generator.repetition_penalty, "above 1: tokens repeat less; 1: none")
      ->check(above_zero)
      ->capture_default_str();
  generate->add_option("--seed", generator.seed, "seed of the choice")->capture_default_str();
  generate->add_option("--logprobs", generator.logprobs_count,
                       "with --json: log-probabilities of so many of the tokens that might have come, at each place");
  generate->add_flag("--json", options->json, "a line of JSON for each continuation");
  generate->add_flag("--quiet", options->quiet, "show errors only");
  generate->callback([options, &chosen] { chosen = [options] { return generate_command(*options); }; });
}

void add_eval(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* const eval = app.add_subcommand("eval", "loss, perplexity and bits per byte of a model over documents");
  const auto options = std::make_shared<EvalOptions>();
  eval->add_option("RUN", options->source, "folder of a run, of a checkpoint or of a Hugging Face model")->required();
  add_data(*eval, options->data);
  // Every token counts once, whatever the order; the tokenizer is the model's.
  for (const char* const name : {"--mix", "--shuffle", "--seed", "--tokenizer", "--pattern", "--summary"})
    eval->remove_option(eval->get_option(name));
  eval->add_option("--seq-len", options->seq_len, "positions of a window (default: all of the model's)");
  eval->add_option("--stride", options->stride,
                   "how far each window goes on; the others of its positions are context (default: half)");
  eval->add_flag("--json", options->json, "print one JSON object");
  eval->callback([options, &chosen] { chosen = [options] { return eval_command(*options); }; });
}

void add_export(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* const command = app.add_subcommand("export", "write a model in another program's form");
  const auto options = std::make_shared<ExportOptions>();
  command->add_option("RUN", options->source, "folder of a run, of a checkpoint or of a Hugging Face model")
      ->required();
  command
      ->add_option_function<std::string>(
          "--format",
          [](const std::string& name) {
            if (name != "gguf") throw SettingsError(not_one_of("--format", name, "gguf"));
          },
          "gguf: what llama.cpp loads")
      ->required();
  command->add_option("--out", options->out, "file to write")->required();
  command
      ->add_option_function<std::string>(
          "--type",
          [options](const std::string& name) {
            if (name == "f32") {
              options->type = io::GgufType::f32;
            } else if (name == "f16") {
              options->type = io::GgufType::f16;
            } else {
              throw SettingsError(not_one_of("--type", name, "f32, f16"));
            }
          },
          "numbers of matrices: f32 or f16; all else is f32")
      ->default_str("f32");
  command->add_flag("--quiet", options->quiet, "show errors only");
  command->callback([options, &chosen] { chosen = [options] { return export_command(*options); }; });
}

void add_token_command(CLI::App& app, std::function<int()>& chosen, const char* name, const char* description,
                       const char* jsonl_description, int (*command)(const TokenOptions&)) {
  CLI::App* const sub = app.add_subcommand(name, description);
  const auto options = std::make_shared<TokenOptions>();
  sub->add_option("--tokenizer", options->tokenizer,
                  "bytes, gpt2, or a file or folder: *.tiktoken, tokenizer.json, vocab.json with merges.txt")
      ->required();
  add_split_pattern(*sub, options->split_pattern);
  sub->add_flag("--jsonl", options->jsonl, jsonl_description);
  if (command == encode_command)
    sub->add_flag("--allow-special", options->allow_special,
                  "special tokens written in the text become these tokens; else they are text");
  sub->callback([options, command, &chosen] { chosen = [options, command] { return command(*options); }; });
}

void add_bench(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* const bench = app.add_subcommand("bench", "measure on this machine");
  bench->require_subcommand(1);
  CLI::App* const step = bench->add_subcommand(
      "step", "where the time of a training step goes, operation by operation, beside what the machine could do");
  const auto options = std::make_shared<BenchOptions>();
  step->add_option("--model", options->model, "a preset: " + preset_names())->capture_default_str();
  step->add_option("--vocab-size", options->vocabulary, "tokens (default: what the preset is usually trained with)");
  step->add_option("--workers", options->micro_batches, "micro-batches of a step")
      ->check(at_least_one)
      ->capture_default_str();
  add_optimizer_kind(*step, options->optimizer);
  step->add_option("--seconds", options->seconds, "time to measure for")->capture_default_str();
  step->callback([options, &chosen] { chosen = [options] { return bench_command(*options); }; });
}

void add_models(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* const models = app.add_subcommand("models", "list the presets that --model names");
  const auto vocabulary = std::make_shared<std::size_t>(0);
  models->add_option("--vocab-size", *vocabulary, "tokens (default: what each preset is usually trained with)");
  models->callback([vocabulary, &chosen] { chosen = [vocabulary] { return models_command(*vocabulary); }; });
}

void add_inspect(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* const inspect = app.add_subcommand("inspect", "show what a run, a checkpoint or a corpus holds");
  const auto paths = std::make_shared<std::vector<std::string>>();
  inspect->add_option("RUN|CHECKPOINT|PATH", *paths, "what to look at")->required();
  const auto options = std::make_shared<InspectOptions>();
  inspect->add_option("--tokenizer", options->tokenizer, "of a corpus: what tokens are counted with")
      ->capture_default_str();
  inspect->add_option("--text-key", options->text_key, "of a corpus: the key of the text in JSON records")
      ->capture_default_str();
  inspect->add_flag("--all", options->all, "of a corpus: read all of it, not a sample of 64 MiB");
  inspect->add_flag("--quiet", options->quiet, "show no progress");
  inspect->callback(
      [paths, options, &chosen] { chosen = [paths, options] { return inspect_command(*paths, *options); }; });
}

/// Reads the file that --config names, if it does, and puts its options in front of the command line's own.
void put_in_config(CLI::App& app, std::vector<std::string>& words, ConfigFile& config) {
  std::string path;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].starts_with("--config=")) path = words[i].substr(9);
    if (words[i] == "--config" && i + 1 < words.size()) path = words[i + 1];
  }
  if (path.empty()) return;
  for (const CLI::App* const command : app.get_subcommands({})) {
    if (command->get_name() != words.front() || command->get_option_no_throw("--config") == nullptr) continue;
    config = read_config(
        path, [command](const std::string& option) { return command->get_option_no_throw(option) != nullptr; });
    words.insert(words.begin() + 1, config.arguments.begin(), config.arguments.end());
  }
}

bool is_command(CLI::App& app, const std::string& name) {
  return !app.get_subcommands([&](CLI::App* command) { return command->get_name() == name; }).empty();
}

int complain(const std::string& line, int exit_code) {
  std::fprintf(stderr, "icosa: %s\n", line.c_str());
  return exit_code;
}

}  // namespace

int run_command_line(int argument_count, char** arguments) {
  std::function<int()> chosen;
  ConfigFile config;
  std::vector<std::string> words(arguments + 1, arguments + argument_count);
  CLI::App app("icosa trains a language model straight from a folder of text, on CPUs");
  app.name("icosa");
  app.set_version_flag("--version", "icosa " ICOSA_VERSION);
  app.require_subcommand(1);
  add_train(app, config, chosen);
  add_tokenize(app, config, chosen);
  add_tokenizer(app, chosen);
  add_generate(app, chosen);
  add_token_command(app, chosen, "encode", "standard input to token ids", "a line {\"text\": ...} in, a line [ids] out",
                    &encode_command);
  add_token_command(app, chosen, "decode", "token ids to text", "a line [ids] in, a line {\"text\": ...} out",
                    &decode_command);
  add_models(app, chosen);
  add_inspect(app, chosen);
  add_bench(app, chosen);
  add_eval(app, chosen);
  add_export(app, chosen);

  try {
    put_in_config(app, words, config);
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app.parse(words);
    return chosen();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help and --version
    const std::string command = argument_count > 1 ? arguments[1] : "";
    if (!command.empty() && command[0] != '-' && !is_command(app, command))
      return complain("there is no command '" + command + "'; see icosa --help", wrong_usage);
    return complain(std::string(error.what()) + "; see icosa --help", wrong_usage);
  } catch (const SettingsError& error) {
    return complain(error.what(), wrong_usage);
  } catch (const sched::TopologyError& error) {
    return complain(error.what(), wrong_usage);
  } catch (const std::bad_alloc&) {
    return complain("out of memory; take a smaller --model, --micro-batch or fewer --cores", failed);
  } catch (const std::exception& error) {
    return complain(error.what(), failed);
  }
}

}  // namespace pipeline
