#include "pipeline/json.hpp"

#include <fmt/format.h>

#include <cmath>

#include "io/json_string.hpp"
#include "io/utf8.hpp"

namespace pipeline {

std::string json_string(std::string_view text) {
  std::string json;
  io::append_json_string(json, io::to_valid_utf8(text));
  return json;
}

std::string json_number(double number) {
  return std::isfinite(number) ? fmt::format("{}", number) : "null";
}

}  // namespace pipeline
