#include "pipeline/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "io/split_patterns.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/config_file.hpp"
#include "pipeline/option_checks.hpp"
#include "pipeline/presets.hpp"
#include "pipeline/train_options.hpp"
#include "sched/topology.hpp"

namespace pipeline {
namespace {

constexpr int failed = 1;
constexpr int wrong_usage = 2;

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
  add_choice(*command, "--type", options->type, {{"f32", io::GgufType::f32}, {"f16", io::GgufType::f16}},
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
