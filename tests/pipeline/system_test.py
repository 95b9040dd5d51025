"""Coroutines for real, seen from outside: the threads of a run, the calls it makes, the memory it takes."""
import collections
import gzip
import json
import os
import pathlib
import re
import select
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support import icosa as support
from support.icosa import CORPUS, SMALL, TIMEOUT_SECONDS, Case, flags, icosa

SANITIZED = b"__asan" in support.BINARY.read_bytes() or b"__tsan" in support.BINARY.read_bytes()

# Reads a good part of the corpus in little time: few, large steps of the smallest model.
A_PASS = dict(SMALL, steps=2, seq_len=128, micro_batch=100, workers=96, val_fraction=0)


def ring_works():
    """Whether the kernel lets us have a ring here."""
    done = subprocess.run([support.BINARY, "train", "/nonexistent", "--io", "uring"], capture_output=True)
    return b"io_uring" not in done.stderr


class Threads(Case):
    def threads_of(self, **options):
        """Names of the threads of a run in progress."""
        run = self.folder / "run"
        process = subprocess.Popen([support.BINARY, "train", CORPUS, "--out", run, "--quiet",
                                    *flags(SMALL | dict(steps=10_000_000, val_fraction=0) | options)])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        while process.poll() is None and not ((run / "metrics.jsonl").exists()
                                              and (run / "metrics.jsonl").stat().st_size > 500):
            select.select([], [], [], 0.01)
        names = []
        for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
            names.append((task / "comm").read_text().strip())
        return sorted(name for name in names if not name.startswith("iou-"))  # the kernel's own, of the ring

    @unittest.skipIf(SANITIZED, "sanitizers start threads of their own")
    def test_there_are_the_cores_and_the_ring_and_no_others(self):
        if not ring_works():
            self.skipTest("no io_uring here")
        cores = min(2, len(os.sched_getaffinity(0)))
        names = self.threads_of(cores=cores, io="uring")
        self.assertEqual(names, [f"icosa-core-{i}" for i in range(cores)] + ["icosa-ring"])

    @unittest.skipIf(SANITIZED, "sanitizers start threads of their own")
    def test_without_a_ring_the_file_threads_have_names(self):
        names = self.threads_of(cores=1, io="threads")
        self.assertTrue(all(re.fullmatch(r"icosa-(core|file|files)(-\d+)?", name) for name in names), names)


@unittest.skipIf(SANITIZED, "strace and sanitizers do not go together")
class Calls(Case):
    def trace(self, *options):
        log = self.folder / "strace.log"
        try:
            probe = subprocess.run(["strace", "-o", str(log), "true"], capture_output=True)
        except FileNotFoundError:
            self.skipTest("strace is not installed")
        if probe.returncode != 0:
            self.skipTest("this machine lets nobody trace")
        summary = self.folder / "summary.json"
        icosa("train", CORPUS, "--out", self.folder / "run", "--quiet", "--summary", summary,
              *flags(A_PASS), *options, prefix=["strace", "-f", "-y", "-o", log])
        return log.read_text(errors="replace").splitlines()

    def test_corpus_files_are_read_through_the_ring_alone_many_at_a_time(self):
        if not ring_works():
            self.skipTest("no io_uring here")
        lines = self.trace("--io", "uring")
        direct = [line for line in lines
                  if re.search(r'\b(read|pread64|readv|preadv2?|mmap|open|openat)\(.*datasets/sotu/[^"]', line)]
        self.assertEqual(direct[:3], [], "files of the corpus are opened and read by io_uring only")
        enters = [re.search(r"io_uring_enter\(\S+, (\d+),", line) for line in lines]
        submitted = [int(match.group(1)) for match in enters if match]
        self.assertGreater(sum(submitted), 3 * 100, "open, status and read of the files read")
        busy = [count for count in submitted if count]
        self.assertGreater(max(busy), 8, "many operations go down with one call")
        # How many on average depends on how fast the disk answers: while documents are packed each goes down alone.
        self.assertGreater(sum(busy) / len(busy), 1.2)

    def test_executors_make_no_file_calls(self):
        if not ring_works():
            self.skipTest("no io_uring here")
        lines = self.trace("--io", "uring")
        named = {}
        calls = collections.Counter()
        for line in lines:
            thread, _, call = line.partition(" ")
            name = re.search(r'prctl\(PR_SET_NAME, "([^"]+)"|comm", O_RDWR.*', call)
            if name and name.group(1):
                named[thread] = name.group(1)
            if re.match(r"\s*(read|pread64|write|pwrite64|open|openat|fsync|rename|stat|newfstatat|statx|getdents64)\(",
                        call):
                calls[thread, re.match(r"\s*(\w+)", call).group(1), "eventfd" in call or "eventpoll" in call] += 1
        cores = {thread for thread, name in named.items() if name.startswith("icosa-core")}
        self.assertTrue(cores, "the executors' names were seen")
        blocking = {key: count for key, count in calls.items() if key[0] in cores and not key[2]}
        # Opening the thread's own cpu list or time zone belongs to the C library's start of a thread.
        self.assertEqual(blocking, {}, "an executor awaits files; it never calls for them")


@unittest.skipIf(SANITIZED, "sanitizers take memory of their own")
class Memory(Case):
    def peak_of(self, name, tokens):
        """Peak resident bytes of a run of so many tokens over the corpus of that name."""
        return self.train(self.folder / name, name=f"run-{name}", tokens=tokens, micro_batch=64, val_fraction=0,
                          shuffle="none")["peak_rss_bytes"]

    def test_a_corpus_a_hundred_times_larger_takes_no_more_memory(self):
        text = (CORPUS / "1790_george_washington_n.txt").read_bytes()[:10_000].decode(errors="ignore").encode()
        text = (text * 3)[:10_000]
        for name in ("small", "large", "one"):
            (self.folder / name).mkdir()
        (self.folder / "small" / "a.txt").write_bytes(text)
        for number in range(100):
            (self.folder / "large" / f"{number:03}.txt").write_bytes(text)
        (self.folder / "one" / "all.txt").write_bytes(text * 100)
        # Twenty passes over the small corpus, one over each of the large ones: a longer run, too, takes no more.
        peaks = {name: self.peak_of(name, tokens)
                 for name, tokens in (("small", 200_000), ("large", 1_000_000), ("one", 1_000_000))}
        # A long document has buffers of its own, of a fixed size; 10 MB would be a tenth of what passed through.
        for name in ("large", "one"):
            self.assertLess(peaks[name], peaks["small"] + (8 << 20), peaks)

    def test_neither_files_nor_lines_nor_archives_of_any_size_take_memory(self):
        text = (CORPUS / "1790_george_washington_n.txt").read_text()[:4_000]
        line = json.dumps({"text": text}).encode() + b"\n"
        giant = json.dumps({"text": text * 10_000}).encode() + b"\n"  # 40 MB in one record
        for name, lines in (("small", line * 50), ("many", line * 15_000), ("giant", line + giant + line)):
            (self.folder / f"{name}.jsonl").write_bytes(lines)
        (self.folder / "archive.jsonl.gz").write_bytes(gzip.compress(line * 15_000 + giant, 1))
        peaks = {}
        for name in ("small.jsonl", "many.jsonl", "giant.jsonl", "archive.jsonl.gz"):
            summary = self.folder / f"{name}.json"
            icosa("tokenize", self.folder / name, "--tokenizer", "bytes", "--quiet", "--cores", 1,
                  "--out", self.folder / f"{name}.tokens", "--summary", summary)
            peaks[name] = json.loads(summary.read_text())["peak_rss_bytes"]
        # 60 to 100 MB passed through; an archive has a window of 2 million ids for its shuffle.
        for peak in peaks.values():
            self.assertLess(peak, peaks["small.jsonl"] + (40 << 20), peaks)
        self.assertGreater(min(peaks.values()), 1 << 20, peaks)

    def test_the_plan_printed_beforehand_covers_what_is_used(self):
        for name, options in (("seed", {}), ("wide", dict(model="char", seq_len=64, workers=4))):
            done = icosa("train", CORPUS, "--out", self.folder / name, "--summary", self.folder / f"{name}.json",
                         *flags(SMALL | dict(steps=3, val_fraction=0) | options))
            planned = int(re.search(rb"memory: (\d+) MiB", done.stderr).group(1))
            used = json.loads((self.folder / f"{name}.json").read_text())["peak_rss_bytes"] / 2**20
            self.assertLess(used, planned + 1, (name, planned, used))
            self.assertGreater(used, planned * 0.3, (name, planned, used))


if __name__ == "__main__":
    unittest.main()
