// How fast lines of JSONL become texts, splitting at newlines included, beside simdjson in the same run. The records
// are parts of the embedded corpus: English, and the same in Cyrillic letters, which Python's json.dumps writes as
// \uXXXX. Every entrant's texts are compared with the originals before it is timed. One line each: entrant, letters,
// length of the texts, GB of JSONL per second of this thread: median of 5, and the extremes. Usage: json_bench [FOLDER
// OF TEXTS]

#include <simdjson.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "io/json_record.hpp"
#include "io/json_string.hpp"
#include "io/utf8.hpp"

namespace {

using Take = std::function<void(std::string_view text)>;

/// Texts, and the JSONL they were written to.
struct Corpus {
  std::vector<std::string> texts;
  std::string jsonl;
};

double thread_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The corpus has each speech on one line: a paragraph ends at every fourth full stop, and there are quotes in it.
std::string with_paragraphs(std::string speech) {
  std::size_t stops_count = 0;
  for (std::size_t at = 0; (at = speech.find(". ", at)) != std::string::npos; ++at) {
    if (++stops_count % 4 == 0) speech[at + 1] = '\n';
    if (stops_count % 8 == 1) speech.insert(at, 1, '"');
  }
  return speech;
}

/// A letter of another script for each small one.
std::string in_cyrillic(std::string_view text) {
  std::string cyrillic;
  for (const char c : text) {
    if (c < 'a' || c > 'z') {
      cyrillic += c;
    } else {
      const int letter = 0x430 + c - 'a';
      cyrillic += static_cast<char>(0xC0 | letter >> 6);
      cyrillic += static_cast<char>(0x80 | (letter & 0x3F));
    }
  }
  return cyrillic;
}

/// As append_json_string, with \uXXXX for what is not ASCII.
void append_ascii_json_string(std::string& json, std::string_view text) {
  std::string string;
  io::append_json_string(string, text);
  for (std::size_t at = 0; at < string.size();) {
    const io::Utf8Sequence sequence = io::read_utf8(std::string_view(string).substr(at));
    char escape[7];
    std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(sequence.code_point) & 0xFFFF);
    json += sequence.length_bytes == 1 ? std::string_view(string).substr(at, 1) : std::string_view(escape);
    at += sequence.length_bytes;
  }
}

/// Parts of speeches of `text_bytes` bytes or a few more, until there are 32 MB: more than the caches hold.
Corpus make_corpus(const std::filesystem::path& folder, std::size_t text_bytes, bool cyrillic) {
  std::vector<std::filesystem::path> files(std::filesystem::directory_iterator(folder), {});
  std::sort(files.begin(), files.end());
  Corpus corpus;
  while (corpus.jsonl.size() < (32 << 20) && !files.empty()) {
    for (const auto& path : files) {
      std::ifstream file(path, std::ios::binary);
      const std::string speech =
          with_paragraphs(io::to_valid_utf8(std::string(std::istreambuf_iterator<char>(file), {})));
      for (std::size_t begin = 0; begin < speech.size();) {
        const std::size_t end = std::min(speech.find(' ', std::min(begin + text_bytes, speech.size())), speech.size());
        const std::string part = speech.substr(begin, end - begin);
        corpus.texts.push_back(cyrillic ? in_cyrillic(part) : part);
        begin = end;
        corpus.jsonl += "{\"id\": " + std::to_string(corpus.texts.size()) + ", \"source\": \"";
        corpus.jsonl += path.filename().string() + "\", \"text\": ";
        (cyrillic ? append_ascii_json_string : io::append_json_string)(corpus.jsonl, corpus.texts.back());
        corpus.jsonl += ", \"meta\": {\"language\": \"en\", \"score\": 0.98}}\n";
      }
    }
  }
  return corpus;
}

void for_each_line(std::string_view jsonl, auto&& act) {
  while (!jsonl.empty()) {
    const auto* newline = static_cast<const char*>(std::memchr(jsonl.data(), '\n', jsonl.size()));
    const std::size_t size_bytes = static_cast<std::size_t>(newline - jsonl.data());
    act(jsonl.substr(0, size_bytes));
    jsonl.remove_prefix(size_bytes + 1);
  }
}

void reader(std::string_view jsonl, const Take& take) {
  io::JsonRecordReader reader{io::TextKey("text")};
  for_each_line(jsonl, [&](std::string_view line) {
    const auto record = reader.read(line);
    if (record.damage == nullptr) take(record.text);
  });
}

/// The same lines in pieces of at most 512 bytes.
void stream(std::string_view jsonl, const Take& take) {
  io::JsonStream stream{io::TextKey("text")};
  std::string text;
  for_each_line(jsonl, [&](std::string_view line) {
    text.clear();
    for (std::size_t at = 0; at < line.size(); at += 512) stream.feed(line.substr(at, 512), &text);
    if (stream.finish() == nullptr) take(text);
  });
}

/// As callers do that cannot take a text back: validated first, and then read.
void stream_twice(std::string_view jsonl, const Take& take) {
  io::JsonStream stream{io::TextKey("text")};
  std::string text;
  for_each_line(jsonl, [&](std::string_view line) {
    for (std::string* out : {static_cast<std::string*>(nullptr), &text}) {
      for (std::size_t at = 0; at < line.size(); at += 512) stream.feed(line.substr(at, 512), out);
      if (stream.finish() != nullptr) return;
    }
    take(text);
    text.clear();
  });
}

/// Validates all bytes, but refuses long numbers.
void simdjson_dom(std::string_view jsonl, const Take& take) {
  simdjson::dom::parser parser;
  for_each_line(jsonl, [&](std::string_view line) {
    std::string_view text;
    if (!parser.parse(line.data(), line.size(), false)["text"].get(text)) take(text);
  });
}

/// Does not look at what follows the text.
void simdjson_ondemand(std::string_view jsonl, const Take& take) {
  simdjson::ondemand::parser parser;
  for_each_line(jsonl, [&](std::string_view line) {
    simdjson::ondemand::document document;
    std::string_view text;
    if (parser.iterate(line.data(), line.size(), line.size() + simdjson::SIMDJSON_PADDING).get(document)) return;
    if (!document["text"].get(text)) take(text);
  });
}

/// Does not look at what follows the text, nor whether lines are lines.
void simdjson_iterate_many(std::string_view jsonl, const Take& take) {
  simdjson::ondemand::parser parser;
#ifdef SIMDJSON_THREADS_ENABLED
  parser.threaded = false;  // or half of the work is done by a thread whose time we do not see
#endif
  simdjson::ondemand::document_stream documents;
  if (parser.iterate_many(jsonl.data(), jsonl.size(), 1 << 20).get(documents)) return;
  for (auto document : documents) {
    std::string_view text;
    if (!document["text"].get(text)) take(text);
  }
}

bool measure(const char* name, const std::string& shape, const Corpus& corpus,
             void (*run)(std::string_view, const Take&)) {
  const std::string_view jsonl(corpus.jsonl.data(), corpus.jsonl.size() - simdjson::SIMDJSON_PADDING);
  std::size_t count = 0;
  bool right = true;
  run(jsonl, [&](std::string_view text) {
    right = right && count < corpus.texts.size() && text == corpus.texts[count];
    ++count;
  });
  if (!right || count != corpus.texts.size()) {
    std::printf("WRONG %s: %zu of %zu texts\n", name, count, corpus.texts.size());
    return false;
  }
  std::vector<double> rates;
  for (int sample = 0; sample < 5; ++sample) {
    std::size_t bytes = 0;
    const double start = thread_seconds();
    run(jsonl, [&](std::string_view text) { bytes += text.size(); });
    rates.push_back(static_cast<double>(jsonl.size()) / (thread_seconds() - start) * 1e-9);
  }
  std::sort(rates.begin(), rates.end());
  std::printf("json %-21s %-14s records=%-6zu jsonl_mb=%.0f gb_per_s=%.3f (%.3f-%.3f)\n", name, shape.c_str(), count,
              static_cast<double>(jsonl.size()) * 1e-6, rates[2], rates[0], rates[4]);
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  constexpr struct {
    const char* name;
    void (*run)(std::string_view, const Take&);
  } entrants[] = {{"reader", reader},
                  {"stream", stream},
                  {"stream_twice", stream_twice},
                  {"simdjson_dom", simdjson_dom},
                  {"simdjson_ondemand", simdjson_ondemand},
                  {"simdjson_iterate_many", simdjson_iterate_many}};
  bool right = true;
  for (const bool cyrillic : {false, true}) {
    for (const std::size_t text_bytes : {300, 2000, 20000}) {
      Corpus corpus = make_corpus(count > 1 ? arguments[1] : ICOSA_TEXTS, text_bytes, cyrillic);
      const std::string shape = std::string(cyrillic ? "cyrillic" : "english ") + " " + std::to_string(text_bytes);
      corpus.jsonl.append(simdjson::SIMDJSON_PADDING, '\0');
      for (const auto& entrant : entrants) right &= measure(entrant.name, shape, corpus, entrant.run);
    }
  }
  return right ? 0 : 1;
}
