#pragma once

// A part of a run's text, small enough to look at before the run begins: to learn a vocabulary from.

#include <cstdint>
#include <vector>

#include "io/corpus.hpp"
#include "pipeline/dataset.hpp"

namespace pipeline {

/// What a compressed byte is taken for where text is limited.
inline constexpr std::uint64_t bytes_of_compressed = 4;
/// Where there is more text than is read, a file may give at least one part in so many of what is: many files share it.
inline constexpr std::size_t sampled_files_min = 8;

/// By its name, all but files of tokens.
bool holds_text(const io::Source& source) noexcept;

/// At most `bytes_max` of text: all files, where they are no more together. Else the beginnings of large ones, and of
/// those every n-th, n as small as can be. Compressed bytes count bytes_of_compressed times; compressed text that is
/// one document cannot be cut and is left out where it is too large. What is read of a file stands in its sample_bytes;
/// it may end within a document or a character.
std::vector<Dataset> text_sample(const std::vector<Dataset>& datasets, std::uint64_t bytes_max);

/// Has the samples of uncompressed files end where a line does, or a word, or at least a character, by blocking reads.
/// A file that cannot be read is left as it is: whoever reads it will say so.
void end_samples(std::vector<Dataset>& sample);

}  // namespace pipeline
