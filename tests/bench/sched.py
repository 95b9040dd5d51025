"""What spheres cost: `./dev bench sched [ROUNDS]`.

First sched_bench: the real workers with a model that computes nearly nothing. Then the whole program with 12, 144 and
1,728 workers at the same tokens per step, in turn, so that what else the machine does falls on all of them; and its
system calls, as the program counts its wake-ups and context switches and as strace counts calls.
"""
import json
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
CORPUS = pathlib.Path(__file__).resolve().parents[2] / "datasets" / "sotu"
ARRANGEMENTS = {12: 144, 144: 12, 1728: 1}  # workers: --accumulate
STEPS = 8
STRACE_STEPS = (8, 72)  # what starting and ending cost falls out
STRACE_ROUNDS = 3  # medians: starting 1,728 workers takes some hundred calls more one time than another


def train(folder, workers, accumulate, prefix=(), steps=STEPS):
    summary = folder / "summary.json"
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*prefix, str(BUILD / "icosa"), "train", str(CORPUS), "--out", str(run), "--summary", str(summary),
                           "--quiet", "--tokenizer", "bytes", "--model", "seed", "--seq-len", "16", "--steps", str(steps),
                           "--workers", str(workers), "--accumulate", str(accumulate), "--val-fraction", "0",
                           "--gradient-memory", "lean"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(summary.read_text()) | {"processor_seconds": processor}, done.stderr


def whole_program(folder):
    print("\nthe whole program, preset seed with 16 positions, 1,728 micro-batches of a row per step:")
    measured = {workers: [] for workers in ARRANGEMENTS}
    for _ in range(ROUNDS):
        for workers, accumulate in ARRANGEMENTS.items():
            measured[workers].append(train(folder, workers, accumulate)[0])
    digests = {summary["digest"] for summaries in measured.values() for summary in summaries}
    if len(digests) != 1:
        sys.exit(f"the bits depend on the number of workers: {digests}")
    processor_ms = {}
    for workers, summaries in measured.items():
        steps = summaries[0]["steady_steps"]
        step_ms = statistics.median(s["steady_seconds"] * 1e3 / s["steady_steps"] for s in summaries)
        processor_ms[workers] = min(s["processor_seconds"] * 1e3 / STEPS for s in summaries)
        overhead = statistics.median(
            (s["steady_seconds"] * 1e9 * s["cores"] - 1e6 * sum(sum(kind) for kind in s["executors"].values()))
            / steps / 1728 * 1e-3 for s in summaries)
        print(f"  {workers:5} workers: step {step_ms:.2f} ms, {processor_ms[workers]:.2f} ms of processors; {overhead:.2f} us per micro-batch neither computing, "
              f"adding, updating nor waiting; crossings per step {summaries[0]['boundary_crossings'] / STEPS:.0f}; "
              f"wake-ups of executors by other threads {statistics.median(s['wakeups'] for s in summaries) / steps:.1f}; "
              f"context switches per step {statistics.median(s['voluntary_switches'] for s in summaries) / steps:.1f} "
              f"voluntary, {statistics.median(s['involuntary_switches'] for s in summaries) / steps:.1f} not; "
              f"resident {max(s['peak_rss_bytes'] for s in summaries) / 2**20:.1f} MiB")
    for workers in (144, 1728):
        print(f"  {workers} workers instead of 12: {1e3 * (processor_ms[workers] - processor_ms[12]) / workers:+.2f} us of processor "
              f"time per worker and step")


def system_calls(folder):
    if shutil.which("strace") is None:
        print("strace is not installed: system calls are not counted")
        return
    print(f"\nsystem calls per step (strace -c -f; the difference of runs of {STRACE_STEPS[1]} steps and of "
          f"{STRACE_STEPS[0]}, medians of {STRACE_ROUNDS} each) beside the program's own count of wake-ups in the longer one:")
    for workers, accumulate in ARRANGEMENTS.items():
        counts = {steps: [] for steps in STRACE_STEPS}
        wakeups = []
        for _ in range(STRACE_ROUNDS):
            for steps in STRACE_STEPS:
                summary, table = train(folder, workers, accumulate, ("strace", "-f", "-c", "-U", "calls,name"), steps)
                counts[steps].append({name: int(calls)
                                      for calls, name in re.findall(r"^\s*(\d+)\s+(\w+)\s*$", table, re.M)})
            wakeups.append(summary["wakeups"] / summary["steady_steps"])
        wakeups = statistics.median(wakeups)
        short, long = ({name: statistics.median(run.get(name, 0) for run in runs)
                        for name in set().union(*runs)} for runs in counts.values())
        per_step = {name: (long[name] - short.get(name, 0)) / (STRACE_STEPS[1] - STRACE_STEPS[0])
                    for name in sorted(long, key=lambda name: -long[name])}
        shown = ", ".join(f"{name} {count:.1f}" for name, count in per_step.items() if abs(count) >= 0.1)
        print(f"  {workers:5} workers: {wakeups:.1f} wake-ups; {shown}")


# Nine short measures there for each of the whole program here.
print(subprocess.run([str(BUILD / "tests/bench/sched_bench"), str(9 * ROUNDS)], check=True, capture_output=True, text=True).stdout,
      end="")
with tempfile.TemporaryDirectory() as scratch:
    whole_program(pathlib.Path(scratch))
    system_calls(pathlib.Path(scratch))
