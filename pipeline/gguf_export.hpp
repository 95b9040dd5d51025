#pragma once

// A model as llama.cpp loads it: its sizes, its tokenizer and its tensors under llama.cpp's names, in one GGUF file.

#include <span>
#include <string>
#include <vector>

#include "io/files.hpp"
#include "io/gguf.hpp"
#include "io/tokenizer.hpp"
#include "pipeline/checkpoint.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// What stands before the tensors. `type`: that of matrices; all else is f32.
///   Throws io::GgufError for a tokenizer or a model that llama.cpp has no name for.
io::GgufMetadata gguf_metadata(const Checkpoint& model, const io::Tokenizer& tokenizer, io::GgufType type);

/// The tensors of the file, in the model's order.
std::vector<io::GgufTensor> gguf_tensors(const Checkpoint& model, io::GgufType type);

/// A tensor's numbers in the order that llama.cpp wants: each matrix (outputs, inputs).
std::vector<float> gguf_values(const Checkpoint& model, const compute::Tensor& tensor);

/// Writes the file under a temporary name and puts it in the place of `path`. Throws as above, and FileError.
sched::task<void> write_gguf(io::Files& files, std::string path, const Checkpoint& model,
                             const io::Tokenizer& tokenizer, io::GgufType type);

}  // namespace pipeline
