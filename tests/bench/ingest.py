"""`./dev bench ingest`: what ingest reaches beside fio, cat, ripgrep, zstd and gzip in the same run, where these are
installed. Every answer is checked before it is timed; figures are medians, rounds taken in turn so that the machine's
moods meet all alike. Cold rounds need the right to drop the page cache.

    ingest.py BUILD [FOLDER]      FOLDER: where the corpora are made (about 3 GB; default: a temporary one)
"""
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
MB = 1e6
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def drop_page_cache():
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        return True
    except OSError:
        return False


def run(command, **keywords):
    """Seconds, and seconds of processor time, of a command that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run([str(word) for word in command], capture_output=True, check=True, **keywords)
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def documents(text):
    """English text cut into documents of 300 bytes to 3 kB."""
    at, length = 0, 300
    while at < len(text):
        yield text[at:at + length]
        at, length = at + length, 300 + (length * 7 + 131) % 2700


def make_corpora(folder):
    text = "".join(path.read_text() for path in sorted((ROOT / "datasets/sotu").iterdir()))
    lines = "".join(json.dumps({"id": number, "text": document}) + "\n"
                    for number, document in enumerate(documents(text)))
    lines_count = lines.count("\n")
    for name in ("large", "jsonl", "gz", "zst", "small"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    large = (text.encode() * (64 * 1024 * 1024 // len(text) + 1))[:64 * 1024 * 1024]
    large = large.decode(errors="ignore").encode()
    for number in range(16):
        (folder / "large" / f"{number:02}.txt").write_bytes(large)
    (folder / "jsonl" / "a.jsonl").write_text(lines * 40)
    (folder / "gz" / "a.jsonl").write_text(lines * 16)
    subprocess.run(["gzip", "-6", "-f", folder / "gz" / "a.jsonl"], check=True)
    if shutil.which("zstd"):
        (folder / "zst" / "a.jsonl").write_text(lines * 32)
        subprocess.run(["zstd", "-3", "-q", "-f", "--rm", folder / "zst" / "a.jsonl"], check=True)
    for number in range(20000):
        inside = folder / "small" / f"{number // 1000}"
        inside.mkdir(exist_ok=True)
        at = number * 8000 % 60_000_000
        (inside / f"{number}.txt").write_bytes(large[at:at + 8000].decode(errors="ignore").encode())
    return {"jsonl": 40 * lines_count, "gz": 16 * lines_count, "zst": 32 * lines_count}


class Bench:
    def __init__(self, build, folder):
        self.program = [build / "tests/bench/ingest_bench"]
        self.icosa = build / "icosa"
        self.folder = folder
        self.can_drop = drop_page_cache()

    def ours(self, kind, name, *options):
        return json.loads(run([*self.program, kind, *options, self.folder / name])[2])

    def table(self, title, unit, contenders, cold=False):
        """contenders: name -> a function that gives one rate, and perhaps a share of a core."""
        rates = {name: [] for name in contenders}
        for _ in range(ROUNDS):
            for name, measure in contenders.items():
                if cold:
                    drop_page_cache()
                rates[name].append(measure())
        medians = {name: statistics.median(rate for rate, _ in found) for name, found in rates.items()}
        ours = medians["icosa"]
        for name, found in rates.items():
            spread = [rate for rate, _ in found]
            share = statistics.median(share for _, share in found)
            print(json.dumps(dict(what=title, who=name, median=round(medians[name], 1), unit=unit,
                                  lowest=round(min(spread), 1), highest=round(max(spread), 1), cores=round(share, 2),
                                  icosa_against_it=round(ours / medians[name], 2))), flush=True)

    def rate_of(self, kind, name, *options, key="file_bytes", scale=MB):
        def measure():
            found = self.ours(kind, name, *options)
            return found[key] / scale / found["seconds"], found["processor_seconds"] / found["seconds"]
        return measure

    def rate_of_command(self, command, amount, **keywords):
        def measure():
            seconds, processor, _ = run(command, **keywords)
            return amount / seconds, processor / seconds
        return measure

    def fio(self, total_bytes):
        command = ["fio", "--name=read", f"--directory={self.folder}", "--filename=" + ":".join(
            f"large/{number:02}.txt" for number in range(16)), "--rw=read", "--bs=512k", "--iodepth=16", "--direct=1",
            "--ioengine=io_uring", "--output-format=json", f"--size={total_bytes}", "--file_service_type=sequential"]

        def measure():
            job = json.loads(run(command)[2])["jobs"][0]
            return job["read"]["bw_bytes"] / MB, (job["usr_cpu"] + job["sys_cpu"]) / 100
        return measure

    def all(self, counts):
        large = sum(path.stat().st_size for path in (self.folder / "large").iterdir())
        hot = {"icosa": self.rate_of("raw", "large"), "icosa, as documents": self.rate_of("documents", "large"),
               "cat": self.rate_of_command(["cat", *sorted((self.folder / "large").iterdir())], large / MB)}
        self.table("large files, hot, one thread", "MB/s", hot)
        if self.can_drop:
            cold = {"icosa": self.rate_of("raw", "large", "--read-ahead", "16")}
            if shutil.which("fio"):
                cold["fio, direct, 16 x 512 KiB"] = self.fio(large)
            cold["cat"] = hot["cat"]
            self.table("large files, cold", "MB/s", cold, cold=True)
        small = {"icosa": self.rate_of("documents", "small", key="documents", scale=1)}
        if shutil.which("rg"):
            command = ["rg", "-c", "-j", "2", "the", str(self.folder / "small")]
            small["ripgrep, two threads"] = self.rate_of_command(command, 20000)
        self.table("20,000 files of 8 kB, hot", "files/s", small)
        if self.can_drop:
            self.table("20,000 files of 8 kB, cold", "files/s", small, cold=True)
        for name, peer in (("jsonl", None), ("gz", ["gzip", "-dc"]), ("zst", ["zstd", "-dcq"])):
            paths = list((self.folder / name).iterdir())
            if not paths:
                continue
            found = self.ours("documents", name)
            assert (found["documents"], found["skipped"]) == (counts[name], 0), (name, found)
            contenders = {"icosa": self.rate_of("documents", name, key="text_bytes")}
            if peer:
                contenders[peer[0]] = self.rate_of_command([*peer, *paths], found["text_bytes"] / MB)
            self.table(f"{name}: lines to documents, hot, one thread", "MB/s of text", contenders)
        for cores in (1, 2):
            out = ["tokenize", self.folder / "jsonl", "--tokenizer", "gpt2", "--out", "-", "--quiet", "--shuffle", "none"]
            text_bytes = self.ours("documents", "jsonl")["text_bytes"]
            self.table(f"jsonl: lines to gpt2 tokens, {cores} cores", "MB/s of text",
                       {"icosa": self.rate_of_command([self.icosa, *out, "--cores", cores], text_bytes / MB)})


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="icosa-bench-") as scratch:
        folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else scratch)
        counts = make_corpora(folder)
        bench = Bench(build, folder)
        if not bench.can_drop:
            print("the page cache cannot be dropped here: nothing is measured cold", file=sys.stderr)
        bench.all(counts)


main()
