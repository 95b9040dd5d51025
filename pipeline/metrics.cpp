#include "pipeline/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/json.hpp"

namespace pipeline {

std::string to_json_line(const StepMetrics& metrics) {
  return fmt::format(
      "{{\"step\": {}, \"tokens\": {}, \"loss\": {}, \"lr\": {}, \"grad_norm\": {}, \"step_ms\": {}, "
      "\"data_wait_ms\": {}, \"boundary_wait_ms\": {}, \"update_ms\": {}, \"tokens_per_second\": {}}}\n",
      metrics.step, metrics.targets_count, json_number(metrics.loss), json_number(metrics.learning_rate),
      json_number(metrics.gradient_norm), json_number(metrics.step_ms), json_number(metrics.data_wait_ms),
      json_number(metrics.boundary_wait_ms), json_number(metrics.update_ms), json_number(metrics.tokens_per_second));
}

std::string progress_line(const StepMetrics& metrics, std::uint64_t steps_total, double seconds_left,
                          std::size_t width) {
  const std::string figures =
      fmt::format(" {}/{}  loss {:.3f}  {} tok/s  {} left", metrics.step, steps_total, metrics.loss,
                  format_count(static_cast<std::uint64_t>(metrics.tokens_per_second)), format_duration(seconds_left));
  constexpr std::size_t bar_columns_max = 30;
  const std::size_t room = width > figures.size() + 3 ? width - figures.size() - 3 : 0;
  const std::size_t columns = std::min(room, bar_columns_max);
  const std::size_t filled = steps_total == 0 ? 0 : columns * std::min(metrics.step, steps_total) / steps_total;
  return "[" + std::string(filled, '#') + std::string(columns - filled, ' ') + "]" + figures;
}

std::string format_duration(double seconds) {
  const auto total = static_cast<std::uint64_t>(std::max(0.0, seconds) + 0.5);
  if (total >= 3600) return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr const char* units[] = {"kB", "MB", "GB", "TB"};
  double amount = static_cast<double>(bytes) * 1e-3;
  std::size_t unit = 0;
  while (amount >= 999.95 && unit + 1 < std::size(units)) amount *= 1e-3, ++unit;
  return fmt::format("{:.1f} {}", amount, units[unit]);
}

}  // namespace pipeline
