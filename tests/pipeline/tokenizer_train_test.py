"""`icosa tokenizer train` from outside: the same file on any number of cores and from any format; damage accounted for;
what was learned encodes and decodes; wrong requests refused in one line before anything is read."""
import gzip
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support import icosa as support
from support.icosa import CORPUS, Case, icosa

END = "<|endoftext|>"


class TokenizerTrain(Case):
    def learn(self, *paths, name="tokenizer.json", code=0, vocab_size=600, **options):
        """Trains into a file of this test; returns its bytes and the summary."""
        out, summary = self.folder / name, self.folder / f"{name}.summary"
        done = icosa("tokenizer", "train", *paths, "--out", out, "--summary", summary, "--quiet",
                     *support.flags(dict(vocab_size=vocab_size) | options), code=code)
        self.stderr = done.stderr
        self.assertFalse(pathlib.Path(f"{out}.tmp").exists())
        return (out.read_bytes(), json.loads(summary.read_text())) if done.returncode == 0 else None

    def refused(self, *names, paths=(CORPUS,), code=2, **options):
        self.learn(*paths, code=code, **options)
        self.assert_one_line(self.stderr, *names)
        self.assertFalse((self.folder / "tokenizer.json").exists())

    def test_the_file_is_the_same_on_any_number_of_cores(self):
        first, summary = self.learn(CORPUS, cores="1", vocab_size=4096)
        for cores, ways in (("1", "threads"), ("2", "auto"), ("2", "threads")):
            with self.subTest(cores=cores, io=ways):
                again, others = self.learn(CORPUS, cores=cores, io=ways, vocab_size=4096)
                self.assertEqual(again, first)
                for key in ("documents", "bytes", "words", "different_words", "merges", "tokens"):
                    self.assertEqual(others[key], summary[key], key)
        files = list(CORPUS.glob("*.txt"))
        self.assertEqual((summary["documents"], summary["skipped"], summary["merges"], summary["vocabulary_size"]),
                         (len(files), 0, 4096 - 257, 4096))
        self.assertEqual(summary["bytes"], sum(file.stat().st_size for file in files))
        model = json.loads(first)["model"]
        self.assertEqual(len(model["merges"]), 4096 - 257)
        self.assertEqual((model["vocab"][END], model["vocab"]["!"], model["merges"][0]), (0, 1, "Ġ t"))

    def test_what_was_learned_encodes_and_decodes(self):
        _, summary = self.learn(CORPUS, vocab_size=2000)
        tokenizer, counted = self.folder / "tokenizer.json", 0
        for file in sorted(CORPUS.glob("*.txt"))[::40]:
            text = file.read_bytes()
            ids = icosa("encode", "--tokenizer", tokenizer, input=text).stdout
            counted += len(ids.split())
            self.assertEqual(icosa("decode", "--tokenizer", tokenizer, input=ids).stdout, text)
            self.assertLess(max(map(int, ids.split())), 2000)
        self.learn(*sorted(CORPUS.glob("*.txt"))[::40], name="some.json", vocab_size=2000)
        ids = icosa("tokenize", CORPUS, "--tokenizer", tokenizer, "--out", self.folder / "tokens", "--summary",
                    self.folder / "s.json", "--quiet")
        tokens = json.loads((self.folder / "s.json").read_text())
        self.assertEqual(tokens["tokens"] - tokens["documents"], summary["tokens"])
        self.assertAlmostEqual(summary["bytes_per_token"], summary["bytes"] / summary["tokens"], places=6)

    def test_a_pattern_is_learned_with_and_kept_in_the_file(self):
        words = {}
        for pattern in ("gpt2", "cl100k", "qwen2", "o200k"):
            with self.subTest(pattern=pattern):
                _, summary = self.learn(CORPUS, vocab_size=1000, pattern=pattern)
                tokenizer = self.folder / "tokenizer.json"
                self.assertIn(f"split        {pattern}", icosa("tokenizer", "inspect", tokenizer).stdout.decode())
                counted = sum(len(icosa("encode", "--tokenizer", tokenizer, input=file.read_bytes()).stdout.split())
                              for file in sorted(CORPUS.glob("*.txt")))
                self.assertEqual(counted, summary["tokens"])
                words[pattern] = summary["different_words"]
        self.assertEqual(len(set(words.values())), 4)

    def test_every_format_gives_the_same_file(self):
        texts = [file.read_text(encoding="utf-8") for file in sorted(CORPUS.glob("*.txt"))[:12]]
        lines = "".join(json.dumps({"body": {"text": text}}) + "\n" for text in texts)
        plain = self.folder / "plain"
        plain.mkdir()
        for number, text in enumerate(texts):
            (plain / f"{number}.txt").write_text(text, encoding="utf-8", newline="")
        (self.folder / "a.jsonl").write_text(lines)
        (self.folder / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
        icosa("tokenize", plain, "--tokenizer", "bytes", "--out", self.folder / "shards", "--quiet")
        expected, summary = self.learn(plain)
        for path, options in ((self.folder / "a.jsonl", dict(text_key="body.text")),
                              (self.folder / "a.jsonl.gz", dict(text_key="body.text")),
                              (self.folder / "shards", dict(tokenizer="bytes"))):
            with self.subTest(path=path.name):
                found, others = self.learn(path, **options)
                self.assertEqual(found, expected)
                self.assertEqual((others["documents"], others["bytes"], others["words"]),
                                 (summary["documents"], summary["bytes"], summary["words"]))

    def test_a_document_too_long_to_be_held_counts_as_any_other(self):
        long = "one sphere, two spheres é " * 400_000
        folder = self.folder / "long"
        folder.mkdir()
        (folder / "long.txt").write_text(long, encoding="utf-8")
        (folder / "short.jsonl").write_text(json.dumps({"text": "a few words"}) + "\n" + json.dumps({"text": long}))
        found, summary = self.learn(folder, vocab_size=300, read_ahead=4)
        self.assertEqual((summary["documents"], summary["bytes"]), (3, 2 * len(long.encode()) + 11))
        self.assertEqual(summary["words"], 2 * (6 * 400_000 + 1) + 3)
        self.assertEqual(self.learn(folder, vocab_size=300, cores="1")[0], found)

    def test_what_a_training_run_holds_out_is_not_learned_from(self):
        files = sorted(CORPUS.glob("*.txt"))[:12]
        folder = self.folder / "some"
        folder.mkdir()
        for file in files:
            (folder / file.name).write_bytes(file.read_bytes())
        run = self.folder / "run.json"
        icosa("train", folder, "--model", "seed", "--tokenizer", "bytes", "--steps", 1, "--val-fraction", 0.4,
              "--out", self.folder / "run", "--summary", run, "--quiet")
        found, summary = self.learn(folder, val_fraction=0.4)
        self.assertEqual(summary["documents"], len(files) - json.loads(run.read_text())["val_documents"])
        kept = []
        for file in files:  # alone, one that is held out leaves nothing to learn from
            code = icosa("tokenizer", "train", file, "--vocab-size", 300, "--val-fraction", 0.4, "--out",
                         self.folder / "one.json", "--quiet", code=None).returncode
            kept += [file] if code == 0 else []
        self.assertEqual(len(kept), summary["documents"])
        self.assertTrue(0 < len(kept) < len(files))
        self.assertEqual(self.learn(*kept)[0], found)

    def test_damage_is_skipped_and_accounted_for(self):
        corpus = self.write_corpus()
        expected, _ = self.learn(corpus)
        (corpus / "bad.txt").write_bytes(b"spheres \xff spheres")
        found, summary = self.learn(corpus)
        self.assertEqual((found, summary["documents"], summary["skipped"]), (expected, 6, 1))
        self.assertEqual([(pathlib.Path(skip["path"]).name, skip["offset"]) for skip in summary["skips"]],
                         [("bad.txt", 8)])
        (self.folder / "tokenizer.json").unlink()
        self.refused("bad.txt", paths=[corpus], code=1, strict=True)

    def test_special_tokens_come_first_in_their_order(self):
        found, _ = self.learn(CORPUS, special="<pad>")
        self.assertEqual([token["content"] for token in json.loads(found)["added_tokens"]], [END, "<pad>"])
        done = icosa("tokenizer", "train", CORPUS, "--vocab-size", 300, "--special", "[A]", "--special", END,
                     "--out", self.folder / "b.json", "--quiet")
        self.assertEqual(done.stderr, b"")
        added = json.loads((self.folder / "b.json").read_text())["added_tokens"]
        self.assertEqual([(token["id"], token["content"]) for token in added], [(0, "[A]"), (1, END)])

    def test_a_vocabulary_larger_than_the_corpus_allows_ends_early_and_says_so(self):
        out = self.folder / "small.json"
        (self.folder / "a.txt").write_text("sphere sphere")
        done = icosa("tokenizer", "train", self.folder / "a.txt", "--vocab-size", 5000, "--out", out)
        self.assertIn(b"no pair is left", done.stderr)
        self.assertEqual(len(json.loads(out.read_text())["model"]["vocab"]), 257 + 6)

    def test_pairs_below_the_least_frequency_are_not_merged(self):
        (self.folder / "a.txt").write_text("ab ab ab cd")
        found, _ = self.learn(self.folder / "a.txt", min_frequency=2)
        self.assertEqual(json.loads(found)["model"]["merges"], ["a b", "Ġ ab"])

    def test_wrong_requests_are_refused_in_one_line(self):
        self.refused("--vocab-size", "257", vocab_size=256)
        self.refused("--vocab-size", vocab_size=0)
        self.refused("--vocab-size", vocab_size=1 << 40)
        self.refused("--vocab-size", vocab_size="many")
        self.refused("--special", "short", special="a")
        self.refused("--pattern", "gpt2", pattern="gpt9")
        self.refused("--shuffle", shuffle="none")
        self.refused("nowhere", paths=[self.folder / "nowhere"], code=1)
        (self.folder / "empty.txt").write_text("")
        self.refused("no text", paths=[self.folder / "empty.txt"], code=1)
        (self.folder / "word.txt").write_text("sphere " * 10)
        self.refused("special token sphere", paths=[self.folder / "word.txt"], code=1, special="sphere")
        done = icosa("tokenizer", "train", CORPUS, "--vocab-size", 300, "--out", self.folder / "no" / "t.json", code=2)
        self.assert_one_line(done.stderr, "--out", "no such folder")
        done = icosa("tokenizer", "train", CORPUS, "--vocab-size", 300, "--out", self.folder, code=2)
        self.assert_one_line(done.stderr, "--out", "is a folder")

    def test_a_file_that_was_there_is_replaced_whole_or_kept(self):
        out = self.folder / "tokenizer.json"
        out.write_text("before")
        (self.folder / "word.txt").write_text("sphere " * 10)
        icosa("tokenizer", "train", self.folder / "word.txt", "--vocab-size", 300, "--special", "sphere", "--out", out,
              code=1)
        self.assertEqual(out.read_text(), "before")
        self.learn(self.folder / "word.txt")
        self.assertIn("model", json.loads(out.read_text()))


if __name__ == "__main__":
    unittest.main()
