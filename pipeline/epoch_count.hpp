#pragma once

// How long a run bounded by epochs is: its schedule needs to know, so its corpus is read and tokenized once beforehand,
// by all cores. What has been counted is kept with the run.

#include <cstdint>
#include <optional>
#include <string>

#include "io/files.hpp"
#include "pipeline/console.hpp"
#include "pipeline/ingest.hpp"
#include "pipeline/resume.hpp"
#include "sched/cores.hpp"
#include "sched/task.hpp"

namespace pipeline {

/// The targets that the whole plan of `ingest` gives. Shows how far it is.
///   bytes_total: of the files that are read; nothing where that is not known.
///   Throws Interrupted where the user asks for the end.
sched::task<std::uint64_t> count_targets(Ingest ingest, sched::Cores& cores, Console& console,
                                         std::optional<std::uint64_t> bytes_total);

/// What a count depends on: a checksum of the options that may not change, the tokenizer and the corpus.
std::string count_key(const RunIdentity& identity);

/// What RUN/epochs.json says (docs/formats.md), where it was counted for the same `key`. A file that is damaged or of
/// another key counts for nothing: it is written anew. By blocking calls. Throws NewerVersionError.
std::optional<std::uint64_t> read_count(const std::string& run, const std::string& key);

/// Writes it; it appears by a rename. Throws FileError.
sched::task<void> keep_count(io::Files& files, const std::string& run, std::string key, std::uint64_t targets_count);

}  // namespace pipeline
