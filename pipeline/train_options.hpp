#pragma once

// The options of the commands that read documents: `icosa train`, `icosa tokenize` and, of those, what others share.

#include <CLI/CLI.hpp>
#include <functional>

#include "pipeline/config_file.hpp"
#include "pipeline/settings.hpp"

namespace pipeline {

/// Which documents are read, how, and in which order.
void add_data(CLI::App& app, DataSettings& settings);

/// chosen: what to run, once the command line has been read. config: what `--config` named, read before.
void add_train(CLI::App& app, const ConfigFile& config, std::function<int()>& chosen);
void add_tokenize(CLI::App& app, const ConfigFile& config, std::function<int()>& chosen);

}  // namespace pipeline
