#include "pipeline/gguf_export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "io/bpe_model.hpp"
#include "io/byte_level.hpp"
#include "pipeline/interrupt.hpp"

namespace pipeline {
namespace {

constexpr float layer_norm_epsilon = 1e-5f;

// How llama.cpp numbers kinds of tokens.
constexpr std::int32_t normal_token = 1;
constexpr std::int32_t control_token = 3;
constexpr std::int32_t user_defined_token = 4;
constexpr std::int32_t unused_token = 5;

using Names = std::pair<std::string_view, std::string_view>;

constexpr std::array names_outside = {
    Names{"transformer.wte.weight", "token_embd.weight"},
    Names{"transformer.wpe.weight", "position_embd.weight"},
    Names{"transformer.ln_f.weight", "output_norm.weight"},
    Names{"transformer.ln_f.bias", "output_norm.bias"},
};

constexpr std::string_view block_prefix = "transformer.h.";

/// Before ".weight" and ".bias".
constexpr std::array names_in_block = {
    Names{"ln_1", "attn_norm"}, Names{"attn.c_attn", "attn_qkv"}, Names{"attn.c_proj", "attn_output"},
    Names{"ln_2", "ffn_norm"},  Names{"mlp.c_fc", "ffn_up"},      Names{"mlp.c_proj", "ffn_down"},
};

std::string_view translated(std::span<const Names> names, std::string_view name, const std::string& whole) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const Names& pair) { return pair.first == name; });
  if (found == names.end()) throw io::GgufError(whole + ": llama.cpp has no name for this tensor");
  return found->second;
}

std::string gguf_name(const std::string& name) {
  if (!name.starts_with(block_prefix)) return std::string(translated(names_outside, name, name));
  const std::string_view rest = std::string_view(name).substr(block_prefix.size());
  const std::size_t layer_end = rest.find('.');
  const std::size_t last = rest.rfind('.');
  const std::string_view inside = rest.substr(layer_end + 1, last - layer_end - 1);
  return fmt::format("blk.{}.{}{}", rest.substr(0, layer_end), translated(names_in_block, inside, name),
                     rest.substr(last));
}

bool is_matrix_of_block(const compute::Tensor& tensor) {
  return tensor.shape.size() == 2 && tensor.name.starts_with(block_prefix);
}

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
  for (const io::AddedToken& token : bpe->added_tokens)
    if (!token.special) kinds[static_cast<std::size_t>(token.id)] = user_defined_token;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (!bpe->tokens[id].empty()) continue;
    tokens[id] = fmt::format("[UNUSED{}]", id);
    kinds[id] = unused_token;
  }
  for (std::size_t id = tokens.size(); id < vocabulary; ++id) tokens.push_back(fmt::format("[PAD{}]", id));
  kinds.resize(tokens.size(), unused_token);
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

void add_sizes(io::GgufMetadata& metadata, const compute::Gpt2Shape& shape) {
  metadata.add_count("gpt2.block_count", shape.layers);
  metadata.add_count("gpt2.context_length", shape.positions);
  metadata.add_count("gpt2.embedding_length", shape.channels);
  metadata.add_count("gpt2.feed_forward_length", 4 * shape.channels);
  metadata.add_count("gpt2.attention.head_count", shape.heads);
  metadata.add_real("gpt2.attention.layer_norm_epsilon", layer_norm_epsilon);
}

sched::task<void> write_tensors(io::GgufWriter& writer, const Checkpoint& model) {
  for (const compute::Tensor& tensor : model.tensors) {
    if (interrupted()) throw Interrupted();
    const std::vector<float> values = gguf_values(model, tensor);
    co_await writer.append(values);
  }
}

}  // namespace

io::GgufMetadata gguf_metadata(const Checkpoint& model, const io::Tokenizer& tokenizer, io::GgufType type) {
  io::GgufMetadata metadata;
  metadata.add_text("general.architecture", "gpt2");
  metadata.add_text("general.type", "model");
  metadata.add_count("general.file_type", type == io::GgufType::f16 ? 1 : 0);
  add_sizes(metadata, model.shape);
  add_tokenizer(metadata, tokenizer, model.shape.vocabulary);
  return metadata;
}

std::vector<io::GgufTensor> gguf_tensors(const Checkpoint& model, io::GgufType type) {
  std::vector<io::GgufTensor> tensors;
  for (const compute::Tensor& tensor : model.tensors) {
    io::GgufTensor to{gguf_name(tensor.name), tensor.shape, io::GgufType::f32};
    if (is_matrix_of_block(tensor)) std::reverse(to.shape.begin(), to.shape.end());
    // llama.cpp adds positions and norms as f32, whatever the rest is.
    if (to.shape.size() == 2 && to.name != "position_embd.weight") to.type = type;
    tensors.push_back(std::move(to));
  }
  return tensors;
}

std::vector<float> gguf_values(const Checkpoint& model, const compute::Tensor& tensor) {
  const std::span<const float> from = model.weights.span().subspan(tensor.offset, tensor.count);
  std::vector<float> to(from.begin(), from.end());
  if (!is_matrix_of_block(tensor)) return to;
  const std::size_t inputs = tensor.shape[0];
  const std::size_t outputs = tensor.shape[1];
  for (std::size_t input = 0; input < inputs; ++input)
    for (std::size_t output = 0; output < outputs; ++output)
      to[output * inputs + input] = from[input * outputs + output];
  return to;
}

sched::task<void> write_gguf(io::Files& files, std::string path, const Checkpoint& model,
                             const io::Tokenizer& tokenizer, io::GgufType type) {
  const io::GgufMetadata metadata = gguf_metadata(model, tokenizer, type);
  const std::string temporary = path + ".tmp";
  io::GgufWriter writer(files, temporary, gguf_tensors(model, type));
  co_await writer.begin(metadata);
  co_await write_tensors(writer, model);
  co_await writer.finish();
  co_await files.replace(temporary, path);
}

}  // namespace pipeline
