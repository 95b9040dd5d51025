#include "pipeline/checkpoint_state.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <xxhash.h>

#include <limits>

#include "pipeline/checkpoint_error.hpp"
#include "pipeline/json.hpp"

namespace pipeline {
namespace {

constexpr std::string_view format_name = "icosa checkpoint";
// The last key. Its checksum stands for everything that comes before this text.
constexpr std::string_view checksum_begin = "  \"checksum\": \"";

std::string checksum_of(std::string_view text) {
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

template <class Map>
std::string strings_json(const Map& map, std::string_view indent) {
  std::string json;
  for (const auto& [key, value] : map)
    json += fmt::format("{}\n{}  {}: {}", json.empty() ? "" : ",", indent, json_string(key), json_string(value));
  return fmt::format("{{{}\n{}}}", json, indent);
}

std::string validation_json(const std::optional<Validation>& validation) {
  if (!validation) return "null";
  const Evaluation& evaluation = validation->evaluation;
  return fmt::format(R"({{"step": {}, "loss": {}, "nats": {}, "tokens": {}, "text_bytes": {}, "documents": {}}})",
                     validation->step, json_number(evaluation.loss()), json_number(evaluation.nats),
                     evaluation.targets_count, evaluation.text_bytes, validation->documents_count);
}

/// Takes a state.json apart. What is missing or of another kind is damage: we wrote it ourselves.
class Reader {
 public:
  Reader(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  CheckpointState read() {
    simdjson::dom::element document;
    if (parser_.parse(simdjson::padded_string(text_)).get(document) || document.get(root_)) refuse("not a JSON object");
    std::string_view format;
    if (root_["format"].get(format) || format != format_name)
      throw CheckpointError(name_ + ": not the state of a checkpoint of this program");
    const std::uint64_t version = number(root_, "version");
    if (version > CheckpointState::version)
      throw NewerVersionError(fmt::format("{}: version {} of checkpoints; this icosa knows {}; use a newer icosa",
                                          name_, version, CheckpointState::version));
    const std::size_t end = text_.rfind(checksum_begin);
    if (end == text_.npos || string(root_, "checksum") != checksum_of(text_.substr(0, end)))
      refuse("the checksum is wrong");
    CheckpointState state;
    state.icosa_version = string(root_, "icosa");
    state.arithmetic = number(root_, "arithmetic");
    state.digest = string(root_, "digest");
    if (root_["finished"].get(state.finished)) refuse("\"finished\" is missing");
    state.progress = {number(root_, "step"), number(root_, "tokens"), number(root_, "documents")};
    state.final_loss = real(root_, "final_loss");
    const object length = object_at("length");
    state.length = {number(length, "tokens"), number(length, "steps"), number(length, "warmup_steps")};
    for (const auto& [option, value] : strings(object_at("configuration")))
      state.configuration.push_back({option, value});
    state.seed = number(object_at("random"), "seed");
    state.validation = validation("validation");
    state.best = validation("best");
    const object logs = object_at("logs");
    state.logs = {number(logs, "metrics.jsonl"), number(logs, "skipped.jsonl")};
    read_position(state);
    state.accounting = simdjson::minify(object_at("accounting"));
    for (const auto& [file, checksum] : strings(object_at("files"))) state.files[file] = checksum;
    for (const auto field : object_at("tensors")) {
      object tensors;
      if (field.value.get(tensors)) refuse("\"tensors\" is not of objects");
      std::map<std::string, std::string>& of_file = state.tensors[std::string(field.key)];
      for (const auto& [tensor, checksum] : strings(tensors)) of_file[tensor] = checksum;
    }
    return state;
  }

 private:
  using object = simdjson::dom::object;

  [[noreturn]] void refuse(const std::string& reason) const {
    throw CheckpointError(name_ + ": damaged: " + reason + "; use another checkpoint");
  }

  object object_at(const char* key) const {
    object found;
    if (root_[key].get(found)) refuse(std::string("\"") + key + "\" is missing");
    return found;
  }

  std::uint64_t number(object from, const char* key) const {
    std::uint64_t found = 0;
    if (from[key].get(found)) refuse(std::string("\"") + key + "\" is not a number");
    return found;
  }

  double real(object from, const char* key) const {
    simdjson::dom::element found;
    double value = std::numeric_limits<double>::quiet_NaN();  // as null stands for what is not finite
    if (from[key].get(found) || (!found.is_null() && found.get(value)))
      refuse(std::string("\"") + key + "\" is not a number");
    return value;
  }

  std::string string(object from, const char* key) const {
    std::string_view found;
    if (from[key].get(found)) refuse(std::string("\"") + key + "\" is not a string");
    return std::string(found);
  }

  std::vector<std::pair<std::string, std::string>> strings(object from) const {
    std::vector<std::pair<std::string, std::string>> list;
    for (const auto field : from) {
      std::string_view value;
      if (field.value.get(value)) refuse(std::string(field.key) + " is not a string");
      list.emplace_back(field.key, value);
    }
    return list;
  }

  std::optional<Validation> validation(const char* key) const {
    simdjson::dom::element found;
    if (root_[key].get(found)) refuse(std::string("\"") + key + "\" is missing");
    if (found.is_null()) return std::nullopt;
    object entry;
    if (found.get(entry)) refuse(std::string("\"") + key + "\" is not an object");
    const Evaluation evaluation{real(entry, "nats"), number(entry, "tokens"), number(entry, "text_bytes")};
    return Validation{number(entry, "step"), evaluation, number(entry, "documents")};
  }

  void read_position(CheckpointState& state) const {
    try {
      state.position = position_from_json(simdjson::minify(object_at("ingest")));
    } catch (const CheckpointError&) {
      throw;
    } catch (const std::runtime_error& error) {
      refuse(error.what());
    }
  }

  std::string_view text_;
  const std::string& name_;
  simdjson::dom::parser parser_;
  object root_;
};

}  // namespace

std::string to_json(const CheckpointState& state) {
  std::string json = fmt::format(
      R"({{
  "format": "{}",
  "version": {},
  "icosa": {},
  "arithmetic": {},
  "digest": "{}",
  "finished": {},
  "step": {},
  "tokens": {},
  "documents": {},
  "final_loss": {},
  "length": {{"tokens": {}, "steps": {}, "warmup_steps": {}}},
)",
      format_name, CheckpointState::version, json_string(state.icosa_version), state.arithmetic, state.digest,
      state.finished, state.progress.steps, state.progress.targets_count, state.progress.documents_count,
      json_number(state.final_loss), state.length.targets, state.length.steps, state.length.warmup_steps);
  json += "  \"configuration\": " + strings_json(state.configuration, "  ") + ",\n";
  json += fmt::format("  \"random\": {{\"seed\": {}, \"step\": {}}},\n", state.seed, state.progress.steps);
  json += "  \"validation\": " + validation_json(state.validation) + ",\n  \"best\": " + validation_json(state.best) +
          ",\n";
  json += fmt::format("  \"logs\": {{\"metrics.jsonl\": {}, \"skipped.jsonl\": {}}},\n", state.logs.metrics_bytes,
                      state.logs.skipped_bytes);
  json += "  \"ingest\": " + to_json(state.position) + ",\n  \"accounting\": " + state.accounting + ",\n";
  json += "  \"files\": " + strings_json(state.files, "  ") + ",\n  \"tensors\": {";
  const char* separator = "";
  for (const auto& [file, tensors] : state.tensors) {
    json += fmt::format("{}\n    {}: {}", separator, json_string(file), strings_json(tensors, "    "));
    separator = ",";
  }
  json += "\n  },\n";
  const std::string checksum = checksum_of(json);
  return json + std::string(checksum_begin) + checksum + "\"\n}\n";
}

CheckpointState parse_state(std::string_view text, const std::string& name) {
  return Reader(text, name).read();
}

}  // namespace pipeline
