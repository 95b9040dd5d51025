"""Spheres of workers, seen from outside: arrangements of one product, the memory of gradients, what is measured."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.icosa import Case, flags, icosa, metrics, SMALL

KINDS = ["compute_ms", "sum_ms", "update_ms", "data_wait_ms", "buffer_wait_ms", "boundary_wait_ms"]


class Spheres(Case):
    def test_the_bits_do_not_depend_on_how_workers_are_arranged_or_on_memory(self):
        corpus = self.write_corpus()
        digests = set()
        for number, options in enumerate((dict(levels=2), dict(workers=144), dict(accumulate=12),
                                          dict(workers=36, accumulate=4))):
            for memory in ("lean", "fast"):
                summary = self.train(corpus, name=f"{number}{memory}", steps=2, seq_len=8, val_fraction=0,
                                     gradient_memory=memory, **options)
                digests.add(summary["digest"])
                self.assertEqual(summary["gradient_memory"], memory)
                self.assertEqual(summary["boundary_crossings"], 288)
                if memory == "lean":
                    self.assertEqual(summary["gradient_buffers"], summary["cores"] + 8 + 1)
                self.assertLessEqual(summary["gradient_buffers_used"], summary["gradient_buffers"])
        self.assertEqual(len(digests), 1)

    def test_each_arrangement_of_three_levels_gives_the_same_bits(self):
        corpus = self.write_corpus(files_count=12, words=800)
        digests = set()
        for workers, accumulate in ((12, 144), (144, 12), (1728, 1)):
            summary = self.train(corpus, name=str(workers), steps=2, seq_len=8, val_fraction=0, workers=workers,
                                 accumulate=accumulate)
            self.assertEqual(summary["boundary_crossings"], 2 * 1728)
            digests.add(summary["digest"])
        self.assertEqual(len(digests), 1)

    def test_three_levels_learn(self):
        self.train(self.write_corpus(), levels=3, steps=6, seq_len=8, val_fraction=0, schedule="constant", warmup=1)
        losses = [line["loss"] for line in metrics(self.folder / "run")]
        self.assertLess(losses[-1], losses[0] - 0.3)

    def test_levels_that_contradict_workers_are_refused(self):
        done = icosa("train", self.write_corpus(), "--out", self.folder / "run", "--levels", 2, "--workers", 12, code=2)
        self.assert_one_line(done.stderr, "--workers 12 --levels 2", "144")
        icosa("train", self.folder / "corpus", "--out", self.folder / "run", "--levels", 5, code=2)

    def test_a_run_says_where_it_stands_and_how_even_its_work_is(self):
        done = icosa("train", self.write_corpus(), "--out", self.folder / "run", "--cores", 1, "--workers", 5, "--no-pin",
                     *flags(SMALL | dict(steps=1, val_fraction=0)))
        text = (done.stdout + done.stderr).decode()
        self.assertIn("balance: 5 micro-batches on 1 core can keep it busy 100 %", text)
        self.assertIn("not pinned", text)


class Measured(Case):
    def test_an_executor_s_times_add_up_to_the_steps(self):
        summary = self.train(self.write_corpus(), steps=40, eval_every=10, val_fraction=0.3, checkpoint_every=15)
        per_core = zip(*(summary["executors"][kind] for kind in KINDS))
        # A wait counts where it ends: one may have begun in the first step, which is not among the steady ones.
        first_ms = metrics(self.folder / "run")[0]["step_ms"]
        for times in per_core:
            self.assertLessEqual(sum(times), 1.02e3 * summary["steady_seconds"] + first_ms + 1)
        self.assertEqual(summary["steady_steps"], 39)
        self.assertEqual(len(summary["executors"]["compute_ms"]), summary["cores"])
        # A second core is woken for each step at least, and never once for each micro-batch.
        if summary["cores"] > 1:
            self.assertGreaterEqual(summary["wakeups"], 39)
        self.assertLess(summary["wakeups"], 39 * 12 * 12)
        batches = summary["queues"]["batches"]
        self.assertGreaterEqual(batches["takes"], 40 * 12)
        self.assertLessEqual(batches["mean"], batches["capacity"])
        self.assertGreater(summary["queues"]["blocks"]["capacity"], 0)
        for line in metrics(self.folder / "run"):
            self.assertEqual(sorted(line["executors"]), sorted(KINDS))

    def test_a_trace_has_rows_spans_and_queues(self):
        trace = self.folder / "trace.json"
        summary = self.train(self.write_corpus(), steps=12, val_fraction=0.2, eval_every=5, checkpoint_every=4, trace=trace)
        events = json.loads(trace.read_text())["traceEvents"]
        rows = {e["args"]["name"] for e in events if e["name"] == "thread_name"}
        self.assertIn("core 0", rows)
        self.assertTrue(rows & {"ring", "files"})
        self.assertEqual(len(rows), summary["cores"] + 1)
        spans = {e["name"] for e in events if e["ph"] in "Xb"}
        self.assertLessEqual({"read", "tokenize", "pack", "wait", "forward", "backward", "sum", "update", "checkpoint",
                              "evaluate"}, spans)
        self.assertEqual(sum(e["name"] == "forward" for e in events), 12 * 12)
        self.assertLessEqual({"batches waiting", "blocks ready", "blocks being read"},
                             {e["name"] for e in events if e["ph"] == "C"})
        # Spans of a row lie within each other or apart.
        for tid in {e["tid"] for e in events if e["ph"] == "X"}:
            ends = []
            for e in sorted((e for e in events if e["ph"] == "X" and e["tid"] == tid), key=lambda e: (e["ts"], -e["dur"])):
                while ends and ends[-1] <= e["ts"] + 0.002:
                    ends.pop()
                if ends:
                    self.assertLessEqual(e["ts"] + e["dur"], ends[-1] + 0.002, e)
                ends.append(e["ts"] + e["dur"])

    def test_a_trace_changes_no_bits(self):
        corpus = self.write_corpus()
        with_trace = self.train(corpus, name="with", steps=3, val_fraction=0, trace=self.folder / "trace.json")
        without = self.train(corpus, name="without", steps=3, val_fraction=0)
        self.assertEqual(with_trace["digest"], without["digest"])

    def test_a_trace_that_cannot_be_written_is_said_before_the_run(self):
        self.train(self.write_corpus(), steps=3, trace="/proc/none/trace.json", code=1)
        self.assert_one_line(self.stderr, "/proc/none/trace.json")
        self.assertFalse((self.folder / "run" / "metrics.jsonl").exists())


if __name__ == "__main__":
    unittest.main()
