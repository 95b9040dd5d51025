#pragma once

// Runs a claim under every instruction set that this machine and this build share.

#include <hwy/highway.h>

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace tests {

/// Calls `claim()` with each target chosen for dynamic dispatch in turn, and leaves the machine's own behind.
template <class Claim>
void for_each_target(const Claim& claim) {
  const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  for (const std::int64_t target : targets) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    BOOST_TEST_CONTEXT("target " << hwy::TargetName(target)) {
      claim();
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

/// Whether two arrays hold the same bits.
inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

}  // namespace tests
