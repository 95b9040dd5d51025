#include "pipeline/train_options.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "pipeline/commands.hpp"
#include "pipeline/model_choice.hpp"
#include "pipeline/option_checks.hpp"
#include "pipeline/presets.hpp"
#include "pipeline/run_tokenizer.hpp"

namespace pipeline {

void add_optimizer_kind(CLI::App& app, OptimizerKind& optimizer) {
  add_choice(
      app, "--optimizer", optimizer, {{"adamw", OptimizerKind::adamw}, {"muon", OptimizerKind::muon}},
      "adamw, or muon for the matrices between embeddings and head with adamw for the rest (default: muon with the "
      "preset quick, else adamw)");
}

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
  add_choice(
      app, "--shuffle", settings.shuffle,
      {{"none", Shuffle::none}, {"window", Shuffle::window}, {"global", Shuffle::global}},
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
  add_choice(app, "--io", settings.io,
             {{"auto", io::FilesKind::automatic}, {"uring", io::FilesKind::ring}, {"threads", io::FilesKind::threads}},
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

namespace {

void add_length_and_rate(CLI::App& app, TrainSettings& settings) {
  app.add_option("--steps", settings.steps, "length of the run in steps (default: the preset's)")->check(at_least_one);
  app.add_option("--epochs", settings.epochs, "length of the run in passes over the corpus")->check(at_least_one);
  app.add_option("--tokens", settings.tokens, "length of the run in tokens")->check(at_least_one);
  app.add_option("--lr", settings.learning_rate, "peak learning rate (default: the preset's)")->check(above_zero);
  app.add_option("--warmup", settings.warmup, "steps of linear warm-up (default: a twentieth of the run)");
  add_choice(app, "--schedule", settings.schedule,
             {{"cosine", compute::ScheduleKind::cosine},
              {"linear", compute::ScheduleKind::linear},
              {"wsd", compute::ScheduleKind::wsd},
              {"constant", compute::ScheduleKind::constant}},
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

void add_optimizer(CLI::App& app, TrainSettings& settings) {
  add_optimizer_kind(app, settings.optimizer);
  app.add_option("--beta1", settings.beta1, "decay of AdamW's first moment")->capture_default_str();
  app.add_option("--beta2", settings.beta2, "decay of AdamW's second moment")->capture_default_str();
  app.add_option("--epsilon", settings.epsilon, "AdamW's epsilon")->capture_default_str();
  app.add_option("--muon-lr", settings.muon_learning_rate,
                 fmt::format("Muon's peak learning rate; --lr is AdamW's (default: the preset's, else {})",
                             usual_muon_learning_rate))
      ->check(above_zero);
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
  add_choice(
      app, "--gradient-memory", settings.gradient_memory,
      {{"auto", GradientMemory::automatic}, {"lean", GradientMemory::lean}, {"fast", GradientMemory::fast}},
      "lean: as few gradient buffers as the sum tree needs; fast: one for each worker of a sphere; the same weights")
      ->default_str("auto");
  app.add_flag(
      "--recompute", settings.recompute,
      "keep only what enters each block, compute the rest again on the way back: less memory, a quarter more time");
  app.add_flag("--doc-mask", settings.document_mask, "let attention stop at document borders");
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

}  // namespace

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
  train->get_option("--tokenizer")
      ->description(
          "bytes, gpt2, a file or folder (*.tiktoken, tokenizer.json, vocab.json with merges.txt), or learn:N: N ids "
          "learned from this text")
      ->default_str("that of --model's folder; learn:4096 with the preset quick; else gpt2");
  train->callback([train, settings, &chosen] {
    const std::string beside = tokenizer_beside(settings->model);
    settings->tokenizer_by_default = train->get_option("--tokenizer")->empty();
    if (settings->tokenizer_by_default && !beside.empty()) {
      settings->tokenizer = beside;
    } else if (settings->tokenizer_by_default && (settings->model.empty() || settings->model == default_preset)) {
      settings->tokenizer = fmt::format("{}:{}", learn_tokenizer_name, learned_ids);
    }
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

}  // namespace pipeline
