#pragma once

// What a corpus was when a run began: a line for each file with its origin, its size and, where that costs little, a
// checksum. Kept in every checkpoint, so that a run goes on with the documents it began with or says which changed.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/files.hpp"
#include "pipeline/dataset.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// corpus.jsonl of a checkpoint (docs/formats.md). The files of corpora of at most `manifest_checked_bytes` and
/// `manifest_checked_files` in all are read for their checksums, before training reads them; larger ones have sizes
/// only.
sched::task<std::string> corpus_manifest(io::Files& files, const std::vector<Dataset>& datasets);

inline constexpr std::uint64_t manifest_checked_bytes = 64u << 20;
inline constexpr std::uint64_t manifest_checked_files = 4096;

/// How the files of two manifests differ, a line for each: "a/b.txt has 12 bytes and had 10". At most `lines_max`, and
/// one more that counts the others. Empty where they are the same.
///   Throws std::runtime_error where `was` is not a manifest.
std::vector<std::string> manifest_differences(std::string_view was, std::string_view is, std::size_t lines_max);

}  // namespace pipeline
