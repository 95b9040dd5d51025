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

#include "sched/row.hpp"

namespace sched {

class SumTree {
 public:
  /// A tree over `leaves_count` micro-batches, at least 1.
  explicit SumTree(std::size_t leaves_count);

  std::size_t leaves_count() const noexcept { return leaves_count_; }

  /// Additions between a leaf and the root on the longest way. With leaves begun in order, cores + depth + 1 values
  /// alive at once are enough for every core to go on.
  std::size_t depth() const noexcept { return depth_; }

  /// Hands `value` over at a leaf. Whoever comes second to a node combines: `combine(left, right)` makes the sum of the
  /// two, takes both over and returns where it stands. But where everything else has arrived, nothing more is combined:
  /// `rest` becomes the chain of what is left on the way to the root, for all executors to share, and true is returned.
  /// False to all others. Each leaf once; then the tree is ready for the next step. From any thread, without a lock.
  ///   `present_count`: leaves of this step, the first ones of the tree; an absent leaf contributes nothing.
  template <class T, class Combine>
  bool arrive(std::size_t leaf, std::size_t present_count, T* value, Combine&& combine, Row<T>& rest) {
    assert(leaf < present_count && present_count <= leaves_count_ && value != nullptr);
    return go_up(leaf_parent_[leaf], present_count, value, combine, rest);
  }

  /// For who is to hand a leaf over and can add to a value what is not there yet: the value that waits for that leaf,
  /// or nullptr. The sum of both is then handed over in the leaf's place, by `arrive_added`.
  template <class T>
  T* take_waiting(std::size_t leaf) noexcept {
    const std::uint32_t node = leaf_parent_[leaf].node;
    return node == none ? nullptr : static_cast<T*>(waiting_[node].value.exchange(nullptr, std::memory_order_acquire));
  }

  /// `arrive` after `take_waiting` gave a value, which is now the sum.
  template <class T, class Combine>
  bool arrive_added(std::size_t leaf, std::size_t present_count, T* value, Combine&& combine, Row<T>& rest) {
    return go_up(node_parent_[leaf_parent_[leaf].node], present_count, value, combine, rest);
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

  /// Whether nothing will come from a node's right side.
  bool is_passed_by(std::uint32_t node, std::size_t present_count) const noexcept {
    return right_first_leaf_[node] >= present_count;
  }

  template <class T, class Combine>
  bool go_up(Parent parent, std::size_t present_count, T* value, Combine& combine, Row<T>& rest) {
    for (; parent.node != none; parent = node_parent_[parent.node]) {
      if (is_passed_by(parent.node, present_count)) continue;
      if (is_last(parent, present_count)) break;
      std::atomic<void*>& waiting = waiting_[parent.node].value;
      T* const other = static_cast<T*>(waiting.exchange(value, std::memory_order_acq_rel));
      if (other == nullptr) return false;
      waiting.store(nullptr, std::memory_order_relaxed);
      value = parent.right != 0 ? combine(other, value) : combine(value, other);
    }
    rest = Row<T>::chain(value);
    link_waiting(parent, present_count, rest);
    return true;
  }

  /// Whether the other side waits at each node from `from` up, and fits a row with the value from below: then all other
  /// leaves have arrived.
  bool is_last(Parent from, std::size_t present_count) const noexcept {
    std::size_t count = 1;
    for (Parent above = from; above.node != none; above = node_parent_[above.node]) {
      if (is_passed_by(above.node, present_count)) continue;
      if (++count > sphere || waiting_[above.node].value.load(std::memory_order_acquire) == nullptr) return false;
    }
    return true;
  }

  template <class T>
  void link_waiting(Parent from, std::size_t present_count, Row<T>& rest) noexcept {
    for (Parent above = from; above.node != none; above = node_parent_[above.node]) {
      if (is_passed_by(above.node, present_count)) continue;
      std::atomic<void*>& waiting = waiting_[above.node].value;
      rest.link(static_cast<T*>(waiting.load(std::memory_order_relaxed)), above.right != 0);
      waiting.store(nullptr, std::memory_order_relaxed);
    }
  }

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
