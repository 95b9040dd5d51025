#pragma once

// How reading a checkpoint says what is wrong with it.

#include <stdexcept>

namespace pipeline {

/// What was asked for as RUN or CHECKPOINT does not hold one. The text is one line.
class CheckpointError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// It does, but of a version that comes after ours: nothing is wrong with it.
class NewerVersionError : public CheckpointError {
 public:
  using CheckpointError::CheckpointError;
};

}  // namespace pipeline
