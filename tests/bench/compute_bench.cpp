// What `./dev bench compute` measures besides whole runs, one JSON line each:
//
//   compute_bench machine THREADS            multiply-adds and memory bandwidth of that many threads at once
//   compute_bench products PRESET [TARGET]   every product of a preset's step, beside oneDNN's and OpenBLAS' where they
//                                            are installed; TARGET (AVX2, AVX3): the instructions of ours
//
// Products run in turn, ours and theirs, by the time of the thread: on a shared machine what others take is not ours.
// The answers are checked before anything is timed. Both libraries must be told to use one thread (compute.py does).

#include <dlfcn.h>
#include <hwy/targets.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "compute/adamw.hpp"
#include "compute/cpu.hpp"
#include "compute/gpt2_head.hpp"
#include "compute/machine.hpp"
#include "compute/product.hpp"
#include "pipeline/memory.hpp"

namespace {

using compute::As;
using compute::ConstMatrix;
using compute::Matrix;

double thread_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(const std::function<void()>& work) {
  const double start = thread_seconds();
  work();
  return thread_seconds() - start;
}

/// Flops per second of the multiply-adds alone, the best of a few milliseconds.
double peak() {
  double best = 0;
  for (int i = 0; i < 10; ++i) {
    double flops = 0;
    const double seconds = seconds_of([&flops] { flops = compute::run_multiply_adds(100'000); });
    best = std::max(best, flops / seconds);
  }
  return best;
}

double bandwidth() {
  const std::size_t count = 16u << 20;
  std::vector<float> out(count), a(count, 1.0f), b(count, 2.0f);
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const double seconds = seconds_of([&] { compute::add(out, a, b); });
    best = std::max(best, static_cast<double>(count) * compute::bandwidth_bytes_per_float / seconds);
  }
  return best;
}

/// The sum of what `threads_count` threads reach at once.
double together(std::size_t threads_count, double (*measure)()) {
  std::vector<double> rates(threads_count);
  std::vector<std::thread> threads;
  for (double& rate : rates) threads.emplace_back([&rate, measure] { rate = measure(); });
  for (std::thread& thread : threads) thread.join();
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

/// Products of others, found when the program starts: nothing of them is needed to build it.
struct Libraries {
  // oneDNN 2 and 3, C interface: everything in rows, (M, K) (K, N).
  using OnednnSgemm = int (*)(char a_as, char b_as, std::int64_t M, std::int64_t N, std::int64_t K, float alpha,
                              const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride, float beta,
                              float* out, std::int64_t out_stride);
  // The C interface of BLAS.
  using CblasSgemm = void (*)(int order, int a_as, int b_as, int M, int N, int K, float alpha, const float* a,
                              int a_stride, const float* b, int b_stride, float beta, float* out, int out_stride);
  OnednnSgemm onednn = find<OnednnSgemm>({"libdnnl.so.3", "libdnnl.so.2"}, "dnnl_sgemm");
  CblasSgemm openblas = find<CblasSgemm>({"libopenblas.so.0"}, "cblas_sgemm");

 private:
  template <class Function>
  static Function find(std::initializer_list<const char*> files, const char* name) {
    for (const char* file : files) {
      if (void* const library = dlopen(file, RTLD_NOW | RTLD_LOCAL))
        return reinterpret_cast<Function>(dlsym(library, name));
    }
    return nullptr;
  }
};

const Libraries& libraries() {
  static const Libraries all;
  return all;
}

/// out (M, N) = op(a) op(b), or added to it, as a micro-batch takes it.
struct Case {
  const char* name;
  std::size_t M, K, N;
  As a_as, b_as;
  bool b_is_weight;
  compute::Store store;
  bool add = false;
};

struct Shape {
  const char* name;
  std::size_t channels, vocabulary, rows;
};
constexpr Shape shapes[] = {{"seed", 64, 500, 32},
                            {"tiny", 64, 4096, 128},
                            {"char", 384, 257, 256},
                            {"small", 384, 50257, 256},
                            {"gpt2", 768, 50257, 256}};

std::vector<Case> cases_of(const Shape& shape) {
  const std::size_t C = shape.channels, T = shape.rows, V = shape.vocabulary;
  const auto kept = compute::Store::cached, gradient = C >= 384 ? compute::Store::streamed : kept;
  // compute/gpt2_packed.cpp: what is stored and narrow is read where it lies.
  const auto packed = [](As b_as, std::size_t columns) { return b_as == As::transposed || columns > 64; };
  std::vector<Case> cases;
  const auto layer = [&](std::size_t inputs, std::size_t outputs) {
    cases.push_back({"forward", T, inputs, outputs, As::stored, As::stored, packed(As::stored, outputs), kept});
    cases.push_back({"dx", T, outputs, inputs, As::stored, As::transposed, true, kept});
    cases.push_back({"dw", inputs, T, outputs, As::transposed, As::stored, false, gradient});
  };
  layer(C, 3 * C);
  layer(C, C);
  layer(C, 4 * C);
  layer(4 * C, C);
  // The head's weights are the token embedding, stored (outputs, inputs). Back it goes some columns at a time.
  const std::size_t columns = std::min(V, compute::dlogit_columns);
  cases.push_back({"head", T, C, V, As::stored, As::transposed, true, kept});
  cases.push_back({"head dx", T, columns, C, As::stored, As::stored, packed(As::stored, C), kept, columns < V});
  cases.push_back({"head dw", columns, T, C, As::transposed, As::stored, false, gradient});
  return cases;
}

pipeline::FloatArena numbers(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  pipeline::FloatArena x(count);
  for (float& value : x.span()) value = static_cast<float>(random() >> 8) * 0x1p-24f - 0.5f;
  return x;
}

/// One product with memory of its own, as a run has it: on huge pages where there are any.
struct Operands {
  explicit Operands(const Case& which)
      : c(which),
        a_floats(numbers(c.M * c.K, 1)),
        b_floats(numbers(c.K * c.N, 2)),
        scratch(compute::product_scratch_floats),
        packed(c.b_is_weight ? compute::packed_floats(c.K, c.N) : 0),
        out(c.M * c.N),
        a(matrix(a_floats, c.a_as, c.M, c.K)),
        b(matrix(b_floats, c.b_as, c.K, c.N)) {
    if (c.b_is_weight) compute::pack(packed.span().data(), b, c.b_as, 0, b.rows);
  }

  static Matrix matrix(pipeline::FloatArena& floats, As as, std::size_t rows, std::size_t columns) {
    float* const data = floats.span().data();
    return as == As::stored ? compute::dense(data, rows, columns) : compute::dense(data, columns, rows);
  }

  /// As a step takes it: weights are packed already, gradients of larger models go past the caches.
  void ours() {
    const Matrix result = compute::dense(out.span().data(), c.M, c.N);
    float* const room = scratch.span().data();
    const compute::PackedMatrix weight{packed.span().data(), c.K, c.N};
    if (c.b_is_weight && c.add) {
      compute::multiply_add(result, a, c.a_as, weight, room);
    } else if (c.b_is_weight) {
      compute::multiply(result, a, c.a_as, weight, nullptr, room);
    } else if (c.add) {
      compute::multiply_add(result, a, c.a_as, b, c.b_as, room);
    } else {
      compute::multiply(result, a, c.a_as, b, c.b_as, nullptr, room, c.store);
    }
  }

  void onednn() {
    const auto letter = [](As as) { return as == As::stored ? 'N' : 'T'; };
    const auto size = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    libraries().onednn(letter(c.a_as), letter(c.b_as), size(c.M), size(c.N), size(c.K), 1.0f, a.data, size(a.stride),
                       b.data, size(b.stride), c.add ? 1.0f : 0.0f, out.span().data(), size(c.N));
  }

  void openblas() {
    constexpr int rows = 101, stored = 111, transposed = 112;
    const auto form = [](As as) { return as == As::stored ? stored : transposed; };
    const auto size = [](std::size_t n) { return static_cast<int>(n); };
    libraries().openblas(rows, form(c.a_as), form(c.b_as), size(c.M), size(c.N), size(c.K), 1.0f, a.data,
                         size(a.stride), b.data, size(b.stride), c.add ? 1.0f : 0.0f, out.span().data(), size(c.N));
  }

  /// The largest difference of the result's corners from sums in double, against the size of the terms.
  double error() const {
    double largest = 0;
    for (const std::size_t i : {std::size_t{0}, c.M / 2, c.M - 1}) {
      for (const std::size_t j : {std::size_t{0}, c.N / 2, c.N - 1}) {
        double sum = 0, size = 0;
        for (std::size_t k = 0; k < c.K; ++k) {
          const double left = c.a_as == As::stored ? a.data[i * a.stride + k] : a.data[k * a.stride + i];
          const double right = c.b_as == As::stored ? b.data[k * b.stride + j] : b.data[j * b.stride + k];
          sum += left * right;
          size += std::abs(left * right);
        }
        largest = std::max(largest, std::abs(sum - static_cast<double>(out.span()[i * c.N + j])) / size);
      }
    }
    return largest;
  }

  Case c;
  pipeline::FloatArena a_floats, b_floats, scratch, packed, out;
  ConstMatrix a, b;
};

struct Contender {
  const char* name;
  void (Operands::*run)();
};

std::vector<Contender> contenders() {
  std::vector<Contender> all = {{"icosa", &Operands::ours}};
  if (libraries().onednn != nullptr) all.push_back({"onednn", &Operands::onednn});
  if (libraries().openblas != nullptr) all.push_back({"openblas", &Operands::openblas});
  return all;
}

/// The fastest eighth ends here.
double typical(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 8];
}

bool measure(const char* preset, const Case& c) {
  Operands operands(c);
  const std::vector<Contender> all = contenders();
  for (const Contender& one : all) {
    std::fill(operands.out.span().begin(), operands.out.span().end(), c.add ? 0 : -1e30f);
    (operands.*one.run)();
    if (operands.error() < 1e-5) continue;
    std::fprintf(stderr, "%s gives a wrong product: %s %zu x %zu x %zu\n", one.name, c.name, c.M, c.K, c.N);
    return false;
  }
  const double flops = 2.0 * static_cast<double>(c.M) * static_cast<double>(c.K) * static_cast<double>(c.N);
  const double one_run = std::max(flops / 80e9, 1e-6);
  const int runs_per_sample = std::max(1, static_cast<int>(1e-3 / one_run));
  const int samples =
      std::clamp(static_cast<int>(0.4 / (one_run * runs_per_sample * static_cast<double>(all.size()))), 5, 40);
  double flops_per_second_max = peak();
  std::vector<std::vector<double>> seconds(all.size());
  for (int sample = 0; sample < samples; ++sample) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto runs = [&] {
        for (int run = 0; run < runs_per_sample; ++run) (operands.*all[i].run)();
      };
      // Once for warmth: after narrow instructions wide ones are slow for a while, and the caches hold another's
      // memory.
      runs();
      seconds[i].push_back(seconds_of(runs) / runs_per_sample);
    }
  }
  flops_per_second_max = std::max(flops_per_second_max, peak());
  double best_of_theirs = 0;
  std::printf("{\"what\": \"product\", \"preset\": \"%s\", \"name\": \"%s\", \"M\": %zu, \"K\": %zu, \"N\": %zu",
              preset, c.name, c.M, c.K, c.N);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double rate = flops / typical(seconds[i]);
    if (i > 0) best_of_theirs = std::max(best_of_theirs, rate);
    std::printf(", \"%s\": %.1f", all[i].name, 1e-9 * rate);
  }
  const double rate = flops / typical(seconds[0]);
  std::printf(", \"peak\": %.1f, \"share_of_peak\": %.3f", 1e-9 * flops_per_second_max, rate / flops_per_second_max);
  if (all.size() > 1) std::printf(", \"against_the_better\": %.3f", rate / best_of_theirs);
  std::printf("}\n");
  std::fflush(stdout);
  return true;
}

void choose_target(const char* name) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (std::strcmp(name, hwy::TargetName(target)) == 0) hwy::SetSupportedTargetsForTest(target);
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

int usage() {
  std::fprintf(stderr, "compute_bench machine THREADS | products PRESET [TARGET]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  compute::set_floating_point_mode();
  if (argc < 3) return usage();
  const std::string what = argv[1];
  if (what == "machine") {
    const auto threads = static_cast<std::size_t>(std::atoi(argv[2]));
    std::printf(
        "{\"what\": \"machine\", \"threads\": %zu, \"instructions\": \"%s\", \"gflops\": %.1f, \"gbytes\": %.1f}\n",
        threads, std::string(compute::instruction_set()).c_str(), 1e-9 * together(threads, &peak),
        1e-9 * together(threads, &bandwidth));
    return 0;
  }
  if (what != "products") return usage();
  if (argc > 3) choose_target(argv[3]);
  bool all_right = true;
  for (const Shape& shape : shapes) {
    if (shape.name != std::string(argv[2])) continue;
    for (const Case& c : cases_of(shape)) all_right = measure(shape.name, c) && all_right;
  }
  return all_right ? 0 : 1;
}
