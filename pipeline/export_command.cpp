// `icosa export`: a model in the form of another program.

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "pipeline/commands.hpp"
#include "pipeline/gguf_export.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/pretrained.hpp"
#include "pipeline/run_on.hpp"

namespace pipeline {

int export_command(const ExportOptions& options) {
  catch_interrupts();
  std::vector<std::string> damaged;
  const Checkpoint model = read_model(options.source, damaged);
  for (const std::string& line : damaged) fmt::print(stderr, "passed over: {}\n", line);
  const std::shared_ptr<const io::Tokenizer> tokenizer = model_tokenizer(model);
  const std::unique_ptr<io::Files> files = io::make_files({});
  std::error_code ignored;
  try {
    run_on(*files, write_gguf(*files, options.out, model, *tokenizer, options.type));
  } catch (const Interrupted&) {
    std::filesystem::remove(options.out + ".tmp", ignored);
    return interrupted_exit_code;
  } catch (...) {
    std::filesystem::remove(options.out + ".tmp", ignored);
    throw;
  }
  if (!options.quiet)
    fmt::print(stderr, "{}: {} tensors of {}, {} bytes\n", options.out, model.tensors.size(), model.path,
               format_count(std::filesystem::file_size(options.out)));
  return 0;
}

}  // namespace pipeline
