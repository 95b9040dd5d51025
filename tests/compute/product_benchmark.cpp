// How fast matrix products run at the shapes of training, as a share of the multiply-adds that this core can do, which
// is measured in the same run and before each line. Usage: product_benchmark [TARGET [FILTER]], e.g. AVX2 dw.
// One line each: what, M x K x N, operands, median and spread (quartiles) of the thread's time, GFLOP/s, share of peak.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/compute/product_benchmark.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace tests {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Twelve chains of multiply-adds that wait for nothing but themselves; returns their flops. Too many for one unit's
/// latency to show, few enough for 16 registers.
double MultiplyAdds(std::size_t rounds, float* sink) {
  const hn::ScalableTag<float> d;
  constexpr std::size_t chains = 12;
  hn::Vec<decltype(d)> sums[chains];
  const auto factor = hn::Set(d, *sink), addend = hn::Set(d, *sink * 0.5f);
  for (std::size_t i = 0; i < chains; ++i) sums[i] = hn::Set(d, sink[1 + i]);  // or equal chains would be merged
  for (std::size_t i = 0; i < rounds; ++i) {
    HWY_UNROLL(12)
    for (auto& sum : sums) sum = hn::MulAdd(sum, factor, addend);
  }
  auto total = sums[0];
  HWY_UNROLL(12)
  for (auto& sum : sums) total = hn::Add(total, sum);
  *sink = hn::GetLane(total) > 1e30f ? 0.5f : 0.25f;
  return 2.0 * chains * static_cast<double>(hn::Lanes(d) * rounds);
}

}  // namespace HWY_NAMESPACE
}  // namespace tests
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "compute/cpu.hpp"
#include "compute/product.hpp"

namespace tests {

HWY_EXPORT(MultiplyAdds);

namespace {

using compute::As;
using compute::ConstMatrix;
using compute::Matrix;

/// Seconds that this thread ran: on a shared machine those it was kept waiting are somebody else's.
double thread_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(const auto& work) {
  const double start = thread_seconds();
  work();
  return thread_seconds() - start;
}

/// Flops per second of the multiply-adds alone, the best of a few milliseconds.
double peak() {
  float sink[13] = {0.25f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  double best = 0;
  for (int i = 0; i < 10; ++i) {
    double flops = 0;
    const double seconds = seconds_of([&] { flops = HWY_DYNAMIC_DISPATCH(MultiplyAdds)(200'000, sink); });
    best = std::max(best, flops / seconds);
  }
  return best;
}

struct Case {
  std::string name;
  std::size_t M, K, N;
  As a_as, b_as;
  bool bias;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto layer = [&](std::size_t rows, std::size_t in, std::size_t out, bool head) {
    // The head's weights are the token embedding, stored (outputs, inputs); the others are stored (inputs, outputs).
    all.push_back({"forward", rows, in, out, As::stored, head ? As::transposed : As::stored, !head});
    all.push_back({"dx", rows, out, in, As::stored, head ? As::stored : As::transposed, false});
    if (head) {
      all.push_back({"dw", out, rows, in, As::transposed, As::stored, false});
    } else {
      all.push_back({"dw", in, rows, out, As::transposed, As::stored, false});
    }
  };
  for (const std::size_t rows : {32, 128}) {
    for (const std::size_t out : {192, 64, 256}) layer(rows, 64, out, false);
    layer(rows, 256, 64, false);
    layer(rows, 64, rows == 32 ? 500 : 4096, true);
  }
  for (const std::size_t out : {1152, 384, 1536}) layer(256, 384, out, false);
  layer(256, 1536, 384, false);
  for (const std::size_t out : {257, 50257}) layer(256, 384, out, true);
  for (const std::size_t out : {2304, 768, 3072}) layer(256, 768, out, false);
  layer(256, 3072, 768, false);
  layer(256, 768, 50257, true);
  for (const std::size_t head : {16, 64}) {  // attention, a tile of rows against 256 keys
    all.push_back({"scores", 64, head, 256, As::stored, As::transposed, false});
    all.push_back({"values", 64, 256, head, As::stored, As::stored, false});
    all.push_back({"dvalues", 64, 256, head, As::transposed, As::stored, false});
  }
  for (const std::size_t rows : {1, 4, 8}) {
    all.push_back({"generate", rows, 768, 3072, As::stored, As::stored, true});
    all.push_back({"generate", rows, 768, 50257, As::stored, As::transposed, false});
  }
  return all;
}

std::vector<float> numbers(std::size_t count) {
  std::mt19937 random(1);
  std::vector<float> x(count);
  for (float& value : x) value = static_cast<float>(random() >> 8) * 0x1p-24f - 0.5f;
  return x;
}

/// Whether the corners of the result have the bits of the definition.
bool right(const Case& c, Matrix out, ConstMatrix a, ConstMatrix b, const float* bias) {
  const std::size_t rows = std::min<std::size_t>(c.M, 3), columns = std::min<std::size_t>(c.N, 20);
  std::vector<float> expected(rows * columns);
  for (const std::size_t i : {std::size_t{0}, c.M - rows}) {
    for (const std::size_t j : {std::size_t{0}, c.N - columns}) {
      const ConstMatrix a_part = c.a_as == As::stored ? ConstMatrix{a.data + i * a.stride, rows, c.K, a.stride}
                                                      : ConstMatrix{a.data + i, c.K, rows, a.stride};
      const ConstMatrix b_part = c.b_as == As::stored ? ConstMatrix{b.data + j, c.K, columns, b.stride}
                                                      : ConstMatrix{b.data + j * b.stride, columns, c.K, b.stride};
      compute::plain::multiply(compute::dense(expected.data(), rows, columns), a_part, c.a_as, b_part, c.b_as,
                               bias == nullptr ? nullptr : bias + j);
      for (std::size_t r = 0; r < rows; ++r) {
        if (std::memcmp(&expected[r * columns], out.data + (i + r) * out.stride + j, columns * sizeof(float)) != 0) {
          return false;
        }
      }
    }
  }
  return true;
}

const char* letter(As as) {
  return as == As::stored ? "n" : "t";
}

bool measure(const Case& c) {
  const std::vector<float> a_floats = numbers(c.M * c.K), b_floats = numbers(c.K * c.N), bias_floats = numbers(c.N);
  std::vector<float> out_floats(c.M * c.N), scratch(compute::product_scratch_floats);
  const ConstMatrix a =
      c.a_as == As::stored ? compute::dense(a_floats.data(), c.M, c.K) : compute::dense(a_floats.data(), c.K, c.M);
  const ConstMatrix b =
      c.b_as == As::stored ? compute::dense(b_floats.data(), c.K, c.N) : compute::dense(b_floats.data(), c.N, c.K);
  const Matrix out = compute::dense(out_floats.data(), c.M, c.N);
  const float* bias = c.bias ? bias_floats.data() : nullptr;
  const auto run = [&] { compute::multiply(out, a, c.a_as, b, c.b_as, bias, scratch.data()); };
  run();
  if (!right(c, out, a, b, bias)) {
    std::printf("WRONG %s M=%zu K=%zu N=%zu\n", c.name.c_str(), c.M, c.K, c.N);
    return false;
  }
  const double flops = 2.0 * static_cast<double>(c.M) * static_cast<double>(c.K) * static_cast<double>(c.N);
  const double flops_per_second_max = peak();
  const int runs_per_sample = std::max(1, static_cast<int>(1e-3 / std::max(seconds_of(run), 1e-7)));
  std::vector<double> seconds;
  for (int sample = 0; sample < 15; ++sample) {
    seconds.push_back(seconds_of([&] {
                        for (int i = 0; i < runs_per_sample; ++i) run();
                      }) /
                      runs_per_sample);
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[7];
  std::printf("product %-8s M=%-5zu K=%-5zu N=%-5zu %s%s %10.1f us (%.1f-%.1f) %7.2f GFLOP/s %5.1f %% of %.1f\n",
              c.name.c_str(), c.M, c.K, c.N, letter(c.a_as), letter(c.b_as), median * 1e6, seconds[3] * 1e6,
              seconds[11] * 1e6, flops / median * 1e-9, 100 * flops / median / flops_per_second_max,
              flops_per_second_max * 1e-9);
  return true;
}

}  // namespace
}  // namespace tests

int main(int argc, char** argv) {
  if (argc > 1) {
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      if (std::string(argv[1]) == hwy::TargetName(target)) hwy::SetSupportedTargetsForTest(target);
    }
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  compute::set_floating_point_mode();
  const std::string set(compute::instruction_set());
  std::printf("peak %s %.1f GFLOP/s\n", set.c_str(), tests::peak() * 1e-9);
  bool all_right = true;
  for (const tests::Case& c : tests::cases()) {
    const std::string text = c.name + " " + std::to_string(c.M) + " " + std::to_string(c.K) + " " + std::to_string(c.N);
    if (argc > 2 && text.find(argv[2]) == std::string::npos) continue;
    all_right = tests::measure(c) && all_right;
  }
  return all_right ? 0 : 1;
}

#endif
