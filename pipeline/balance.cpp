#include "pipeline/balance.hpp"

#include <fmt/format.h>

namespace pipeline {
namespace {

constexpr double good = 0.95;

std::size_t rounds(std::size_t batches, std::size_t cores) {
  return (batches + cores - 1) / cores;
}

}  // namespace

double balance(std::size_t step_batches_count, std::size_t cores_count) {
  return static_cast<double>(step_batches_count) /
         static_cast<double>(cores_count * rounds(step_batches_count, cores_count));
}

std::string balance_line(std::size_t workers, std::size_t accumulate, std::size_t cores_count) {
  const std::size_t batches = workers * accumulate;
  const double share = balance(batches, cores_count);
  std::string line =
      fmt::format("balance: {} micro-batches on {} core{} can keep {} busy {:.0f} % of the time", batches, cores_count,
                  cores_count == 1 ? "" : "s", cores_count == 1 ? "it" : "them", 100 * share);
  if (share >= good) return line;
  // As many rounds need no more cores than this: the others only wait.
  const std::size_t enough = rounds(batches, rounds(batches, cores_count));
  if (enough < cores_count) line += fmt::format("; --cores {} is as fast", enough);
  // As many times more as there are cores come out even at the latest.
  std::size_t factor = 2;
  while (balance(batches * factor, cores_count) < good) ++factor;
  line += fmt::format("; larger steps do better: --accumulate {} ({:.0f} %)", accumulate * factor,
                      100 * balance(batches * factor, cores_count));
  const std::size_t even = rounds(workers, cores_count) * cores_count;
  if (even != workers)
    line += fmt::format(" or --workers {} ({:.0f} %)", even, 100 * balance(even * accumulate, cores_count));
  return line;
}

}  // namespace pipeline
