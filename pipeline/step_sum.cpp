#include "pipeline/step_sum.hpp"

#include <algorithm>
#include <array>

#include "compute/tree_sum.hpp"

namespace pipeline {

static_assert(sched::sphere == compute::tree_sum_max);

const char* gradient_memory_name(GradientMemory memory) noexcept {
  switch (memory) {
    case GradientMemory::lean:
      return "lean";
    case GradientMemory::fast:
      return "fast";
    case GradientMemory::automatic:
      break;
  }
  return "auto";
}

std::size_t gradient_buffers_count(GradientMemory memory, std::size_t step_batches_count, std::size_t cores_count) {
  if (memory == GradientMemory::lean) return cores_count + sched::SumTree(step_batches_count).depth() + 1;
  // The cores are at work in so many spheres of twelve; in each of them, and in one of each size above, all children
  // but one may wait.
  const std::size_t spheres_under_way = (cores_count + sched::sphere - 1) / sched::sphere;
  const std::size_t levels = sched::Spheres<Gradient>(step_batches_count).levels_count();
  const std::size_t enough = cores_count + (sched::sphere - 1) * (spheres_under_way + levels - 1);
  return std::min(step_batches_count, enough);
}

StepSum::StepSum(std::size_t step_batches_count, GradientMemory memory, sched::Pool<Gradient>& buffers)
    : buffers_(buffers), tree_(step_batches_count) {
  assert(memory != GradientMemory::automatic);
  if (memory == GradientMemory::fast) spheres_.emplace(step_batches_count);
}

Gradient* StepSum::take_waiting(std::size_t index) noexcept {
  return spheres_ ? nullptr : tree_.take_waiting<Gradient>(index);
}

const GradientRow* StepSum::arrive(std::size_t index, std::size_t present_count, Gradient* gradient,
                                   compute::Into into) {
  if (spheres_)
    return spheres_->arrive(index, present_count, gradient, [this](const GradientRow& row) { return add_row(row); });
  const auto add_two = [this](Gradient* left, Gradient* right) {
    Gradient* const both = add(left, right);
    buffers_.give_back(right);
    return both;
  };
  const bool complete = into == compute::Into::added
                            ? tree_.arrive_added(index, present_count, gradient, add_two, rest_)
                            : tree_.arrive(index, present_count, gradient, add_two, rest_);
  return complete ? &rest_ : nullptr;
}

Gradient* StepSum::add_row(const GradientRow& row) {
  Gradient* const sum = add_counts(row);
  std::array<const float*, sched::sphere> values{};
  for (std::size_t i = 0; i < row.count; ++i) values[i] = row.values[i]->values.data();
  compute::tree_sum(sum->values, {values.data(), row.count});
  for (std::size_t i = 1; i < row.count; ++i) buffers_.give_back(row.values[i]);
  return sum;
}

Gradient* add_counts(const GradientRow& row) {
  return sched::fold(row, [](Gradient* left, Gradient* right) { return add_counts(left, right); });
}

}  // namespace pipeline
