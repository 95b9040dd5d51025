#include "compute/rope.hpp"

#include <atomic>
#include <cassert>
#include <cmath>
#include <memory>
#include <vector>

#include "compute/scalar_math.hpp"

namespace compute {

namespace {

constexpr double pi = 0x1.921fb54442d18p+1;

double scaled(double frequency, const RopeAngles& angles) noexcept {
  if (angles.scaling == RopeScaling::none) return frequency;
  if (angles.scaling == RopeScaling::linear) return frequency / angles.factor;
  const double turns = angles.original_positions * frequency / (2 * pi);  // over the context of the first training
  if (turns < angles.low_frequency_factor) return frequency / angles.factor;
  if (turns > angles.high_frequency_factor) return frequency;
  const double kept =
      (turns - angles.low_frequency_factor) / (angles.high_frequency_factor - angles.low_frequency_factor);
  return (1 - kept) * frequency / angles.factor + kept * frequency;
}

std::vector<float> make_table(const RopeAngles& angles, std::size_t D, std::size_t positions) {
  assert(D % 2 == 0);
  const std::size_t pairs = D / 2;
  const double log_theta = log(angles.theta);
  std::vector<float> table(positions * D);
  for (std::size_t i = 0; i < pairs; ++i) {
    const auto plain_frequency =
        static_cast<float>(exp(-static_cast<double>(2 * i) / static_cast<double>(D) * log_theta));
    const auto frequency = static_cast<float>(scaled(static_cast<double>(plain_frequency), angles));
    for (std::size_t position = 0; position < positions; ++position) {
      const float angle = static_cast<float>(position) * frequency;
      const double half_turns = static_cast<double>(angle) * (1 / pi);
      table[position * D + i] = static_cast<float>(cos_pi(half_turns));
      table[position * D + pairs + i] = static_cast<float>(sin_pi(half_turns));
    }
  }
  return table;
}

struct Table {
  RopeAngles angles;
  std::size_t D, positions;
  std::vector<float> floats;
  const Table* next = nullptr;
};

/// All tables, the newest first. They are only ever added.
std::atomic<const Table*> tables = nullptr;

const Table* find(const Table* first, const RopeAngles& angles, std::size_t D, std::size_t positions) noexcept {
  for (const Table* table = first; table != nullptr; table = table->next)
    if (table->angles == angles && table->D == D && table->positions == positions) return table;
  return nullptr;
}

}  // namespace

const float* rope_table(const RopeAngles& angles, std::size_t D, std::size_t positions) noexcept {
  const Table* first = tables.load(std::memory_order_acquire);
  if (const Table* const found = find(first, angles, D, positions)) return found->floats.data();
  auto made = std::make_unique<Table>(Table{angles, D, positions, make_table(angles, D, positions)});
  made->next = first;
  // Where others have added meanwhile, one of theirs may be the same.
  while (!tables.compare_exchange_weak(first, made.get(), std::memory_order_acq_rel, std::memory_order_acquire)) {
    if (const Table* const found = find(first, angles, D, positions)) return found->floats.data();
    made->next = first;
  }
  return made.release()->floats.data();
}

namespace plain {

void rope_rotate(Matrix x, const float* table, std::size_t D, std::size_t T, std::size_t first_position,
                 Turn turn) noexcept {
  assert(D % 2 == 0 && x.columns % D == 0);
  const std::size_t pairs = D / 2;
  for (std::size_t row = 0; row < x.rows; ++row) {
    const float* cosines = table + (first_position + row % T) * D;
    for (std::size_t head = 0; head < x.columns; head += D) {
      float* a = x.data + row * x.stride + head;
      for (std::size_t i = 0; i < pairs; ++i) {
        const float cosine = cosines[i];
        const float sine = turn == Turn::forward ? cosines[pairs + i] : -cosines[pairs + i];
        const float first = a[i], second = a[pairs + i];
        a[i] = std::fma(first, cosine, -(second * sine));
        a[pairs + i] = std::fma(second, cosine, first * sine);
      }
    }
  }
}

}  // namespace plain

}  // namespace compute
