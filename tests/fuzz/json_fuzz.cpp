// Both readers of JSONL take any bytes and give one answer, however the line is cut. Not built by meson; clang only:
//
//   clang++-16 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I. -o /tmp/json_fuzz
//     tests/fuzz/json_fuzz.cpp io/json_record.cpp io/json_stream*.cpp io/text_key.cpp io/utf8.cpp -lsimdjson
//   /tmp/json_fuzz -max_len=300 -max_total_time=180 FOLDER        (FOLDER keeps what it finds worth trying again)
//
// The first byte says how the line is cut, the others are the line.

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "tests/io/json_answers.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view line(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const char* key : {"text", "a.b"}) {
    io::JsonRecordReader reader{io::TextKey(key)};
    io::JsonStream stream{io::TextKey(key)};
    const JsonAnswer whole = answer_of_reader(reader, line);
    const JsonAnswer pieces = answer_of_stream(stream, line, 1 + data[0] % 20);
    const JsonAnswer one = answer_of_stream(stream, line, size);
    if (!(whole == pieces) || !(whole == one) || io::first_invalid_utf8(whole.text)) {
      std::cerr << key << ": whole " << whole << ", in pieces " << pieces << ", in one " << one << '\n';
      std::abort();
    }
  }
  return 0;
}
