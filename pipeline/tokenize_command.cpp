#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <utility>

#include "io/error.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/tokenize.hpp"

namespace pipeline {

int tokenize_command(TokenizeSettings settings) {
  catch_interrupts();
  const TokenizeResult result = tokenize(settings);
  if (!settings.summary.empty()) {
    std::ofstream file(settings.summary, std::ios::binary);
    file << summary_json(result);
    file.close();
    if (!file) throw io::FileError(settings.summary, 0, errno, "write the summary");
  }
  // Standard output may be the tokens' own.
  if (!settings.quiet) fmt::print(stderr, "{}", summary_text(result, settings.out));
  return result.interrupted ? interrupted_exit_code : 0;
}

}  // namespace pipeline
