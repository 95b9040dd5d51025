#pragma once

// What a corpus was when a run began: a line for each file with its origin, its size and a checksum, of a large corpus
// of parts. Kept in every checkpoint, so that a run goes on with the documents it began with or says which changed.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/files.hpp"
#include "pipeline/dataset.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// corpus.jsonl of a checkpoint (docs/formats.md). Files are read for their checksums before training reads them: whole
/// where the corpora have at most `manifest_checked_bytes` and `manifest_checked_files` in all; else of at most
/// `manifest_sampled_files`, evenly spread, the begin, the middle and the end.
sched::task<std::string> corpus_manifest(io::Files& files, const std::vector<Dataset>& datasets);

inline constexpr std::uint64_t manifest_checked_bytes = 64u << 20;
inline constexpr std::uint64_t manifest_checked_files = 4096;
inline constexpr std::uint64_t manifest_sampled_files = 1024;
inline constexpr std::uint64_t manifest_sample_bytes = 64u << 10;  // at each of three places

/// How the files of two manifests differ, a line for each: "a/b.txt has 12 bytes and had 10". At most `lines_max`, and
/// one more that counts the others. Empty where they are the same.
///   Throws std::runtime_error where `was` is not a manifest.
std::vector<std::string> manifest_differences(std::string_view was, std::string_view is, std::size_t lines_max);

}  // namespace pipeline
