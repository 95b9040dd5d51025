"""`./dev bench curve`: the loss of icosa beside PyTorch's, step by step: the same initial weights, tokens in the same
order, AdamW, clipping, warm-up and cosine, all in f32. The models in PyTorch are those of tests/reference.

    curve.py BUILD [--model tiny] [--tokenizer FILE] [--steps 300] [--lr 0.003] [--every 20] [--cores 2] [--double]

Needs PyTorch, in build/peers or the environment that ICOSA_PEERS names; PyPI the first time. With --double PyTorch
trains once more in f64: f32 leads away from it by rounding alone, in icosa and in PyTorch.

How both come to the same run: a run of one step at no rate leaves icosa's initial weights in its checkpoint, and `icosa
tokenize` with the same seed writes the documents in the order of a run's first pass. Rows advance by the context over
that stream, which begins with end-of-text; a step is 12 of them. Every 20th address is held out; in the end both
evaluate those in rows of the same kind. Prints a table and, as JSON, the largest relative difference of each pair.
"""
import argparse
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile
from array import array

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests" / "peers"), str(ROOT / "tests" / "reference")]
import environment

environment.enter({"torch": "torch"})

import make_reference as reference
import torch

ROWS = 12  # of a step: icosa's workers, a row each
NO_RATE = 1e-300  # 0 in f32: no weight moves. Given as 0 it would be the preset's own
WARMUP_SHARE, FINAL_SHARE, CLIP = 1 / 20, 0.1, 1.0  # icosa's defaults; AdamW's stand in make_reference.py


class Icosa:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.binary = options.build.resolve() / "icosa"
        addresses = sorted((ROOT / "datasets/sotu").iterdir())
        self.held_out = self.list_of("held-out", addresses[::20])
        self.corpus = self.list_of("corpus", [path for number, path in enumerate(addresses) if number % 20])

    def list_of(self, name, paths):
        (self.folder / name).write_text("".join(f"{path}\n" for path in paths))
        return f"@{self.folder / name}"

    def call(self, *arguments):
        command = [self.binary, *arguments, "--quiet", "--cores", self.options.cores]
        return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True).stdout

    def train(self, name, steps, rate):
        """The lines of metrics.jsonl, and the folder of the only checkpoint."""
        run = self.folder / name
        self.call("train", self.corpus, "--out", run, "--model", self.options.model, "--tokenizer",
                  self.options.tokenizer, "--steps", steps, "--lr", rate, "--warmup", warmup(self.options.steps),
                  "--workers", ROWS, "--micro-batch", 1, "--shuffle", "global", "--val-fraction", 0)
        checkpoint, = (run / "checkpoints").iterdir()
        return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()], checkpoint

    def tokens(self, paths, order, config):
        """All ids as rows are cut from them."""
        ids = array("H" if config["vocab_size"] <= 65536 else "I")
        ids.frombytes(self.call("tokenize", paths, "--out", "-", "--tokenizer", self.options.tokenizer,
                                "--shuffle", order))
        return torch.tensor([config["eos_token_id"], *ids])

    def held_out_loss(self, checkpoint, context):
        found = self.call("eval", checkpoint, self.held_out, "--json", "--seq-len", context, "--stride", context)
        return json.loads(found)["loss"]


def warmup(steps):
    return int(steps * WARMUP_SHARE)


def rate_of(step, steps, peak):
    """`step` from 1."""
    if step <= warmup(steps):
        return peak * step / warmup(steps)
    way = (step - warmup(steps)) / (steps - warmup(steps))
    return peak * (FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * way)))


def load(checkpoint, config, dtype):
    """The model of tests/reference with a checkpoint's weights."""
    model = (reference.Gpt2 if config["model_type"] == "gpt2" else reference.Llama)(config)
    content = bytearray((checkpoint / "model.safetensors").read_bytes())
    length, = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__", None)
    data = memoryview(content)[8 + length:]
    model.load_state_dict({name: torch.frombuffer(data[slice(*tensor["data_offsets"])], dtype=torch.float32)
                           .reshape(tensor["shape"]) for name, tensor in header.items()})
    return model.to(dtype)


def train(model, ids, context, steps, peak):
    """The losses of all steps, each before its update."""
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW([{"params": matrices}, {"params": others, "weight_decay": 0.0}], **reference.ADAMW)
    losses, targets = [], ROWS * context
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate_of(step, steps, peak)
        rows = ids[(step - 1) * targets:step * targets + 1].unfold(0, context + 1, context)
        optimizer.zero_grad()
        loss = reference.mean_loss(model, rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def held_out_loss(model, ids, context):
    targets = len(ids) - 1
    whole = targets // context * context
    parts = list(ids[:whole + 1].unfold(0, context + 1, context).split(ROWS))
    if whole < targets:
        parts.append(ids[None, whole:])
    return sum(reference.mean_loss(model, rows).item() * rows[:, 1:].numel() for rows in parts) / targets


def difference(ours, theirs):
    return abs(ours - theirs) / abs(theirs)


def show(curves, every):
    """`curves`: {name: losses}, the last of which the others are compared with."""
    *names, last = curves
    print(" | ".join(["step", *curves, *(f"{name} to {last}" for name in names)]))
    steps = len(curves[last])
    for step in range(1, steps + 1):
        if step == 1 or step % every == 0 or step == steps:
            losses = [curve[step - 1] for curve in curves.values()]
            print(" | ".join([str(step), *(f"{loss:.6f}" for loss in losses),
                              *(f"{difference(loss, losses[-1]):.1e}" for loss in losses[:-1])]))


def largest(ours, theirs):
    """The largest relative difference and its step."""
    found, step = max((difference(*pair), step) for step, pair in enumerate(zip(ours, theirs), 1))
    return dict(largest=float(f"{found:.2e}"), step=step)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--tokenizer", default=ROOT / "datasets/sotu-4096/tokenizer.json")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--double", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.cores)
    with tempfile.TemporaryDirectory(prefix="icosa-bench-") as folder:
        icosa = Icosa(options, pathlib.Path(folder))
        _, start = icosa.train("start", 1, NO_RATE)
        config = json.loads((start / "config.json").read_text())
        context = config.get("n_positions") or config["max_position_embeddings"]
        ids, held_out = icosa.tokens(icosa.corpus, "global", config), icosa.tokens(icosa.held_out, "none", config)
        if options.steps * ROWS * context >= len(ids):
            sys.exit(f"curve.py: --steps {options.steps}: one pass over the corpus has {len(ids) // (ROWS * context)}")
        lines, checkpoint = icosa.train("run", options.steps, options.lr)
        for line in lines:
            if difference(line["lr"], rate_of(line["step"], options.steps, options.lr)) > 1e-12:
                sys.exit(f"curve.py: step {line['step']}: icosa's learning rate is {line['lr']}")
        curves = {"icosa": [line["loss"] for line in lines]}
        held = {"icosa": icosa.held_out_loss(checkpoint, context)}
        kinds = {"PyTorch": torch.float32} | ({"PyTorch in f64": torch.float64} if options.double else {})
        for name, dtype in kinds.items():
            model = load(start, config, dtype)
            curves[name] = train(model, ids, context, options.steps, options.lr)
            held[name] = held_out_loss(model, held_out, context)
    show(curves, options.every)
    print("held out: " + ", ".join(f"{name} {loss:.6f}" for name, loss in held.items()))
    names = list(curves)
    for ours, theirs in ((a, b) for at, b in enumerate(names) for a in names[:at]):
        print(json.dumps(dict(what="curve", model=options.model, steps=options.steps, of=ours, to=theirs)
                         | largest(curves[ours], curves[theirs])
                         | dict(held_out=float(f"{difference(held[ours], held[theirs]):.2e}"))))


main()
