"""The vocabulary that a run learns from its own text where no tokenizer is named."""
import json
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.icosa import CORPUS, Case, icosa

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
