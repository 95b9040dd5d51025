// The summaries of pipeline/train.hpp: one for programs, one for people.

#include <fmt/format.h>

#include "pipeline/clock.hpp"
#include "pipeline/json.hpp"
#include "pipeline/totals_json.hpp"
#include "pipeline/train.hpp"

namespace pipeline {
namespace {

double ratio(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

double tokens_per_second(const RunTotals& totals) {
  return ratio(static_cast<double>(totals.steady_targets_count), seconds(totals.steady_ns));
}

/// Of all executors' time in steady steps.
double fraction(const TrainResult& result, Spent spent) {
  return ratio(milliseconds_mean(result.totals.steady_cores, spent), milliseconds(result.totals.steady_ns));
}

std::string executors_json(const TrainResult& result) {
  std::string text = "{";
  for (std::size_t i = 0; i < spent_kinds; ++i)
    text += fmt::format("{}\"{}_ms\": {}", i > 0 ? ", " : "", spent_names[i],
                        milliseconds_json(result.totals.steady_cores, static_cast<Spent>(i)));
  return text + "}";
}

std::string queue_json(const sched::QueueMeter& meter) {
  return fmt::format("{{\"capacity\": {}, \"mean\": {:.2f}, \"max\": {}, \"takes\": {}, \"empty\": {}}}",
                     meter.capacity, meter.waiting_mean(), meter.waiting_max, meter.takes_count, meter.empty_count);
}

double update_fraction(const RunTotals& totals) {
  return ratio(static_cast<double>(totals.steady_update_ns), static_cast<double>(totals.steady_ns));
}

double mean_pause_ms(const CheckpointTimes& times) {
  return ratio(milliseconds(times.pause_ns), static_cast<double>(times.count));
}

std::uint64_t binaries_count(const RunTotals& totals) {
  return totals.accounting.binaries_count() + totals.validation_accounting.binaries_count();
}

}  // namespace

std::string summary_json(const TrainResult& result) {
  const RunTotals& totals = result.totals;
  const bool validated = totals.validation.has_value();
  std::string text = "{\n";
  const auto number = [&](const char* key, std::uint64_t value) { text += fmt::format("  \"{}\": {},\n", key, value); };
  const auto real = [&](const char* key, double value) {
    text += fmt::format("  \"{}\": {},\n", key, json_number(value));
  };
  const auto word = [&](const char* key, const std::string& value) {
    text += fmt::format("  \"{}\": {},\n", key, json_string(value));
  };
  number("steps", totals.progress.steps);
  number("tokens", totals.progress.targets_count);
  number("documents", totals.progress.documents_count);
  number("skipped", totals.skipped_count);
  number("binaries", binaries_count(totals));
  number("hidden", result.left_out.hidden_count);
  number("special", result.left_out.special_count);
  number("repeated", result.left_out.repeated_count);
  number("companions", result.left_out.companions_count);
  number("files", result.files_found);
  word("shuffle", shuffle_name(result.shuffle));
  real("final_loss", totals.final_loss);
  text += "  \"val_loss\": " + (validated ? json_number(totals.validation->evaluation.loss()) : "null") + ",\n";
  text +=
      "  \"val_bits_per_byte\": " + (validated ? json_number(totals.validation->evaluation.bits_per_byte()) : "null") +
      ",\n";
  number("val_documents", validated ? totals.validation->documents_count : 0);
  number("val_tokens", validated ? totals.validation->evaluation.targets_count : 0);
  real("seconds", result.seconds);
  real("tokens_per_second", tokens_per_second(totals));
  real("data_wait_fraction", fraction(result, Spent::data_wait));
  real("compute_fraction", fraction(result, Spent::compute));
  real("sum_fraction", fraction(result, Spent::sum));
  real("buffer_wait_fraction", fraction(result, Spent::buffer_wait));
  real("boundary_wait_fraction", fraction(result, Spent::boundary_wait));
  real("update_fraction", update_fraction(totals));
  number("peak_rss_bytes", peak_resident_bytes());
  number("parameters", result.parameters);
  number("cores", result.cores_count);
  number("boundary_crossings", result.boundary_crossings);
  number("steady_steps", result.totals.steady_steps);
  real("steady_seconds", seconds(result.totals.steady_ns));
  number("voluntary_switches", result.totals.steady_switches.voluntary);
  number("involuntary_switches", result.totals.steady_switches.involuntary);
  number("wakeups", result.totals.steady_wakeups);
  text += "  \"executors\": " + executors_json(result) + ",\n";
  text += fmt::format("  \"queues\": {{\"batches\": {}, \"blocks\": {}}},\n", queue_json(result.batches_meter),
                      queue_json(result.blocks_meter));
  word("gradient_memory", gradient_memory_name(result.gradient_memory));
  number("gradient_buffers", result.gradients_count);
  number("gradient_buffers_used", result.gradients_count_max);
  number("batches_waiting_max", result.batches_waiting_max);
  word("io", result.files_description);
  number("reads", result.files.reads);
  number("read_bytes", result.files.bytes_read);
  number("submissions", result.files.submissions);
  text += fmt::format("  \"interrupted\": {},\n", result.interrupted);
  word("checkpoint", result.checkpoint);
  number("resumed_steps", result.resumed_steps);
  number("checkpoints", result.checkpoints.count);
  number("checkpoints_failed", result.checkpoints.failed_count);
  real("checkpoint_pause_ms", milliseconds(result.checkpoints.pause_ns));
  real("checkpoint_pause_ms_max", milliseconds(result.checkpoints.pause_ns_max));
  real("checkpoint_wait_ms", milliseconds(result.checkpoints.wait_ns));
  text += totals_json(totals.accounting, result.record_files, result.corpora) + ",\n";
  text += fmt::format("  \"digest\": {}\n}}\n", json_string(result.digest));
  return text;
}

std::string summary_text(const TrainResult& result) {
  const RunTotals& totals = result.totals;
  std::string text = fmt::format(
      "{} after {} steps, {} tokens, {} in all\n"
      "  speed       {} tokens per second on {} cores; {:.2f} % waiting for data, {:.1f} % in the update\n",
      result.interrupted ? "interrupted" : "done", format_count(totals.progress.steps),
      format_count(totals.progress.targets_count), format_duration(result.seconds),
      format_count(static_cast<std::uint64_t>(tokens_per_second(totals))), result.cores_count,
      100 * fraction(result, Spent::data_wait), 100 * update_fraction(totals));
  text += fmt::format(
      "  cores       {:.1f} % computing, {:.2f} % adding gradients, {:.2f} % waiting for weights, {:.2f} % for "
      "buffers\n"
      "  queues      {:.1f} of {} batches ready on average, {:.1f} of {} blocks of files\n",
      100 * fraction(result, Spent::compute), 100 * fraction(result, Spent::sum),
      100 * fraction(result, Spent::boundary_wait), 100 * fraction(result, Spent::buffer_wait),
      result.batches_meter.waiting_mean(), result.batches_meter.capacity, result.blocks_meter.waiting_mean(),
      result.blocks_meter.capacity);
  text += fmt::format("  loss        {:.4f} in the last step", totals.final_loss);
  if (totals.validation)
    text += fmt::format("\n  held out    {:.4f} bits per byte (loss {:.4f}) over {} tokens",
                        totals.validation->evaluation.bits_per_byte(), totals.validation->evaluation.loss(),
                        format_count(totals.validation->evaluation.targets_count));
  text += fmt::format(
      "\n  documents   {} trained on; of {} files {} damaged (skipped.jsonl), {} not text; left out {} hidden, "
      "{} special, {} repeated\n"
      "  memory      {:.0f} MiB at most; {} of {} gradient buffers used ({})\n"
      "  files       {} reads of {:.1f} MB through {}\n"
      "  checkpoint  {}; {} written, the run standing still for {:.1f} ms each to copy, {:.1f} at most\n"
      "  digest      {}\n",
      format_count(totals.progress.documents_count), format_count(result.files_found), totals.skipped_count,
      binaries_count(totals), result.left_out.hidden_count, result.left_out.special_count,
      result.left_out.repeated_count, static_cast<double>(peak_resident_bytes()) / (1024.0 * 1024.0),
      result.gradients_count_max, result.gradients_count, gradient_memory_name(result.gradient_memory),
      format_count(result.files.reads), static_cast<double>(result.files.bytes_read) * 1e-6, result.files_description,
      result.checkpoint, result.checkpoints.count, mean_pause_ms(result.checkpoints),
      milliseconds(result.checkpoints.pause_ns_max), result.digest);
  return text;
}

}  // namespace pipeline
