#pragma once

// The folder RUN/checkpoints: which checkpoints lie there, and what was left behind. By blocking calls, before a run
// begins or without one.

#include <cstdint>
#include <string>
#include <vector>

namespace pipeline {

/// "RUN/checkpoints/step-00000100".
std::string checkpoint_folder(const std::string& run, std::uint64_t step);
/// Where it is until it is whole, and from when on it is no longer wanted.
std::string temporary_folder(const std::string& checkpoint);

/// The checkpoints of a run, oldest first; each appeared by one rename, so it was whole once.
std::vector<std::string> list_checkpoints(const std::string& run);

/// The names in a folder.
std::vector<std::string> names_in(const std::string& folder);

/// Removes what a run that was killed has left of checkpoints that were being written or removed.
void remove_abandoned(const std::string& run) noexcept;

/// Whether the folder holds a run already: any of what a run writes.
bool holds_run(const std::string& path);

}  // namespace pipeline
