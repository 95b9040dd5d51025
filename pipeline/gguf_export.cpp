#include "pipeline/gguf_export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "io/bpe_model.hpp"
#include "io/byte_level.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/model_config.hpp"

namespace pipeline {
namespace {

// How llama.cpp numbers kinds of tokens.
constexpr std::int32_t normal_token = 1;
constexpr std::int32_t control_token = 3;
constexpr std::int32_t user_defined_token = 4;
constexpr std::int32_t unused_token = 5;

/// How text is cut before it is merged, by llama.cpp's name for it.
std::string_view pretokenizer_name(const io::BpeModel& bpe) {
  switch (bpe.pattern) {
    case io::SplitPattern::gpt2:
      return "gpt-2";
    case io::SplitPattern::cl100k:
      return bpe.whole_tokens_first ? "llama-bpe" : "dbrx";  // of these the first takes whole tokens first
    case io::SplitPattern::qwen2:
      return "qwen2";
    case io::SplitPattern::o200k:
      return "gpt-4o";
    case io::SplitPattern::none:
      break;
  }
  if (bpe.merges.empty()) return "gpt-2";  // where nothing merges the cuts say nothing
  throw io::GgufError(bpe.name + ": llama.cpp has no name for the way this tokenizer splits text");
}

void add_tokenizer(io::GgufMetadata& metadata, const io::Tokenizer& tokenizer, std::size_t vocabulary) {
  const io::BpeModel* const bpe = tokenizer.bpe();
  if (bpe == nullptr) throw io::GgufError(tokenizer.description() + ": not a byte-level BPE, which is what GGUF holds");
  std::vector<std::string> tokens;
  for (const std::string& token : bpe->tokens) tokens.push_back(io::byte_level_text(token));
  std::vector<std::int32_t> kinds(tokens.size(), normal_token);
  for (const io::TokenId id : bpe->special_tokens) {
    tokens[static_cast<std::size_t>(id)] = bpe->token(id);
    kinds[static_cast<std::size_t>(id)] = control_token;
  }
  for (const io::AddedToken& token : bpe->added_tokens) {
    if (token.special) continue;
    tokens[static_cast<std::size_t>(token.id)] = bpe->token(token.id);
    kinds[static_cast<std::size_t>(token.id)] = user_defined_token;
  }
  // An id without a token still has a name, its own.
  tokens.resize(std::max(tokens.size(), vocabulary));
  kinds.resize(tokens.size(), unused_token);
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (!tokens[id].empty()) continue;
    tokens[id] = fmt::format("[PAD{}]", id);
    kinds[id] = unused_token;
  }
  std::vector<std::string> merges;
  for (const io::Merge& merge : bpe->merges)
    merges.push_back(io::byte_level_text(bpe->token(merge.left)) + " " + io::byte_level_text(bpe->token(merge.right)));

  metadata.add_text("tokenizer.ggml.model", "gpt2");
  metadata.add_text("tokenizer.ggml.pre", pretokenizer_name(*bpe));
  metadata.add_texts("tokenizer.ggml.tokens", tokens);
  metadata.add_integers("tokenizer.ggml.token_type", kinds);
  metadata.add_texts("tokenizer.ggml.merges", merges);
  const auto end = static_cast<std::size_t>(tokenizer.end_of_text());
  metadata.add_count("tokenizer.ggml.bos_token_id", end);
  metadata.add_count("tokenizer.ggml.eos_token_id", end);
  // A document of the training stream follows an end-of-text token; so does a prompt.
  metadata.add_flag("tokenizer.ggml.add_bos_token", true);
}

void refuse_unknown(const compute::ModelShape& shape) {
  using enum compute::Activation;
  const char* what = nullptr;
  if (shape.activation == gelu_erf) what = "the activation gelu; it has gelu_new";
  if (shape.rope.scaling == compute::RopeScaling::llama3 && model_type(shape) != "llama")
    what = "rotary positions scaled as llama3; it has those of the type llama";
  if (what != nullptr) throw io::GgufError(fmt::format("llama.cpp has no {} with {}", model_type(shape), what));
}

void add_rotary(io::GgufMetadata& metadata, const std::string& architecture, const compute::ModelShape& shape) {
  metadata.add_real(architecture + ".rope.freq_base", static_cast<float>(shape.rope.theta));
  metadata.add_count(architecture + ".rope.dimension_count", shape.head_channels());
  if (shape.rope.scaling != compute::RopeScaling::linear) return;
  metadata.add_text(architecture + ".rope.scaling.type", "linear");
  metadata.add_real(architecture + ".rope.scaling.factor", static_cast<float>(shape.rope.factor));
}

void add_sizes(io::GgufMetadata& metadata, const std::string& architecture, const compute::ModelShape& shape) {
  metadata.add_count(architecture + ".block_count", shape.layers);
  metadata.add_count(architecture + ".context_length", shape.positions);
  metadata.add_count(architecture + ".embedding_length", shape.channels);
  metadata.add_count(architecture + ".feed_forward_length", shape.activated_channels());
  metadata.add_count(architecture + ".vocab_size", shape.vocabulary);
  metadata.add_count(architecture + ".attention.head_count", shape.heads);
  metadata.add_count(architecture + ".attention.head_count_kv", shape.kv_head_count());
  const bool rms = shape.norm == compute::Norm::rms;
  metadata.add_real(architecture + (rms ? ".attention.layer_norm_rms_epsilon" : ".attention.layer_norm_epsilon"),
                    shape.norm_epsilon);
  if (shape.position_kind != compute::Positions::rotary) return;
  metadata.add_count(architecture + ".attention.key_length", shape.head_channels());
  metadata.add_count(architecture + ".attention.value_length", shape.head_channels());
  add_rotary(metadata, architecture, shape);
}

sched::task<void> write_tensors(io::GgufWriter& writer, const Checkpoint& model, const std::vector<GgufPart>& parts) {
  for (const GgufPart& part : parts) {
    if (interrupted()) throw Interrupted();
    const std::vector<float> values = gguf_values(model, part);
    co_await writer.append(values);
  }
}

}  // namespace

io::GgufMetadata gguf_metadata(const Checkpoint& model, const io::Tokenizer& tokenizer, io::GgufType type) {
  io::GgufMetadata metadata;
  refuse_unknown(model.shape);
  const std::string architecture(model_type(model.shape));
  metadata.add_text("general.architecture", architecture);
  metadata.add_text("general.type", "model");
  metadata.add_count("general.file_type", type == io::GgufType::f16 ? 1 : 0);
  add_sizes(metadata, architecture, model.shape);
  add_tokenizer(metadata, tokenizer, model.shape.vocabulary);
  return metadata;
}

sched::task<void> write_gguf(io::Files& files, std::string path, const Checkpoint& model,
                             const io::Tokenizer& tokenizer, io::GgufType type) {
  const io::GgufMetadata metadata = gguf_metadata(model, tokenizer, type);
  const std::string temporary = path + ".tmp";
  const std::vector<GgufPart> parts = gguf_parts(model, type);
  std::vector<io::GgufTensor> tensors;
  for (const GgufPart& part : parts) tensors.push_back(part.to);
  io::GgufWriter writer(files, temporary, std::move(tensors));
  co_await writer.begin(metadata);
  co_await write_tensors(writer, model, parts);
  co_await writer.finish();
  co_await files.replace(temporary, path);
}

}  // namespace pipeline
