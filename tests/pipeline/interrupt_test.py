"""Ctrl-C ends a run in order: the step is finished, a checkpoint written, exit code 130. A second ends it at once."""
import json
import pathlib
import select
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support import icosa as support
from support.icosa import SMALL, TIMEOUT_SECONDS, Case, digest_shown, flags, icosa, metrics


class Interrupt(Case):
    def start(self, **options):
        """Starts an endless run and waits until it has done a few steps."""
        self.run_folder, self.summary = self.folder / "run", self.folder / "summary.json"
        process = subprocess.Popen(
            [support.BINARY, "train", self.write_corpus(), "--out", self.run_folder, "--summary", self.summary,
             "--quiet", *flags(SMALL | dict(steps=10_000_000, val_fraction=0) | options)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        lines = self.run_folder / "metrics.jsonl"
        while process.poll() is None and (not lines.exists() or lines.stat().st_size < 500):
            select.select([], [], [], 0.01)
        self.assertIsNone(process.poll(), "the run ended by itself")
        return process

    def test_one_signal_ends_the_run_in_order(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                process = self.start()
                process.send_signal(number)
                self.assertEqual(process.wait(TIMEOUT_SECONDS), 130)
                summary = json.loads(self.summary.read_text())
                self.assertTrue(summary["interrupted"])
                self.assertEqual(metrics(self.run_folder)[-1]["step"], summary["steps"])
                self.assertEqual([p.name for p in (self.run_folder / "checkpoints").iterdir()],
                                 [f"step-{summary['steps']:08}"])
                self.assertEqual(digest_shown(self.run_folder), summary["digest"])
                self.assertEqual((process.stdout.read(), process.stderr.read()), (b"", b""))
                process.stdout.close(), process.stderr.close()
                self.doCleanups()
                self.setUp()

    def test_what_is_interrupted_has_the_bits_of_a_run_of_that_length(self):
        process = self.start(schedule="constant", warmup=1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_SECONDS)
        steps = json.loads(self.summary.read_text())["steps"]
        whole = self.train(self.folder / "corpus", name="whole", steps=steps, schedule="constant", warmup=1,
                           val_fraction=0)
        self.assertEqual(whole["digest"], digest_shown(self.run_folder))

    def test_a_second_signal_ends_at_once_without_a_checkpoint(self):
        # One step of this run takes long: the first signal cannot have been served when the second comes.
        folder = self.folder / "long"
        process = subprocess.Popen(
            [support.BINARY, "train", self.write_corpus(), "--out", folder, "--quiet",
             *flags(SMALL | dict(steps=2, workers=1728, accumulate=12, val_fraction=0, model="tiny", seq_len=256))],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        while process.poll() is None and not (folder / "metrics.jsonl").exists():
            select.select([], [], [], 0.01)
        process.send_signal(signal.SIGINT)
        select.select([], [], [], 0.05)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(TIMEOUT_SECONDS), 130)
        self.assertEqual(list((folder / "checkpoints").iterdir()), [])

    def test_generating_can_be_interrupted(self):
        self.train(self.write_corpus(), steps=1, val_fraction=0)
        process = subprocess.Popen([support.BINARY, "generate", self.folder / "run", "--max-tokens", "100000000"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        process.stdout.close()
        self.assertIn(process.wait(TIMEOUT_SECONDS), (130, 0))


if __name__ == "__main__":
    unittest.main()
