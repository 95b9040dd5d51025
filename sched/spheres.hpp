#pragma once

// The tree of spheres over the micro-batches of a step: every twelve indices are a sphere, every twelve spheres a
// larger one, up to the one in whose middle the control stands. A sphere waits until all of its children have handed
// over and then hands one value up, through a boundary of its own. Which worker computes an index is nobody's concern:
// the shape is a function of the number of micro-batches alone, and so are the sums.
//
// An inner sphere has no coroutine that could be scheduled late: whoever hands over last goes on as its control.

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sched/row.hpp"

namespace sched {

template <class T>
class Spheres {
 public:
  /// Over `leaves_count` micro-batches, at least 1.
  explicit Spheres(std::size_t leaves_count) : leaves_count_(leaves_count) {
    assert(leaves_count > 0);
    std::size_t first = 0;
    std::size_t children = leaves_count;
    for (std::size_t span = 1;; span *= sphere) {
      const std::size_t count = (children + sphere - 1) / sphere;
      levels_.push_back({first, count, span});
      first += count;
      if (count == 1) break;
      children = count;
    }
    spheres_ = std::make_unique<Sphere[]>(first);
  }

  /// Levels of spheres: 1 up to 12 micro-batches, 2 up to 144.
  std::size_t levels_count() const noexcept { return levels_.size(); }
  /// Spheres of all levels.
  std::size_t count() const noexcept { return levels_.back().first + 1; }

  /// Hands `value` over at a leaf. Whoever completes a sphere makes one value of its row, `sum(row)`, and hands it up.
  /// The row of the outermost sphere is not summed here but returned, to the one who completes it, for all executors to
  /// share; it stays until the next step's first arrival there. nullptr to all others. Each leaf once; then the spheres
  /// are ready for the next step. From any thread, without a lock.
  ///   `present_count`: leaves of this step, the first ones; an absent leaf contributes nothing.
  template <class Sum>
  const Row<T>* arrive(std::size_t leaf, std::size_t present_count, T* value, Sum&& sum) {
    assert(leaf < present_count && present_count <= leaves_count_ && value != nullptr);
    std::size_t child = leaf;
    for (const Level& level : levels_) {
      const std::size_t index = child / sphere;
      Sphere& here = spheres_[level.first + index];
      const std::size_t children_present = (present_count + level.child_leaves - 1) / level.child_leaves;
      const std::size_t expected = std::min(children_present - index * sphere, sphere);
      here.boundary[child % sphere].value = value;
      if (here.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 < expected) return nullptr;
      here.arrived.store(0, std::memory_order_relaxed);
      here.row.count = expected;
      for (std::size_t i = 0; i < expected; ++i) here.row.values[i] = here.boundary[i].value;
      if (&level == &levels_.back()) return &here.row;
      value = expected == 1 ? here.row.values[0] : sum(static_cast<const Row<T>&>(here.row));
      child = index;
    }
    return nullptr;
  }

 private:
  // A line for each child: who hands over writes to nobody else's.
  struct alignas(64) Place {
    T* value = nullptr;
  };
  struct alignas(64) Sphere {
    std::array<Place, sphere> boundary;
    alignas(64) std::atomic<std::uint32_t> arrived{0};
    Row<T> row;
  };
  struct Level {
    std::size_t first;         // of its spheres, in spheres_
    std::size_t count;         // spheres
    std::size_t child_leaves;  // micro-batches below a child, where none is absent
  };

  std::size_t leaves_count_;
  std::vector<Level> levels_;
  std::unique_ptr<Sphere[]> spheres_;
};

}  // namespace sched
