#pragma once

// Writes a folder of token shards: what `icosa tokenize --out DIR` leaves. A shard comes into the folder whole, under
// its final name, and only then does index.json name it; so what index.json names is there and synced at every instant,
// and a run that was killed goes on behind the last shard it names. docs/formats.md has the files byte by byte.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "io/block_writer.hpp"
#include "io/files.hpp"
#include "io/shard_folder.hpp"
#include "io/tokenizer.hpp"
#include "sched/task.hpp"

namespace io {

struct ShardSettings {
  TokenVocabulary vocabulary;
  /// A shard is full once it holds as many; it ends with the document that fills it.
  std::uint64_t tokens_per_shard = 100'000'000;
  /// Whatever decides the tokens beside the vocabulary and the corpus, for the caller to compare: a folder made under
  /// other settings is not gone on with. Valid UTF-8.
  std::string settings;
  /// Two blocks of tokens are held, and two of a sixteenth of it for the index. A multiple of 128.
  std::size_t block_bytes = 1 << 20;
};

/// One coroutine at a time uses it, on one executor. May die at any time; what is unfinished then is removed by the
/// next writer of the folder.
class TokenShardWriter {
 public:
  /// Makes the folder where there is none, and goes on with one whose index.json is not complete: files of shards that
  /// index.json does not name are removed. Blocking calls: before a run begins.
  ///   Throws CorpusError for a folder that is complete, damaged, made with another vocabulary or other settings, or
  ///   that holds shards without an index.json; FileError where the folder cannot be made or tidied up.
  TokenShardWriter(Files& files, std::string folder, ShardSettings settings);

  /// What index.json says, or will say once it is written: where to go on is its `position`, empty for the beginning.
  const ShardFolder& folder() const noexcept { return folder_; }

  // Each of the following throws FileError, after it has removed what was unfinished: then only the destructor may be
  // called. The disk being full is such a case.

  /// Ids of the document under way. Requires every id to be below the vocabulary's size; `ids` stays where it is until
  /// this ends.
  sched::task<void> append(std::span<const TokenId> ids);
  /// Ends the document under way, an empty one where nothing was appended. `text_bytes`: of what it was made from.
  sched::task<void> end_document(std::uint64_t text_bytes);
  /// Takes back what was appended since the last document ended.
  sched::task<void> drop_document();

  /// The shard under way has its tokens, and no document is under way: time for `finish_shard`.
  bool shard_is_full() const noexcept;
  /// What the shard under way holds in whole documents.
  const ShardCounts& counts() const noexcept { return counts_; }

  /// Makes a shard of what was written, none where that is nothing, and writes index.json. `position`: where a later
  /// writer goes on, valid UTF-8. `last`: the folder is complete with it.
  ///   Requires that no document is under way.
  sched::task<void> finish_shard(std::string position, bool last);

 private:
  sched::task<void> begin_shard();
  sched::task<void> write_shard(ShardFolder& folder);
  sched::task<void> write_index(const ShardFolder& folder);
  sched::task<void> finish(ShardFolder& folder);
  sched::task<void> sync_folder();
  sched::task<void> or_discard(sched::task<void> work);
  sched::task<void> discard();
  void go_on_with(ShardFolder found);
  void remove_unnamed();
  std::string path_of(const std::string& name) const { return folder_path_ + "/" + name; }

  Files& files_;
  std::string folder_path_;
  ShardSettings settings_;
  ShardFolder folder_;
  bool index_written_ = false;
  bool failed_ = false;
  BlockWriter tokens_;
  BlockWriter entries_;
  ShardCounts counts_;                 // of whole documents of the shard under way
  std::uint64_t document_tokens_ = 0;  // of the document under way
  bool document_under_way_ = false;
};

}  // namespace io
