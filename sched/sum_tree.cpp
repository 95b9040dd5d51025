#include "sched/sum_tree.hpp"

#include <algorithm>
#include <bit>

namespace sched {

SumTree::SumTree(std::size_t leaves_count) : leaves_count_(leaves_count), leaf_parent_(leaves_count) {
  assert(leaves_count > 0);
  node_parent_.reserve(leaves_count - 1);
  std::vector<Child> level;
  for (std::uint32_t leaf = 0; leaf < leaves_count; ++leaf) level.push_back({true, leaf, leaf, 0});
  while (level.size() > 1) {
    std::vector<Child> above;
    for (std::size_t first = 0; first < level.size(); first += sphere)
      above.push_back(split(level, first, std::min(sphere, level.size() - first)));
    level = std::move(above);
  }
  depth_ = level.front().depth;
  waiting_ = std::make_unique<Meeting[]>(node_parent_.size());
}

SumTree::Child SumTree::split(const std::vector<Child>& children, std::size_t first, std::size_t count) {
  if (count == 1) return children[first];
  const std::size_t left = std::bit_floor(count - 1);  // the largest power of two below count
  const Child left_child = split(children, first, left);
  const Child right_child = split(children, first + left, count - left);
  return join(left_child, right_child);
}

SumTree::Child SumTree::join(Child left, Child right) {
  const auto node = static_cast<std::uint32_t>(node_parent_.size());
  node_parent_.emplace_back();
  right_first_leaf_.push_back(right.first_leaf);
  parent_of(left) = {node, 0};
  parent_of(right) = {node, 1};
  return {false, node, left.first_leaf, std::max(left.depth, right.depth) + 1};
}

SumTree::Parent& SumTree::parent_of(const Child& child) {
  return child.leaf ? leaf_parent_[child.index] : node_parent_[child.index];
}

}  // namespace sched
