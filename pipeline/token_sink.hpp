#pragma once

// Where the tokens of `icosa tokenize` go: a folder of shards, or standard output.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/files.hpp"
#include "io/token_shards.hpp"
#include "io/tokenizer.hpp"
#include "sched/task.hpp"

namespace pipeline {

class TokenSink {
 public:
  virtual ~TokenSink() = default;
  /// Some of the document's tokens.
  virtual sched::task<void> append(std::span<const io::TokenId> ids) = 0;
  /// The document ends; `text_bytes` of text stand in it.
  virtual sched::task<void> end_document(std::uint64_t text_bytes) = 0;
  /// Whether this is a good moment to make safe what was written, with a position to go on from.
  virtual bool is_full() const noexcept = 0;
  /// Makes safe what was written. `position`: from which the next document follows.
  virtual sched::task<void> save(std::string position, bool last) = 0;
};

/// Raw little-endian ids, uint16 or uint32, each document followed by end-of-text.
class PipeSink final : public TokenSink {
 public:
  PipeSink(io::Files& files, const io::Tokenizer& tokenizer);
  ~PipeSink() override;

  sched::task<void> append(std::span<const io::TokenId> ids) override;
  sched::task<void> end_document(std::uint64_t text_bytes) override;
  bool is_full() const noexcept override { return false; }
  sched::task<void> save(std::string position, bool last) override;

 private:
  void put(io::TokenId id);
  sched::task<void> flush();

  io::Files& files_;
  io::OpenFile output_;
  io::TokenId end_of_text_;
  std::size_t token_bytes_;
  std::vector<std::byte> buffer_;
};

/// A folder of shards with an index (docs/formats.md).
class ShardSink final : public TokenSink {
 public:
  explicit ShardSink(io::TokenShardWriter& writer) : writer_(writer) {}

  sched::task<void> append(std::span<const io::TokenId> ids) override { return writer_.append(ids); }
  sched::task<void> end_document(std::uint64_t text_bytes) override { return writer_.end_document(text_bytes); }
  bool is_full() const noexcept override { return writer_.shard_is_full(); }
  sched::task<void> save(std::string position, bool last) override {
    return writer_.finish_shard(std::move(position), last);
  }

 private:
  io::TokenShardWriter& writer_;
};

}  // namespace pipeline
