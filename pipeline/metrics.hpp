#pragma once

// What is measured about every step, as it stands in metrics.jsonl and on the progress line.

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/core_times.hpp"

namespace pipeline {

struct StepMetrics {
  std::uint64_t step = 0;
  std::uint64_t targets_count = 0;  ///< since the run began
  double loss = 0;                  ///< nats per target of this step
  double learning_rate = 0;
  double gradient_norm = 0;
  double step_ms = 0;
  std::vector<Spending> cores;      ///< what each executor did during the step
  std::size_t batches_waiting = 0;  ///< in the channel, at the end of the step
  double update_ms = 0;
  double tokens_per_second = 0;
};

/// Milliseconds of one kind: of every executor as a JSON list, and their mean.
std::string milliseconds_json(const std::vector<Spending>& cores, Spent spent);
double milliseconds_mean(const std::vector<Spending>& cores, Spent spent);

/// A line of metrics.jsonl, with its newline.
std::string to_json_line(const StepMetrics& metrics);

/// "[#####     ]  120/600  loss 5.123  3,210 tok/s  1:23 left"; `width` columns at most.
std::string progress_line(const StepMetrics& metrics, std::uint64_t steps_total, double seconds_left,
                          std::size_t width);

/// "1:02:03", "2:03", "0:07".
std::string format_duration(double seconds);

/// "38 ms", "4.2 s", then as above: how long something took that may be short.
std::string format_passed(double seconds);
/// "0.42", "7.3", "12,345": of tokens per second.
std::string format_rate(double rate);

/// "12,345,678".
std::string format_count(std::uint64_t count);
/// "4.0 GB".
std::string format_bytes(std::uint64_t bytes);

}  // namespace pipeline
