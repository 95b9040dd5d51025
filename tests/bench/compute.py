"""`./dev bench compute`: how fast icosa computes, beside what this machine can do at most and beside other products, all
in one run. Lines of JSON:

    machine    fused multiply-adds and memory bandwidth of 1 and 2 threads
    product    every product of every preset's step on one core: GFLOP/s of ours, oneDNN's and OpenBLAS' (where they
               are installed), in turn; share of the peak that was measured around it
    run, step  whole runs of `icosa train` at every preset, on 1 and 2 cores, twelve micro-batches a step (four at 350
               million parameters): tokens per second, share of the peak that the same threads reached before and after;
               presets and cores taken in turn, each run as it ends, then the medians. A run of a few steps counts by its
               median step: in the second one the gradients' memory is still touched for the first time

    compute.py BUILD [--presets seed,tiny,...] [--rounds N] [--no-products]
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
class Preset(typing.NamedTuple):
    layers: int
    width: int
    vocabulary: int
    context: int
    steps: int  # of a run
    micro_batches: int = 12  # of a step
    kv_share: float = 1  # key and value heads for each query head
    gated: int = 0  # width of a Llama's hidden layer

    def flops_per_token(self):
        """As TARGETS counts them: 6 for each weight of a matrix, and the causal half of attention."""
        hidden = 3 * self.gated if self.gated else 8 * self.width
        block = self.width * (2 * self.width + 2 * self.width * self.kv_share + hidden + self.context)
        return 6 * (self.layers * block + self.width * self.vocabulary)


PRESETS = {
    "seed": Preset(2, 64, 500, 32, 1500), "tiny": Preset(4, 64, 4096, 128, 150), "char": Preset(6, 384, 257, 256, 6),
    "small": Preset(6, 384, 50257, 256, 3), "gpt2": Preset(12, 768, 50257, 256, 3),
    "gpt2-medium": Preset(24, 1024, 50257, 256, 3, 4),
    "llama-seed": Preset(2, 64, 500, 32, 1500, 12, 1 / 2, 176),
    "llama-tiny": Preset(4, 64, 4096, 128, 150, 12, 1 / 2, 176),
    "llama-char": Preset(6, 384, 257, 256, 6, 12, 1 / 3, 1024),
    "llama-small": Preset(6, 384, 50257, 256, 3, 12, 1 / 3, 1024),
    "llama-110m": Preset(12, 768, 50257, 256, 3, 12, 1 / 3, 2048),
    "llama-350m": Preset(24, 1024, 50257, 256, 3, 4, 1 / 2, 2816)}
FEW_STEPS = 10
CORES = len(os.sched_getaffinity(0))


class Bench:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

    def lines(self, *arguments):
        done = subprocess.run([self.build / "tests/bench/compute_bench", *map(str, arguments)], env=self.environment,
                              capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def machine(self, threads):
        return self.lines("machine", threads)[0]

    def products(self, presets):
        for preset in presets:
            for line in self.lines("products", preset):  # none of presets whose shapes others have
                print(json.dumps(line), flush=True)

    def train(self, preset, cores):
        """Tokens per second of a run, and the multiply-adds that as many threads reached around it."""
        shape = PRESETS[preset]
        tokenizer = {257: "bytes", 50257: "gpt2"}.get(shape.vocabulary)
        if tokenizer is None:  # byte pairs of its own
            tokenizer = self.folder / f"{shape.vocabulary}.json"
            if not tokenizer.exists():
                subprocess.run([self.build / "icosa", "tokenizer", "train", ROOT / "datasets/sotu", "--vocab-size",
                                str(shape.vocabulary), "--out", tokenizer, "--quiet"], check=True)
        before = self.machine(cores)["gflops"]
        summary = self.folder / "summary.json"
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            subprocess.run([self.build / "icosa", "train", ROOT / "datasets/sotu", "--out", pathlib.Path(out) / "run",
                            "--model", preset, "--tokenizer", tokenizer, "--steps", str(shape.steps + 1),
                            "--micro-batch", "1", "--workers", str(shape.micro_batches), "--cores", str(cores), "--val-fraction", "0",
                            "--summary", summary, "--quiet"], check=True)
            metrics = [json.loads(line) for line in (pathlib.Path(out) / "run/metrics.jsonl").read_text().splitlines()]
        found = json.loads(summary.read_text())
        if shape.steps <= FEW_STEPS:
            found["tokens_per_second"] = statistics.median(step["tokens_per_second"] for step in metrics[1:])
            found["update_fraction"] = statistics.median(step["update_ms"] / step["step_ms"] for step in metrics[1:])
        return found, max(before, self.machine(cores)["gflops"])

    @staticmethod
    def share(preset, run, peak):
        return run["tokens_per_second"] * PRESETS[preset].flops_per_token() / 1e9 / peak

    def steps(self, presets, rounds):
        found = {(preset, cores): [] for preset in presets for cores in sorted({1, min(2, CORES)})}
        for _ in range(rounds):
            for preset, cores in found:
                found[preset, cores].append(self.train(preset, cores))
                run, peak = found[preset, cores][-1]
                print(json.dumps(dict(what="run", preset=preset, cores=cores,
                                      tokens_per_second=round(run["tokens_per_second"]),
                                      share_of_peak=round(self.share(preset, run, peak), 3))), flush=True)
        for (preset, cores), runs in found.items():
            rates = [run["tokens_per_second"] for run, _ in runs]
            shares = [self.share(preset, run, peak) for run, peak in runs]
            one_core = statistics.median(run["tokens_per_second"] for run, _ in found[preset, 1])
            print(json.dumps(dict(
                what="step", preset=preset, cores=cores, tokens_per_second=round(statistics.median(rates)),
                lowest=round(min(rates)), highest=round(max(rates)),
                share_of_peak=round(statistics.median(shares), 3), best_share_of_peak=round(max(shares), 3),
                against_one_core=round(statistics.median(rates) / one_core, 2),
                update_fraction=round(statistics.median(run["update_fraction"] for run, _ in runs), 4),
                data_wait_fraction=round(statistics.median(run["data_wait_fraction"] for run, _ in runs), 4),
                peak_rss_mib=round(max(run["peak_rss_bytes"] for run, _ in runs) / 2 ** 20))), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--presets", default=",".join(PRESETS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-products", action="store_true")
    options = parser.parse_args()
    presets = options.presets.split(",")
    with tempfile.TemporaryDirectory(prefix="icosa-bench-") as folder:
        bench = Bench(options.build.resolve(), pathlib.Path(folder))
        for threads in sorted({1, min(2, CORES)}):
            print(json.dumps(bench.machine(threads)), flush=True)
        if not options.no_products:
            bench.products(presets)
        bench.steps(presets, options.rounds)


main()
