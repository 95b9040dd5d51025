"""The vocabulary that a run learns from its own text where no tokenizer is named."""
import gzip
import json
import pathlib
import random
import re
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.icosa import CORPUS, Case, icosa

LEARNED_BYTES = 32 << 20
SHORT = ["--steps", 2, "--quiet"]


class Learned(Case):
    def run_on(self, corpus, *options, name="run", code=0):
        return icosa("train", corpus, "--out", self.folder / name, *SHORT, *options, code=code)

    def tokenizer_of(self, name="run", step=2):
        return (self.folder / name / f"checkpoints/step-{step:08}/tokenizer.json").read_bytes()

    def state_of(self, name="run"):
        return json.loads((self.folder / name / "checkpoints/step-00000002/state.json").read_text())["configuration"]

    def train_tokenizer(self, corpus, ids, val_fraction=0.05):
        out = self.folder / "tokenizer.json"
        icosa("tokenizer", "train", corpus, "--val-fraction", val_fraction, "--vocab-size", ids, "--out", out, "--quiet")
        return out.read_bytes()

    def test_a_run_without_options_learns_from_its_training_documents_on_any_number_of_cores(self):
        expected = self.train_tokenizer(CORPUS, 4096)
        for cores in (1, 2):
            self.run_on(CORPUS, "--cores", cores, name=f"run{cores}")
            self.assertEqual(self.tokenizer_of(f"run{cores}"), expected)
        self.assertEqual(self.state_of("run1")["--tokenizer"], "learn:4096")
        self.assertNotEqual(expected, self.train_tokenizer(CORPUS, 4096, val_fraction=0))

    def test_a_size_can_be_named_with_any_model(self):
        self.run_on(CORPUS, "--tokenizer", "learn:300", "--model", "seed")
        self.assertEqual(self.tokenizer_of(), self.train_tokenizer(CORPUS, 300))
        said = icosa("generate", self.folder / "run", "--prompt", "The", "--max-tokens", 3, "--temperature", 0)
        self.assertTrue(said.stdout.startswith(b"The"))

    def test_what_is_learned_is_said(self):
        done = icosa("train", CORPUS, "--out", self.folder / "run", "--steps", 1, "--model", "seed", "--tokenizer", "learn:400")
        self.assertRegex(done.stderr.decode(), r"vocabulary: 400 ids learned from \d+\.\d MB of this text in ")

    def test_other_presets_and_files_of_tokens_keep_what_they_had(self):
        corpus = self.write_corpus()
        self.run_on(corpus, "--model", "seed", name="seed")
        self.assertEqual(self.state_of("seed")["--tokenizer"], "gpt2")
        shards = self.folder / "shards"
        icosa("tokenize", corpus, "--tokenizer", "gpt2", "--out", shards, "--quiet")
        self.run_on(shards, name="tokens")
        self.assertEqual(self.state_of("tokens")["--tokenizer"], "gpt2")
        done = icosa("train", shards, "--out", self.folder / "refused", "--tokenizer", "learn", code=1)
        self.assert_one_line(done.stderr, "--tokenizer learn", "shards", "tokens")
        self.assertFalse((self.folder / "refused").exists())

    def test_of_large_files_the_beginnings_are_learned_from(self):
        text = b"".join(path.read_bytes() for path in sorted(CORPUS.rglob("*.txt")))
        lines = [json.dumps({"text": line.decode(), "n": n}).encode() + b"\n" for n, line in enumerate(text.splitlines())]
        whole = {"text.txt": text * (2 + LEARNED_BYTES // len(text)), "lines.jsonl": b"".join(lines) * 4}
        for name, content in whole.items():
            self.assertGreater(len(content), LEARNED_BYTES)
            (self.folder / name).write_bytes(content)
            beginning = content[:LEARNED_BYTES]
            end = beginning.rindex(b"\n") + 1
            if name == "text.txt":
                end = max(end, beginning.rindex(b" "))
            (self.folder / ("part-" + name)).write_bytes(beginning[:end])
            self.run_on(self.folder / name, "--model", "seed", "--tokenizer", "learn:300", "--val-fraction", 0, name=name + "-run")
            expected = self.train_tokenizer(self.folder / ("part-" + name), 300, val_fraction=0)
            self.assertEqual(self.tokenizer_of(name + "-run"), expected)

    def test_a_large_compressed_file_is_learned_from_unless_it_is_one_document(self):
        noise = random.Random(1)
        lines = b"".join(json.dumps({"text": noise.randbytes(1000).hex()}).encode() + b"\n" for _ in range(12000))
        packed = gzip.compress(lines, 1)
        self.assertGreater(len(packed), LEARNED_BYTES // 4)
        for name in ("a.jsonl.gz", "b.txt.gz"):
            (self.folder / name).write_bytes(packed)
        options = ["--steps", 1, "--model", "seed", "--tokenizer", "learn:300", "--val-fraction", 0]
        done = icosa("train", self.folder / "a.jsonl.gz", "--out", self.folder / "a", *options)
        said = re.search(r"vocabulary: 300 ids learned from (\d+\.\d) MB of this text", done.stderr.decode())
        self.assertLess(float(said[1]) * 1e6, 0.9 * len(lines))
        refused = icosa("train", self.folder / "b.txt.gz", "--out", self.folder / "b", *options, code=1)
        self.assert_one_line(refused.stderr, "--tokenizer learn:300", "compressed", "8.4 MB", "icosa tokenizer train")

    def test_a_file_that_only_its_name_makes_one_of_tokens_keeps_nothing_from_being_learned(self):
        corpus = self.write_corpus()
        (corpus / "stray.npy").write_bytes(b"no array")
        self.run_on(corpus, "--tokenizer", "learn:270", "--max-skipped-fraction", 1)
        self.assertEqual(self.state_of()["--tokenizer"], "learn:270")

    def test_a_run_goes_on_with_the_vocabulary_it_began_with(self):
        corpus = self.write_corpus(files_count=20)
        self.run_on(corpus, "--tokenizer", "learn:270")
        began = self.tokenizer_of()
        (corpus / "more.txt").write_text("other words altogether " * 500)
        refused = icosa("train", corpus, "--out", self.folder / "run", "--tokenizer", "learn:270", "--steps", 4, "--quiet",
                        "--resume", code=1)
        self.assert_one_line(refused.stderr, "the corpus has changed")
        icosa("train", corpus, "--out", self.folder / "run", "--tokenizer", "learn:270", "--steps", 4, "--quiet",
              "--resume-anyway")
        self.assertEqual(self.tokenizer_of(step=4), began)
        self.assertNotEqual(began, self.train_tokenizer(corpus, 270))

    def test_where_all_is_held_out_all_is_learned_from(self):
        corpus = self.write_corpus(files_count=1)
        self.run_on(corpus, "--tokenizer", "learn:265", "--val-fraction", 1)
        self.assertEqual(self.tokenizer_of(), self.train_tokenizer(corpus, 265, val_fraction=0))

    def test_damage_is_counted_once_and_by_training(self):
        corpus = self.write_corpus(files_count=3)
        (corpus / "damaged.txt").write_bytes(b"fine until here \xff and on")
        refused = self.run_on(corpus, "--strict", "--val-fraction", 0, code=1)
        self.assert_one_line(refused.stderr, "damaged.txt", "16")
        icosa("train", corpus, "--out", self.folder / "all", "--epochs", 1, "--max-skipped-fraction", 1, "--val-fraction", 0,
              "--summary", self.folder / "all.json", "--quiet")
        summary = json.loads((self.folder / "all.json").read_text())
        self.assertEqual((summary["documents"], summary["skipped"]), (3, 1))

    def test_a_run_whose_length_is_not_said_has_the_presets(self):
        summary = self.train(self.write_corpus(), model="seed", seq_len=1, workers=1, val_fraction=0)
        self.assertEqual(summary["steps"], 1000)

    def test_a_size_that_is_none_is_refused(self):
        corpus = self.write_corpus()
        for size in ("learn:", "learn:0", "learn:many", "learn:-5", "learn:300x", "learn:256"):
            refused = icosa("train", corpus, "--out", self.folder / "run", "--tokenizer", size, code=None)
            self.assertNotEqual(refused.returncode, 0)
            self.assert_one_line(refused.stderr, "--tokenizer " + size, "learn:8192")
        self.assertFalse((self.folder / "run").exists())

    def test_a_folder_called_learn_is_named_with_its_path(self):
        self.train_tokenizer(CORPUS, 300)
        (self.folder / "learn").mkdir()
        shutil.copy(self.folder / "tokenizer.json", self.folder / "learn")
        icosa("train", CORPUS, "--out", "run", *SHORT, "--model", "seed", "--tokenizer", "./learn", cwd=self.folder)
        self.assertEqual(self.state_of()["--tokenizer"], "./learn")


if __name__ == "__main__":
    unittest.main()
