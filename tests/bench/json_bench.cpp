// How fast lines of JSONL become texts, splitting at newlines included, beside simdjson in the same run. The records
// are paragraphs of the embedded corpus, in two shapes: Python's json.dumps (non-ASCII characters as \uXXXX) is close
// to the first. Every entrant's texts are compared with the originals before it is timed. One line each: entrant, GB of
// JSONL per second of this thread, median of 5 and the extremes. Usage: json_bench [FOLDER OF TEXTS]

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

/// Parts of speeches of `text_bytes` bytes or a few more, until there are 32 MB: more than the caches hold.
Corpus make_corpus(const std::filesystem::path& folder, std::size_t text_bytes) {
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
        corpus.texts.push_back(speech.substr(begin, end - begin));
        begin = end;
        corpus.jsonl += "{\"id\": " + std::to_string(corpus.texts.size()) + ", \"source\": \"";
        corpus.jsonl += path.filename().string() + "\", \"text\": ";
        io::append_json_string(corpus.jsonl, corpus.texts.back());
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

/// The same lines in pieces of at most 512 bytes, validated first and then read.
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

/// Validates all bytes, but refuses long numbers and accepts some halves of surrogate pairs.
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
  simdjson::ondemand::document_stream documents;
  if (parser.iterate_many(jsonl.data(), jsonl.size(), 1 << 20).get(documents)) return;
  for (auto document : documents) {
    std::string_view text;
    if (!document["text"].get(text)) take(text);
  }
}

bool measure(const char* name, std::size_t text_bytes, const Corpus& corpus,
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
  std::printf("json %-22s text_bytes>=%-6zu records=%-6zu jsonl_mb=%.0f gb_per_s=%.3f (%.3f-%.3f)\n", name, text_bytes,
              count, static_cast<double>(jsonl.size()) * 1e-6, rates[2], rates[0], rates[4]);
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  bool right = true;
  for (const std::size_t text_bytes : {300, 2000, 20000, 60000, 200000}) {
    Corpus corpus = make_corpus(count > 1 ? arguments[1] : ICOSA_TEXTS, text_bytes);
    corpus.jsonl.append(simdjson::SIMDJSON_PADDING, '\0');
    right &= measure("reader", text_bytes, corpus, reader);
    right &= measure("stream_twice_512", text_bytes, corpus, stream_twice);
    right &= measure("simdjson_dom", text_bytes, corpus, simdjson_dom);
    right &= measure("simdjson_ondemand", text_bytes, corpus, simdjson_ondemand);
    right &= measure("simdjson_iterate_many", text_bytes, corpus, simdjson_iterate_many);
  }
  return right ? 0 : 1;
}
