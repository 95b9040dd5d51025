#pragma once

// How reading a checkpoint says what is wrong with it.

#include <stdexcept>

namespace pipeline {

/// What was asked for as RUN or CHECKPOINT does not hold one. The text is one line.
class CheckpointError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace pipeline
