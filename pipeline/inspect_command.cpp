#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/checkpoint_folders.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/inspect.hpp"
#include "pipeline/inspect_corpus.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/pretrained.hpp"

namespace pipeline {

int inspect_command(const std::vector<std::string>& paths, const InspectOptions& options) {
  catch_interrupts();
  try {
    for (const std::string& path : paths) {
      if (std::filesystem::exists(path + "/state.json")) {
        inspect_checkpoint(path);
      } else if (is_pretrained(path)) {
        inspect_pretrained(path);
      } else if (holds_run(path)) {
        inspect_run(path);
      } else {
        inspect_corpus(path, options);
      }
    }
  } catch (const Interrupted&) {
    return interrupted_exit_code;
  }
  return 0;
}

}  // namespace pipeline
