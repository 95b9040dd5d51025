// `icosa tokenizer inspect`: what a tokenizer is made of, and how far its tokens reach.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/json.hpp"
#include "pipeline/line_work.hpp"

namespace pipeline {
namespace {

struct Sample {
  std::string name;
  std::string_view text;
};

const std::vector<Sample> samples = {
    {"English",
     "A sphere is the set of all points at the same distance from a centre. Whoever walks on it in one direction, and "
     "doesn't turn, comes back to where the journey began after 40,075 kilometres, if the sphere is the earth. Sailors "
     "knew this long before anyone had seen the whole of it; what they lacked was a clock that kept the hour of the "
     "harbour, and without it they couldn't say how far east or west they'd come.\n\n\"How far is it, then?\" she "
     "asked. "
     "He thought about it for a while. \"Further than yesterday,\" he said.\n"},
    {"code",
     "std::size_t count_lines(std::string_view text) {\n  std::size_t count = 0;\n  for (const char c : text) {\n"
     "    if (c == '\\n') ++count;  // the last line may have no end\n  }\n  return count;\n}\n\n"
     "def mean(values):\n    total = 0.0\n    for value in values:\n        total += value\n"
     "    return total / len(values) if values else None\n"},
    {"other scripts",
     "Eine Kugel ist die Menge aller Punkte, die vom Mittelpunkt gleich weit entfernt sind. Сфера — это множество всех "
     "точек, равноудалённых от центра. "
     "球面是到定点距离相等的所有点的集合。球面は中心から等しい距離にある点の集まりである。"
     "구는 중심에서 같은 거리에 있는 모든 점의 집합이다. गोला उन सभी बिंदुओं का समुच्चय है जो केंद्र से समान दूरी पर हैं। "
     "الكرة هي مجموعة النقاط التي تبعد المسافة نفسها عن المركز.\n"},
};

struct Count {
  std::string name;
  std::uint64_t bytes = 0;
  std::uint64_t tokens = 0;
};

Count count_file(const io::Tokenizer& tokenizer, const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw std::runtime_error(path + ": cannot be read: " + std::strerror(errno));
  Count count{path};
  const std::unique_ptr<io::Encoder> encoder = tokenizer.encoder();
  std::vector<char> buffer(256u << 10);
  std::vector<io::TokenId> ids;
  const auto take = [&] {
    count.tokens += ids.size();
    ids.clear();
  };
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    count.bytes += got;
    encoder->encode({buffer.data(), got}, ids);
    take();
  }
  if (std::ferror(file.get()) != 0) throw std::runtime_error(path + ": cannot be read: " + std::strerror(errno));
  encoder->finish(ids);
  take();
  return count;
}

double bytes_per_token(const Count& count) {
  return count.tokens == 0 ? 0 : static_cast<double>(count.bytes) / static_cast<double>(count.tokens);
}

std::string as_text(const io::Tokenizer& tokenizer, const std::vector<Count>& counts) {
  std::string out = tokenizer.description() + "\n";
  for (const auto& [name, what] : tokenizer.parts()) out += fmt::format("  {:<12} {}\n", name, what);
  out += fmt::format("  {:<12} {} {}\n", "end of text", tokenizer.end_of_text(),
                     json_string(tokenizer.bytes_of(tokenizer.end_of_text())));
  const auto added = tokenizer.added_tokens();
  constexpr std::size_t shown_max = 20;
  for (std::size_t i = 0; i < std::min(shown_max, added.size()); ++i)
    out += fmt::format("  {:<12} {} {}\n", added[i].special ? "special" : "added", added[i].id,
                       json_string(added[i].text));
  if (added.size() > shown_max) out += fmt::format("  and {} more (--json lists them)\n", added.size() - shown_max);
  for (const Count& count : counts)
    out += fmt::format("  {:.2f} bytes a token: {}, {} bytes\n", bytes_per_token(count), count.name, count.bytes);
  return out;
}

std::string as_json(const io::Tokenizer& tokenizer, const std::vector<Count>& counts) {
  std::string out =
      fmt::format("{{\"name\": {}, \"vocabulary_size\": {}, \"end_of_text\": {}", json_string(tokenizer.description()),
                  tokenizer.vocabulary_size(), tokenizer.end_of_text());
  for (const auto& [name, what] : tokenizer.parts()) {
    std::string key = name;
    std::replace(key.begin(), key.end(), ' ', '_');
    out += fmt::format(", {}: {}", json_string(key), json_string(what));
  }
  out += ", \"added_tokens\": [";
  const char* separator = "";
  for (const auto& token : tokenizer.added_tokens()) {
    out += fmt::format("{}{{\"id\": {}, \"text\": {}, \"special\": {}}}", separator, token.id, json_string(token.text),
                       token.special);
    separator = ", ";
  }
  out += "], \"samples\": [";
  separator = "";
  for (const Count& count : counts) {
    out += fmt::format("{}{{\"name\": {}, \"bytes\": {}, \"tokens\": {}, \"bytes_per_token\": {}}}", separator,
                       json_string(count.name), count.bytes, count.tokens, json_number(bytes_per_token(count)));
    separator = ", ";
  }
  return out + "]}\n";
}

}  // namespace

int tokenizer_inspect_command(const TokenizerInspectOptions& options) {
  const auto tokenizer = io::load_tokenizer(options.tokenizer, options.split_pattern);
  std::vector<Count> counts;
  for (const std::string& path : options.paths) counts.push_back(count_file(*tokenizer, path));
  if (options.paths.empty()) {
    for (const Sample& sample : samples)
      counts.push_back({sample.name, sample.text.size(), tokenizer->encode(sample.text).size()});
  }
  write_to_standard_output(options.json ? as_json(*tokenizer, counts) : as_text(*tokenizer, counts));
  flush_standard_output();
  return 0;
}

}  // namespace pipeline
