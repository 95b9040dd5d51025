#pragma once

// The fixed binary tree in which the gradients of a step are added. Its shape is a function of the number of
// micro-batches alone: indices are grouped in blocks of 12, then of 144, then of 1,728; inside a block of m children it
// splits at the largest power of two below m. So the sum has the same bits whoever computes what and whoever is first.

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sched {

/// Children of one sphere: micro-batches of a block, blocks of a larger block.
inline constexpr std::size_t sphere = 12;

class SumTree {
 public:
  /// A tree over `leaves_count` micro-batches, at least 1.
  explicit SumTree(std::size_t leaves_count);

  std::size_t leaves_count() const noexcept { return leaves_count_; }

  /// Additions between a leaf and the root on the longest way. With leaves begun in order, cores + depth + 1 values
  /// alive at once are enough for every core to go on.
  std::size_t depth() const noexcept { return depth_; }

  /// Hands `value` over at a leaf. Whoever comes second to a node adds: `combine(left, right)` makes the sum of the
  /// two, takes both over and returns where it stands. Returns the root's value to the one who completes it, nullptr to
  /// all others. Each leaf once; then the tree is ready for the next step. From any thread, without a lock.
  ///   `present_count`: leaves of this step, the first ones of the tree; an absent leaf contributes nothing.
  template <class T, class Combine>
  T* arrive(std::size_t leaf, std::size_t present_count, T* value, Combine&& combine) {
    assert(leaf < present_count && present_count <= leaves_count_ && value != nullptr);
    for (Parent parent = leaf_parent_[leaf]; parent.node != none; parent = node_parent_[parent.node]) {
      if (right_first_leaf_[parent.node] >= present_count) continue;  // nothing will come from the right
      std::atomic<void*>& waiting = waiting_[parent.node].value;
      void* const other = waiting.exchange(value, std::memory_order_acq_rel);
      if (other == nullptr) return nullptr;
      waiting.store(nullptr, std::memory_order_relaxed);
      value = parent.right != 0 ? combine(static_cast<T*>(other), value) : combine(value, static_cast<T*>(other));
    }
    return value;
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  struct Parent {
    std::uint32_t node = none;
    std::uint32_t right = 0;  // 1 where the child is the right one
  };
  // The value of the child that came first; a line for each node, as different cores write to them.
  struct alignas(64) Meeting {
    std::atomic<void*> value{nullptr};
  };
  struct Child {
    bool leaf;
    std::uint32_t index;
    std::uint32_t first_leaf;
    std::size_t depth;
  };

  Child join(Child left, Child right);
  Child split(const std::vector<Child>& children, std::size_t first, std::size_t count);
  Parent& parent_of(const Child& child);

  std::size_t leaves_count_;
  std::size_t depth_ = 0;
  std::vector<Parent> leaf_parent_;
  std::vector<Parent> node_parent_;
  std::vector<std::size_t> right_first_leaf_;  // per node
  std::unique_ptr<Meeting[]> waiting_;         // per node
};

}  // namespace sched
