#include "pipeline/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/clock.hpp"
#include "pipeline/json.hpp"

namespace pipeline {

std::string milliseconds_json(const std::vector<Spending>& cores, Spent spent) {
  std::string list = "[";
  for (const Spending& core : cores)
    list += fmt::format("{}{:.3f}", list.size() > 1 ? ", " : "", milliseconds(core[spent]));
  return list + "]";
}

double milliseconds_mean(const std::vector<Spending>& cores, Spent spent) {
  double total = 0;
  for (const Spending& core : cores) total += milliseconds(core[spent]);
  return cores.empty() ? 0 : total / static_cast<double>(cores.size());
}

std::string to_json_line(const StepMetrics& metrics) {
  // The mean over the executors of each kind under its own name, and what each of them did. `update_ms` is the time
  // that the update took, whoever worked in it.
  std::string means, executors;
  for (std::size_t i = 0; i < spent_kinds; ++i) {
    const auto spent = static_cast<Spent>(i);
    if (spent != Spent::update)
      means += fmt::format("\"{}_ms\": {}, ", spent_names[i], json_number(milliseconds_mean(metrics.cores, spent)));
    executors +=
        fmt::format("{}\"{}_ms\": {}", i > 0 ? ", " : "", spent_names[i], milliseconds_json(metrics.cores, spent));
  }
  return fmt::format(
      "{{\"step\": {}, \"tokens\": {}, \"loss\": {}, \"lr\": {}, \"grad_norm\": {}, \"step_ms\": {}, "
      "{}\"update_ms\": {}, \"batches_waiting\": {}, \"executors\": {{{}}}, \"tokens_per_second\": {}}}\n",
      metrics.step, metrics.targets_count, json_number(metrics.loss), json_number(metrics.learning_rate),
      json_number(metrics.gradient_norm), json_number(metrics.step_ms), means, json_number(metrics.update_ms),
      metrics.batches_waiting, executors, json_number(metrics.tokens_per_second));
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

std::string format_passed(double seconds) {
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", 1e3 * std::max(0.0, seconds));
  return seconds < 59.95 ? fmt::format("{:.1f} s", seconds) : format_duration(seconds);
}

std::string format_rate(double rate) {
  if (rate < 0.995) return fmt::format("{:.2f}", rate);
  return rate < 9.95 ? fmt::format("{:.1f}", rate) : format_count(static_cast<std::uint64_t>(rate + 0.5));
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
