"""A run that does not fit into the memory there is, is refused with the figures before it takes any of it."""
import pathlib
import re
import resource
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.icosa import BINARY, Case, icosa

SANITIZED = b"__asan" in BINARY.read_bytes() or b"__tsan" in BINARY.read_bytes()
MIB = 1 << 20


class Memory(Case):
    def refused(self, *options, limit=None, bytes=0):
        """The line that the program ends with."""
        corpus = self.folder / "corpus"
        if not corpus.exists():
            self.write_corpus()
        set_limit = (lambda: resource.setrlimit(limit, (bytes, bytes))) if limit is not None else None
        out = self.folder / "runs" / "refused"
        done = icosa("train", corpus, "--out", out, "--tokenizer", "bytes", "--steps", 2, *options, code=1,
                     preexec_fn=set_limit)
        self.assertFalse(out.parent.exists())
        self.assert_one_line(done.stderr, "--micro-batch", "--recompute", "weights", "activations")
        return done.stderr.decode()

    def figures(self, line):
        """MiB needed, MiB left."""
        needed, left = map(int, re.search(r"needs (\d+) MiB: .* and (\d+) MiB are left", line).groups())
        self.assertGreater(needed, left)
        return needed, left

    def test_a_micro_batch_beyond_the_machine_is_refused(self):
        line = self.refused("--model", "small", "--micro-batch", 4096)
        needed, _ = self.figures(line)
        self.assertGreater(needed, 100_000)

    @unittest.skipIf(SANITIZED, "sanitizers reserve address space of their own")
    def test_limits_of_the_process_count(self):
        for limit, name in (resource.RLIMIT_AS, "under ulimit -v"), (resource.RLIMIT_DATA, "under ulimit -d"):
            line = self.refused("--model", "small", "--cores", 1, limit=limit, bytes=400 * MIB)
            _, left = self.figures(line)
            self.assertIn(name, line)
            self.assertLessEqual(left, 400)
            self.assertGreater(left, 200)

    @unittest.skipIf(SANITIZED, "sanitizers reserve address space of their own")
    def test_lean_gradients_are_named_where_they_would_take_less(self):
        options = ["--model", "small", "--cores", 1]
        bound = dict(limit=resource.RLIMIT_AS, bytes=300 * MIB)
        self.assertIn("--gradient-memory lean", self.refused(*options, "--gradient-memory", "fast", **bound))
        self.assertNotIn("--gradient-memory", self.refused(*options, "--gradient-memory", "lean", **bound))

    def test_the_plan_leaves_out_what_takes_nothing(self):
        corpus = self.write_corpus()
        for name, options in ("without", []), ("with", ["--checkpoint-every", 1]):
            done = icosa("train", corpus, "--tokenizer", "bytes", "--model", "seed", "--steps", 1, "--out",
                         self.folder / name, *options)
            plan, = [line for line in done.stderr.decode().splitlines() if line.startswith("memory: ")]
            self.assertEqual("copy for checkpoints" in plan, bool(options), plan)
            self.assertNotIn("trace", plan)


if __name__ == "__main__":
    unittest.main()
