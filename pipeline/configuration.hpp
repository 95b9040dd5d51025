#pragma once

// The options of a run as a checkpoint keeps them: by name, as text. A run goes on with the options it began with, but
// for those that cannot change a bit of its weights.

#include <string>
#include <utility>
#include <vector>

#include "pipeline/settings.hpp"

namespace pipeline {

/// Options and their values, in a fixed order.
using Configuration = std::vector<std::pair<std::string, std::string>>;

/// Of completed settings; `shuffle` is the one resolved.
Configuration configuration_of(const TrainSettings& settings, Shuffle shuffle);

/// What may not differ on resume and does, a line for each: "--lr is 0.1 and was 0.01".
std::vector<std::string> configuration_differences(const Configuration& was, const Configuration& is);

/// All that may not differ, as text.
std::string fixed_text(const Configuration& configuration);

/// The value of an option; empty where there is none.
std::string value_of(const Configuration& configuration, const std::string& option);

}  // namespace pipeline
