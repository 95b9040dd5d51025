#include "pipeline/control.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <span>
#include <string>
#include <utility>

#include "io/error.hpp"
#include "pipeline/accounting_json.hpp"
#include "pipeline/clock.hpp"
#include "pipeline/interrupt.hpp"
#include "pipeline/update.hpp"

namespace pipeline {
namespace {

/// Lets the workers begin a step: the gates publish its weights, the control's own core's last.
void open_step(Run& run, std::uint64_t step) {
  for (sched::CoreIndex core = run.cores.count(); core-- > 0;) run.core_states[core].gate.open(step);
}

/// What each core has spent so far.
std::vector<Spending> spending_of(const Run& run) {
  std::vector<Spending> cores;
  for (const CoreState& state : run.core_states) cores.push_back(state.times.spending());
  return cores;
}

UpdateSettings update_settings(const ControlRoom& room, std::uint64_t step) {
  const TrainSettings& settings = room.settings;
  UpdateSettings update{};
  update.grad_clip = settings.grad_clip;
  update.step.learning_rate = compute::learning_rate(room.schedule, step);
  update.step.beta1 = settings.beta1;
  update.step.beta2 = settings.beta2;
  update.step.epsilon = settings.epsilon;
  update.step.weight_decay = settings.weight_decay;
  update.step.step = step;
  if (settings.optimizer == OptimizerKind::muon) {
    compute::Schedule schedule = room.schedule;
    schedule.peak = settings.muon_learning_rate;
    update.muon = compute::MuonStep{};
    update.muon->learning_rate = compute::learning_rate(schedule, step);
    update.muon->momentum = settings.muon_momentum;
    update.muon->weight_decay = settings.muon_weight_decay;
  }
  return update;
}

/// What comes between two steps.
struct Pause {
  bool evaluate = false, save = false, stop = false, last = false;

  bool any() const noexcept { return evaluate || save || stop || last; }
};

/// The run as the control sees it, step after step.
class Journal {
 public:
  Journal(ControlRoom& room)
      : room_(room),
        first_step_(room.totals.progress.steps + 1),
        metrics_file_(room.files, room.settings.out + "/metrics.jsonl"),
        skips_file_(room.files, room.settings.out + "/skipped.jsonl") {}

  sched::task<void> begin() {
    co_await metrics_file_.open(room_.logs.metrics_bytes);
    co_await skips_file_.open(room_.logs.skipped_bytes, room_.skips_written);
    co_await skips_file_.append(room_.skips_walked);
    if (room_.settings.checkpoint_every != 0 || room_.settings.checkpoint_minutes > 0)
      co_await room_.checkpoints.make_ready(room_.run);
    step_began_ns_ = step_ended_ns_ = checkpoint_ns_ = now_ns();
    spent_ = spending_of(room_.run);
  }

  /// After the update of `step`: takes what is to be recorded of it. Its gradient may then be given back.
  void step_ends(std::uint64_t step, const Gradient& gradient, double norm, std::uint64_t update_began_ns) {
    const std::uint64_t ended_ns = now_ns();
    const std::uint64_t step_ns = ended_ns - step_began_ns_;
    const std::uint64_t update_ns = ended_ns - update_began_ns;
    step_ended_ns_ = ended_ns;
    std::vector<Spending> spent = spending_of(room_.run);
    spent.swap(spent_);
    for (std::size_t core = 0; core < spent.size(); ++core) spent[core] = spent_[core] - spent[core];
    RunTotals& totals = room_.totals;
    totals.progress.steps = step;
    totals.progress.targets_count += gradient.targets_count;
    totals.progress.documents_count += gradient.documents_count;
    totals.final_loss = gradient.nats / static_cast<double>(gradient.targets_count);
    position_ = gradient.position;
    books_ = gradient.books;
    if (step > first_step_) {
      totals.steady_targets_count += gradient.targets_count;
      ++totals.steady_steps;
      totals.steady_ns += step_ns;
      totals.steady_update_ns += update_ns;
      totals.steady_switches += context_switches() - switches_;
      totals.steady_wakeups += room_.run.cores.wakeups_count() - wakeups_;
      totals.steady_cores.resize(spent.size());
      for (std::size_t core = 0; core < spent.size(); ++core) totals.steady_cores[core] += spent[core];
    }
    metrics_ = {};
    metrics_.step = step;
    metrics_.targets_count = totals.progress.targets_count;
    metrics_.loss = totals.final_loss;
    metrics_.learning_rate = compute::learning_rate(room_.schedule, step);
    metrics_.gradient_norm = norm;
    metrics_.step_ms = milliseconds(step_ns);
    metrics_.update_ms = milliseconds(update_ns);
    metrics_.tokens_per_second = static_cast<double>(gradient.targets_count) / seconds(step_ns);
    metrics_.cores = std::move(spent);
    metrics_.batches_waiting = room_.run.batches.size();
  }

  /// Counts the step that ended, writes its metrics line and draws the progress. The next one may be under way.
  sched::task<void> record() {
    const std::shared_ptr<const Accounting> books = std::move(books_);
    room_.totals.accounting += *books;
    std::string line = to_json_line(metrics_);
    co_await metrics_file_.append_soon(std::move(line));
    co_await skips_file_.append(books->skips());
    room_.totals.skipped_count = skips_file_.count();
    co_await show();
  }

  /// Steps follow each other without a gap but for evaluations and checkpoints, which are no part of a step's time.
  void step_begins() noexcept {
    step_began_ns_ = step_ended_ns_ + pause_ns_;
    pause_ns_ = 0;
    switches_ = context_switches();
    wakeups_ = room_.run.cores.wakeups_count();
  }

  /// An evaluation or a checkpoint between two steps.
  void pause_begins() noexcept { room_.run.pauses.begin(); }
  void pause_ends() noexcept { pause_ns_ += room_.run.pauses.end(); }

  sched::task<void> evaluate_now(bool whole) {
    if (!room_.validation) co_return;
    const HeldOut& held_out = *room_.validation;
    Accounting accounting(Accounting::Rules{room_.settings.strict, 1});
    PackerShape shape = held_out.shape;
    if (whole) shape.targets_max = ~std::uint64_t{0};
    Ingest ingest{
        room_.files, held_out.datasets, held_out.tokenizer, held_out.feed, shape, held_out.blocks, false, accounting,
        {}};
    const Evaluation evaluation = co_await evaluate(room_.run, ingest);
    const std::uint64_t documents_count = accounting.all().documents;
    if (whole) {
      co_await skips_file_.append(accounting.skips());
      room_.totals.skipped_count = skips_file_.count();
      room_.totals.validation_accounting = std::move(accounting);
    }
    if (evaluation.targets_count == 0) co_return;
    RunTotals& totals = room_.totals;
    totals.validation = Validation{totals.progress.steps, evaluation, documents_count};
    if (!totals.best || evaluation.loss() < totals.best->evaluation.loss()) totals.best = totals.validation;
    std::string line = fmt::format("step {}: held-out loss {:.4f}, {:.4f} bits per byte over {} tokens{}",
                                   room_.totals.progress.steps, evaluation.loss(), evaluation.bits_per_byte(),
                                   format_count(evaluation.targets_count), whole ? ", all there are" : "");
    co_await room_.console.say(std::move(line));
  }

  /// What comes between the step that ended and the next one.
  Pause pause_due(std::uint64_t step, bool last) const noexcept {
    Pause pause;
    pause.last = last;
    pause.stop = interrupted();
    pause.save = checkpoint_due(step) && !last;
    // A checkpoint is evaluated where anything is: the best of them stays.
    const std::uint64_t every = room_.settings.eval_every;
    pause.evaluate = every != 0 && !last && (step % every == 0 || pause.save);
    return pause;
  }

  /// Whether it is time for a checkpoint.
  bool checkpoint_due(std::uint64_t step) const noexcept {
    const TrainSettings& settings = room_.settings;
    if (settings.checkpoint_every != 0 && step % settings.checkpoint_every == 0) return true;
    if (retry_ns_ != 0 && now_ns() >= retry_ns_) return true;
    return settings.checkpoint_minutes > 0 && seconds(now_ns() - checkpoint_ns_) >= 60 * settings.checkpoint_minutes;
  }

  /// Hands a checkpoint over to be written while training goes on. One that fails is said, and tried again after a
  /// while, which doubles from one failure to the next.
  sched::task<void> save() {
    checkpoint_ns_ = now_ns();
    retry_ns_ = 0;
    std::string failure;
    try {
      co_await metrics_file_.flush();
      co_await skips_file_.flush();
    } catch (const io::FileError& error) {
      failure = fmt::format("no checkpoint of step {}: {}", room_.totals.progress.steps, error.what());
    }
    if (failure.empty()) {
      CheckpointState state = state_now(false);
      co_await room_.checkpoints.save(room_.run, std::move(state));
    } else {
      co_await say_failure(std::move(failure));
    }
    co_await say_failures();
  }

  sched::task<void> say_failures() {
    std::vector<std::string> failures = room_.checkpoints.take_failures();
    for (std::string& failure : failures) co_await say_failure(std::move(failure));
  }

  /// The run ends here, or is interrupted.
  sched::task<void> end(bool finished) {
    co_await metrics_file_.close();
    co_await skips_file_.close();
    co_await room_.checkpoints.settle();
    co_await say_failures();
    CheckpointState state = state_now(finished);
    co_await room_.checkpoints.save_and_wait(room_.run, std::move(state));
    co_await room_.checkpoints.finish();
  }

 private:
  sched::task<void> say_failure(std::string failure) {
    constexpr std::uint64_t pause_ns_min = 10'000'000'000;
    constexpr std::uint64_t pause_ns_max = 640'000'000'000;
    retry_pause_ns_ = std::clamp(2 * retry_pause_ns_, pause_ns_min, pause_ns_max);
    retry_ns_ = now_ns() + retry_pause_ns_;
    std::string line = fmt::format("icosa: {}; the run goes on and tries again in {} or with the next checkpoint",
                                   failure, format_duration(seconds(retry_pause_ns_)));
    co_await room_.console.warn(std::move(line));
  }

  CheckpointState state_now(bool finished) const {
    const RunTotals& totals = room_.totals;
    CheckpointState state = room_.checkpoint;
    state.finished = finished;
    state.progress = totals.progress;
    state.final_loss = totals.final_loss;
    state.length = room_.length;
    if (totals.validation && totals.validation->step == totals.progress.steps) state.validation = totals.validation;
    state.best = totals.best;
    state.logs = {metrics_file_.size_bytes(), skips_file_.size_bytes()};
    state.position = *position_;
    state.accounting = to_json(totals.accounting, room_.datasets);
    return state;
  }

  sched::task<void> show() {
    const StepMetrics& metrics = metrics_;
    const std::uint64_t now = step_ended_ns_;
    constexpr std::uint64_t drawn_every_ns = 100'000'000;
    constexpr std::uint64_t said_every_ns = 10'000'000'000;
    const std::uint64_t every_ns = room_.console.interactive() ? drawn_every_ns : said_every_ns;
    const bool last = metrics.step == room_.length.steps;
    if (room_.console.quiet() || (now - shown_ns_ < every_ns && !last)) co_return;
    shown_ns_ = now;
    StepMetrics smooth = metrics;  // a single step's figures flicker
    const RunTotals& totals = room_.totals;
    if (totals.steady_ns > 0)
      smooth.tokens_per_second = static_cast<double>(totals.steady_targets_count) / seconds(totals.steady_ns);
    const double step_seconds = metrics.step > first_step_
                                    ? seconds(totals.steady_ns) / static_cast<double>(metrics.step - first_step_)
                                    : metrics.step_ms * 1e-3;
    const double left = step_seconds * static_cast<double>(room_.length.steps - metrics.step);
    std::string line = progress_line(smooth, room_.length.steps, left, room_.console.width());
    if (room_.console.interactive() && !last) {
      co_await room_.console.draw(std::move(line));
    } else {
      co_await room_.console.say(std::move(line));
    }
  }

  ControlRoom& room_;
  std::uint64_t first_step_;  // of this process
  RunLog metrics_file_;
  SkipsLog skips_file_;
  StepMetrics metrics_;                             // of the last step
  std::shared_ptr<const Accounting> books_;         // of the last step, until they are counted
  std::shared_ptr<const IngestPosition> position_;  // behind the last step
  std::uint64_t checkpoint_ns_ = 0;                 // when the last one was due
  std::uint64_t retry_ns_ = 0;                      // when one that failed is tried again, if one has
  std::uint64_t retry_pause_ns_ = 0;
  std::uint64_t step_began_ns_ = 0;
  std::uint64_t step_ended_ns_ = 0;
  std::uint64_t pause_ns_ = 0;  // since then
  std::uint64_t shown_ns_ = 0;
  ContextSwitches switches_;     // when the step began
  std::uint64_t wakeups_ = 0;    // likewise
  std::vector<Spending> spent_;  // by each core, until the end of the last step
};

/// The control alone works: it owns the weights and every core.
sched::task<void> between_steps(Journal& journal, Pause pause) {
  const bool goes_on = pause.evaluate || pause.save;
  if (goes_on) journal.pause_begins();
  if (pause.evaluate) co_await journal.evaluate_now(false);
  const bool stop = pause.stop || interrupted();
  if (pause.last || stop) {
    if (pause.last) co_await journal.evaluate_now(true);
    co_await journal.end(pause.last);
    if (stop && !pause.last) throw Interrupted();
  } else if (pause.save) {
    co_await journal.save();
  }
  if (goes_on) journal.pause_ends();
}

void begin_step(Run& run, Journal& journal, std::uint64_t step) {
  journal.step_begins();
  open_step(run, step);
}

}  // namespace

sched::task<void> control(ControlRoom& room) {
  Run& run = room.run;
  Journal journal(room);
  if (room.initial_seed) co_await initialize_weights(run, *room.initial_seed);
  co_await journal.begin();
  co_await pack_weights(run);
  std::uint64_t step = room.totals.progress.steps + 1;
  begin_step(run, journal, step);
  for (;; ++step) {
    const GradientRow* const row = co_await run.boundary.receive();
    const std::uint64_t update_began_ns = now_ns();
    const Gradient* const gradient = add_counts(*row);
    UpdateSettings wanted = update_settings(room, step);
    const double norm = co_await update(run, wanted, *row, gradient->targets_count);
    if (run.hooks.after_update) run.hooks.after_update(run, step);
    const Pause pause = journal.pause_due(step, gradient->last_step);
    journal.step_ends(step, *gradient, norm, update_began_ns);
    for (Gradient* const buffer : row->span()) run.gradients.give_back(buffer);
    // Where nothing comes between, the other cores compute while this one writes down what was.
    if (!pause.any()) begin_step(run, journal, step + 1);
    co_await journal.record();
    co_await journal.say_failures();
    if (!pause.any()) continue;
    co_await between_steps(journal, pause);
    if (pause.last) co_return;
    begin_step(run, journal, step + 1);
  }
}

}  // namespace pipeline
