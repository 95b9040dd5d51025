#include "compute/cpu.hpp"

#include <hwy/highway.h>

#include <cfenv>

#if HWY_ARCH_X86
#include <xmmintrin.h>
#endif

namespace compute {

bool has_fma() noexcept {
  return (hwy::SupportedTargets() & ~(HWY_SCALAR | HWY_EMU128)) != 0;
}

std::string_view instruction_set() noexcept {
  const std::int64_t supported = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(supported & -supported);  // the lowest bit is the best target
}

void set_floating_point_mode() noexcept {
  std::fesetround(FE_TONEAREST);
#if HWY_ARCH_X86
  constexpr unsigned all_exceptions_masked_round_to_nearest =
      0x1f80;  // also: neither flush-to-zero nor denormals-are-zero
  _mm_setcsr(all_exceptions_masked_round_to_nearest);
#endif
}

}  // namespace compute
