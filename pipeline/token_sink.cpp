#include "pipeline/token_sink.hpp"

#include <unistd.h>

#include <cerrno>

#include "io/error.hpp"

namespace pipeline {
namespace {

constexpr std::size_t buffer_bytes = 1 << 20;  // a pipe takes 64 KiB at a time; a file likes more

}  // namespace

PipeSink::PipeSink(io::Files& files, const io::Tokenizer& tokenizer)
    : files_(files),
      output_(STDOUT_FILENO, "standard output"),
      end_of_text_(tokenizer.end_of_text()),
      token_bytes_(tokenizer.vocabulary_size() <= 65536 ? 2 : 4) {
  buffer_.reserve(buffer_bytes);
}

PipeSink::~PipeSink() {
  output_.release();  // it was lent, not opened
}

sched::task<void> PipeSink::append(std::span<const io::TokenId> ids) {
  for (const io::TokenId id : ids) {
    put(id);
    if (buffer_.size() >= buffer_bytes) co_await flush();
  }
}

sched::task<void> PipeSink::end_document(std::uint64_t) {
  put(end_of_text_);
  co_return;
}

sched::task<void> PipeSink::save(std::string, bool) {
  co_await flush();
}

void PipeSink::put(io::TokenId id) {
  for (std::size_t i = 0; i < token_bytes_; ++i)
    buffer_.push_back(static_cast<std::byte>(static_cast<std::uint32_t>(id) >> (8 * i)));
}

sched::task<void> PipeSink::flush() {
  co_await files_.write(output_, io::Files::append_position, buffer_);
  buffer_.clear();
}

}  // namespace pipeline
