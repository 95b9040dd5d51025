// Any bytes as the header of a safetensors file are taken apart or refused in one line. Not built by meson; clang only:
//
//   clang++-16 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I. -o
//   /tmp/safetensors_fuzz
//     tests/fuzz/safetensors_fuzz.cpp io/safetensors_header.cpp io/path_text.cpp io/utf8.cpp -lsimdjson -lfmt
//   /tmp/safetensors_fuzz -max_len=400 -max_total_time=180 FOLDER        (FOLDER keeps what it finds worth trying
//   again)
//
// The first two bytes are how much data there is, the others the header.

#include <cstdlib>
#include <iostream>
#include <string>

#include "io/safetensors_header.hpp"

namespace {

[[noreturn]] void fail(const std::string& reason) {
  std::cerr << reason << '\n';
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint64_t data_bytes = data[0] + 256u * data[1];
  const std::string_view header(reinterpret_cast<const char*>(data) + 2, size - 2);
  try {
    std::uint64_t sum = 0;
    for (const auto& [name, tensor] : io::parse_safetensors_header(header, data_bytes, "file")) {
      if (tensor.begin_bytes > tensor.end_bytes || tensor.end_bytes > data_bytes) fail("out of range");
      sum += tensor.end_bytes - tensor.begin_bytes;
    }
    if (sum != data_bytes) fail("an overlap or a gap");
  } catch (const io::SafetensorsError& error) {
    const std::string text = error.what();
    if (!text.starts_with("file: ") || text.find('\n') != text.npos) fail(text);
  }
  return 0;
}
