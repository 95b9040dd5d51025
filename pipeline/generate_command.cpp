// `icosa generate`: a prompt and its continuations to standard output, as they come.

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/tokenizer.hpp"
#include "io/utf8.hpp"
#include "pipeline/checkpoint.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/generator.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/json.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/pretrained.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {
namespace {

void say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stderr);
}

void print(std::string_view bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  if (std::fflush(stdout) != 0) throw std::runtime_error("standard output cannot be written");
}

/// Prints bytes as they come, but no character before it is whole.
class CharacterPrinter {
 public:
  void take(std::string_view bytes) {
    held_ += bytes;
    std::size_t whole = 0;
    while (whole < held_.size()) {
      const io::Utf8Sequence sequence = io::read_utf8(std::string_view(held_).substr(whole));
      if (sequence.kind == io::Utf8Sequence::Kind::truncated) break;
      whole += sequence.length_bytes;
    }
    print(std::string_view(held_).substr(0, whole));
    held_.erase(0, whole);
  }

  void finish() { print(std::exchange(held_, {})); }

 private:
  std::string held_;
};

std::string read_prompt(const GenerateOptions& options) {
  if (options.prompt_file.empty()) return options.prompt;
  if (!options.prompt.empty()) throw SettingsError("--prompt and --prompt-file exclude each other");
  std::string text;
  if (options.prompt_file == "-") {
    char buffer[4096];
    for (std::size_t got = 1; got > 0; text.append(buffer, got)) got = std::fread(buffer, 1, sizeof buffer, stdin);
    if (std::ferror(stdin) != 0) throw std::runtime_error("standard input cannot be read");
    return text;
  }
  std::ifstream file(options.prompt_file, std::ios::binary);
  text.assign(std::istreambuf_iterator<char>(file), {});
  if (!file) throw std::runtime_error(options.prompt_file + ": cannot be read as a prompt");
  return text;
}

struct Continuation {
  std::vector<std::int32_t> tokens;
  std::string text;
  std::string logprobs;  ///< JSON: of each token, that which ended the text too
  const char* stopped_by = "length";
};

/// [[id, logprob], ...].
std::string json_of(const std::vector<LikelyToken>& tokens) {
  std::string text;
  for (const LikelyToken& token : tokens)
    text += fmt::format("{}[{}, {}]", text.empty() ? "[" : ", ", token.id, json_number(token.logprob));
  return text + "]";
}

class Generation {
 public:
  Generation(const GenerateOptions& options, const Checkpoint& checkpoint, const io::Tokenizer& tokenizer)
      : options_(options), checkpoint_(checkpoint), tokenizer_(tokenizer), prompt_(read_prompt(options)) {
    // A document of the training stream follows an end-of-text token; so does the prompt.
    prompt_tokens_.push_back(tokenizer.end_of_text());
    for (const io::TokenId id : tokenizer.encode(prompt_)) prompt_tokens_.push_back(id);
  }

  void run() {
    for (std::size_t sample = 0; sample < options_.samples_count && !interrupted(); ++sample) {
      if (options_.json) {
        print(json_line(sample, continue_prompt(sample, nullptr)) + "\n");
        continue;
      }
      if (options_.samples_count > 1) print(fmt::format("{}=== sample {} ===\n", sample == 0 ? "" : "\n", sample + 1));
      CharacterPrinter printer;
      printer.take(prompt_);
      continue_prompt(sample, &printer);
      printer.finish();
      print("\n");
    }
    if (!options_.quiet && ns_ > 0)
      say(fmt::format("{} tokens in {}, {} tokens/s after a prompt of {}", format_count(tokens_count_),
                      format_passed(seconds(ns_)), format_rate(static_cast<double>(tokens_count_) / seconds(ns_)),
                      format_count(prompt_tokens_.size() - 1)));
  }

 private:
  Continuation continue_prompt(std::size_t sample, CharacterPrinter* printer) {
    const std::uint64_t began_ns = now_ns();
    Generator generator(checkpoint_, tokenizer_.vocabulary_size(), options_.generator, sample, prompt_tokens_);
    Continuation done;
    while (done.tokens.size() < options_.tokens_max) {
      if (interrupted()) {
        done.stopped_by = "interrupt";
        break;
      }
      const std::int32_t token = generator.next();
      ++tokens_count_;
      if (!generator.likely().empty())
        done.logprobs += (done.logprobs.empty() ? "" : ", ") + json_of(generator.likely());
      if (token == tokenizer_.end_of_text()) {
        done.stopped_by = "end of text";
        break;
      }
      const std::string_view bytes = tokenizer_.bytes_of(token);
      if (printer != nullptr) printer->take(bytes);
      done.tokens.push_back(token);
      done.text += bytes;
    }
    ns_ += now_ns() - began_ns;
    return done;
  }

  std::string json_line(std::size_t sample, const Continuation& done) const {
    std::string tokens;
    for (const std::int32_t token : done.tokens) tokens += (tokens.empty() ? "" : ", ") + std::to_string(token);
    return fmt::format(
        "{{\"sample\": {}, \"seed\": {}, \"prompt\": {}, \"text\": {}, \"tokens\": [{}], "
        "\"prompt_tokens\": {}, \"stopped_by\": {}{}}}",
        sample, options_.generator.seed, json_string(prompt_), json_string(done.text), tokens,
        prompt_tokens_.size() - 1, json_string(done.stopped_by),
        options_.generator.logprobs_count == 0 ? "" : ", \"logprobs\": [" + done.logprobs + "]");
  }

  const GenerateOptions& options_;
  const Checkpoint& checkpoint_;
  const io::Tokenizer& tokenizer_;
  std::string prompt_;
  std::vector<std::int32_t> prompt_tokens_;
  std::uint64_t tokens_count_ = 0;
  std::uint64_t ns_ = 0;
};

}  // namespace

int generate_command(const GenerateOptions& options) {
  catch_interrupts();
  if (options.generator.logprobs_count != 0 && !options.json) throw SettingsError("--logprobs: only with --json");
  std::vector<std::string> damaged;
  const Checkpoint checkpoint = read_model(options.source, damaged);
  for (const std::string& line : damaged) say("icosa: " + line + ": passed over");
  const std::shared_ptr<const io::Tokenizer> tokenizer = model_tokenizer(checkpoint);
  if (!options.quiet)
    say(fmt::format("{}, {} positions, {}", checkpoint.path, checkpoint.shape.positions, tokenizer->description()));
  Generation(options, checkpoint, *tokenizer).run();
  return interrupted() ? interrupted_exit_code : 0;
}

}  // namespace pipeline
