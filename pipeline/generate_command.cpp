#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

#include "compute/gpt2.hpp"
#include "compute/random.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/checkpoint.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/interrupt.hpp"

namespace pipeline {
namespace {

/// The tokens so far and the part of them that the model looks at.
class Context {
 public:
  Context(const Checkpoint& checkpoint, std::vector<std::int32_t> tokens)
      : checkpoint_(checkpoint),
        window_(std::move(tokens)),
        workspace_(compute::gpt2_forward_workspace_floats(checkpoint.shape, 1, checkpoint.shape.positions)),
        logits_(checkpoint.shape.vocabulary) {}

  void append(std::int32_t token) { window_.push_back(token); }

  /// Logits of the token that comes next.
  std::span<const float> next_logits() {
    const std::size_t positions = checkpoint_.shape.positions;
    if (window_.size() > positions) {
      // Positions are learned, so a window that slides must be computed anew: keep half, and slide rarely.
      const std::size_t kept = (positions + 1) / 2;
      window_.erase(window_.begin(), window_.end() - static_cast<std::ptrdiff_t>(kept));
      computed_ = 0;
    }
    compute::gpt2_logits(logits_, checkpoint_.shape, checkpoint_.weights.span(), window_, computed_, window_.size(),
                         workspace_.span());
    computed_ = window_.size();
    return logits_;
  }

 private:
  const Checkpoint& checkpoint_;
  std::vector<std::int32_t> window_;
  FloatArena workspace_;
  std::vector<float> logits_;
  std::size_t computed_ = 0;  // positions of the window that the workspace holds
};

void print(std::string_view bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

int generate_command(const GenerateOptions& options) {
  catch_interrupts();
  std::vector<std::string> damaged;
  const Checkpoint checkpoint = read_checkpoint(options.source, damaged);
  for (const std::string& line : damaged) std::fprintf(stderr, "icosa: %s: passed over\n", line.c_str());
  const std::string& folder = checkpoint.path;
  const std::shared_ptr<const io::Tokenizer> tokenizer = checkpoint_tokenizer(checkpoint);
  if (tokenizer->vocabulary_size() != checkpoint.shape.vocabulary)
    throw CheckpointError(folder + ": tokenizer.json has " + std::to_string(tokenizer->vocabulary_size()) +
                          " ids where config.json says " + std::to_string(checkpoint.shape.vocabulary));
  if (!options.quiet)
    std::fprintf(stderr, "%s, %zu positions, %s\n", folder.c_str(), checkpoint.shape.positions,
                 tokenizer->description().c_str());

  // A document of the training stream follows an end-of-text token; so does the prompt.
  std::vector<std::int32_t> tokens = {tokenizer->end_of_text()};
  for (const io::TokenId id : tokenizer->encode(options.prompt)) tokens.push_back(id);
  print(options.prompt);
  Context context(checkpoint, std::move(tokens));
  const compute::RandomStream random(options.seed, compute::RandomPurpose::sampling, 0);
  for (std::size_t count = 0; count < options.tokens_max && !interrupted(); ++count) {
    const std::int32_t token = compute::sample(context.next_logits(), options.sampling, random.uniform(count));
    if (token == tokenizer->end_of_text()) break;
    print(tokenizer->bytes_of(token));
    context.append(token);
  }
  print("\n");
  return interrupted() ? interrupted_exit_code : 0;
}

}  // namespace pipeline
