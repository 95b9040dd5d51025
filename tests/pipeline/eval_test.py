"""`icosa eval`: every token of some documents once, whatever the windows, cores and files."""
import gzip
import json
import math
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.icosa import Case, icosa


class Eval(Case):
    def setUp(self):
        super().setUp()
        self.corpus = self.write_corpus(files_count=20)
        self.summary = self.train(self.corpus, steps=40, lr=0.01, val_fraction=0)
        self.run_folder = self.folder / "run"
        self.texts = [file.read_bytes() for file in sorted(self.corpus.iterdir())]

    def evaluate(self, *paths, **options):
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        return json.loads(icosa("eval", self.run_folder, *paths, "--json", "--quiet", *words).stdout)

    def test_every_token_counts_once_whatever_the_windows(self):
        tokens = sum(len(text) + 1 for text in self.texts)
        for options in dict(stride=1, seq_len=8), dict(stride=5), dict(stride=32), dict(), dict(seq_len=31, stride=30):
            with self.subTest(options=options):
                found = self.evaluate(self.corpus, **options)
                self.assertEqual((found["tokens"], found["documents"], found["skipped"]), (tokens, 20, 0))
                self.assertEqual(found["text_bytes"], tokens - 20)
                self.assertAlmostEqual(found["tokens_per_document"], tokens / 20)
                self.assertAlmostEqual(found["perplexity"], math.exp(found["loss"]))
                bits = found["loss"] * tokens / math.log(2)
                self.assertAlmostEqual(found["bits_per_byte"], bits / found["text_bytes"])

    def test_more_context_predicts_better(self):
        losses = [self.evaluate(self.corpus, stride=stride)["loss"] for stride in (32, 8, 1)]
        self.assertLess(losses[1], losses[0])
        self.assertLess(losses[2], losses[0])

    def test_windows_without_context_are_what_train_evaluates(self):
        for attempt in range(50):  # until exactly one document is held out
            corpus = self.folder / f"held{attempt}"
            corpus.mkdir()
            for number in range(4):
                (corpus / f"{attempt}-{number}.txt").write_bytes(self.texts[number] * 3 + b"x" * number)
            summary = self.train(corpus, name=f"held-run{attempt}", steps=5, val_fraction=0.25)
            held_out = [file for file in corpus.iterdir() if file.stat().st_size + 1 == summary["val_tokens"]]
            if summary["val_documents"] == 1 and len(held_out) == 1:
                break
        self.run_folder = self.folder / f"held-run{attempt}"
        found = self.evaluate(held_out[0], stride=32)
        self.assertEqual(found["tokens"], summary["val_tokens"])
        self.assertAlmostEqual(found["loss"], summary["val_loss"], places=10)
        self.assertAlmostEqual(found["bits_per_byte"], summary["val_bits_per_byte"], places=10)

    def test_the_same_bits_on_other_cores_and_io(self):
        first = self.evaluate(self.corpus, stride=7, cores=1)
        for options in dict(cores=2), dict(io="threads"), dict(read_ahead=4):
            found = self.evaluate(self.corpus, stride=7, **options)
            self.assertEqual((found["loss"], found["tokens"]), (first["loss"], first["tokens"]))

    def test_a_model_knows_what_it_was_trained_on_better_than_noise(self):
        noise = self.folder / "noise.txt"
        noise.write_bytes(bytes(range(33, 127)) * 50)
        self.assertLess(self.evaluate(self.corpus)["loss"] + 1, self.evaluate(noise)["loss"])

    def test_archives_and_records_are_documents_too_and_damage_is_said(self):
        mixed = self.folder / "mixed"
        mixed.mkdir()
        (mixed / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "one"}\n{"text": "two words"}\n'))
        (mixed / "b.txt").write_text("three")
        (mixed / "c.txt").write_bytes(b"not \xff text")
        done = icosa("eval", self.run_folder, mixed, "--json", "--max-skipped-fraction", "1")
        found = json.loads(done.stdout)
        self.assertEqual((found["documents"], found["skipped"], found["tokens"]), (3, 1, 3 + 9 + 5 + 3))
        self.assertIn("c.txt", done.stderr.decode())

    def test_what_cannot_be_is_refused_in_one_line(self):
        for code, arguments in ((2, ["--stride", 33]), (2, ["--seq-len", 33]), (2, ["--seq-len", 8, "--stride", 9])):
            self.assert_one_line(icosa("eval", self.run_folder, self.corpus, *arguments, code=code).stderr,
                                 arguments[-2])
        self.assert_one_line(icosa("eval", self.run_folder, code=2).stderr, "PATH")
        self.assert_one_line(icosa("eval", self.run_folder, self.folder / "nothing", code=1).stderr, "nothing")
        self.assert_one_line(icosa("eval", self.folder, self.corpus, code=1).stderr, self.folder)


if __name__ == "__main__":
    unittest.main()
