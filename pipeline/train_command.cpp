#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "io/error.hpp"
#include "pipeline/commands.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/train.hpp"

namespace pipeline {
namespace {

/// A folder under runs/ that does not exist yet, named after the time.
std::string fresh_run_folder() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char stamp[32];
  std::strftime(stamp, sizeof(stamp), "%Y-%m-%d-%H%M%S", &local);
  std::string folder = std::string("runs/") + stamp;
  for (int again = 2; std::filesystem::exists(folder); ++again) folder = fmt::format("runs/{}-{}", stamp, again);
  return folder;
}

void write_summary(const std::string& path, const TrainResult& result) {
  std::ofstream file(path, std::ios::binary);
  file << summary_json(result);
  file.close();
  if (!file) throw io::FileError(path, 0, errno, "write the summary");
}

}  // namespace

int train_command(TrainSettings settings) {
  catch_interrupts();
  if (settings.out.empty() && (settings.resume || settings.resume_anyway))
    throw SettingsError("--resume: say by --out which run to go on with");
  if (settings.out.empty()) settings.out = fresh_run_folder();
  TrainResult result;
  try {
    result = train(std::move(settings));
  } catch (const Interrupted&) {  // while it learned its vocabulary
    return interrupted_exit_code;
  }
  if (!result.settings.summary.empty()) write_summary(result.settings.summary, result);
  if (!result.settings.quiet) fmt::print("{}", summary_text(result));
  return result.interrupted ? interrupted_exit_code : 0;
}

}  // namespace pipeline
