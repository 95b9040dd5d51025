#pragma once

// An object of a config.json while it is read. Every key that is asked for is there with the right type or is refused
// by name, and so is at the end whatever nobody has asked for: a file never asks for something in vain.

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace pipeline {

class ModelConfigObject {
 public:
  /// `name` is the file, and the key where this is an object within another, for errors. The document that `object` is
  /// of must outlive this.
  ModelConfigObject(simdjson::dom::object object, std::string name);

  /// Throws CheckpointError: "config.json: "key" is ...".
  [[noreturn]] void refuse(std::string_view key, std::string_view why) const;

  // All of these take null for missing.
  bool has(std::string_view key);
  /// A whole number from 1 to 2^24: beyond any model; keeps products of two within 64 bits.
  std::size_t dimension(std::string_view key);
  std::size_t dimension_or(std::string_view key, std::size_t otherwise);
  /// The same number by either of two names, as Hugging Face's classes take them.
  std::size_t dimension(std::string_view key, std::string_view other_name);
  bool flag_or(std::string_view key, bool otherwise);
  /// A number above zero.
  std::optional<double> number(std::string_view key);
  double required_number(std::string_view key);
  std::string text(std::string_view key);
  std::string text_or(std::string_view key, std::string_view otherwise);
  std::optional<ModelConfigObject> object(std::string_view key);

  void require_flag(std::string_view key, bool wanted);
  void require_absent(std::string_view key);
  /// Every entry of a list of strings is this one, if there is a list.
  void require_all(std::string_view key, std::string_view wanted);
  /// Whatever it says does not count here.
  void pass_over(std::string_view key);

  /// Asked for last: refuses every key that was not asked for, unless it is one that changes no model, or says that
  /// something is not there (pipeline/model_config_keys.hpp), and every key that stands twice.
  void require_no_more() const;
  /// "resid_pdrop 0.1, attn_pdrop 0.1": the dropout that is asked for, in the file's order.
  std::string dropout();

 private:
  std::optional<simdjson::dom::element> find(std::string_view key);

  simdjson::dom::object object_;
  std::string name_;
  std::set<std::string, std::less<>> asked_for_;
};

}  // namespace pipeline
