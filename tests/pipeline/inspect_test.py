"""What `icosa inspect` says about runs, checkpoints and corpora."""
import gzip
import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.icosa import Case, icosa


def shown(*arguments):
    return icosa("inspect", *arguments).stdout.decode()


class Inspect(Case):
    def test_a_run_shows_progress_best_disk_use_and_its_newest_checkpoint(self):
        summary = self.train(self.write_corpus(files_count=30), steps=6, checkpoint_every=3, eval_every=3, keep=2,
                             val_fraction=0.2, lr=0.01)
        run = self.folder / "run"
        text = shown(run)
        self.assertIn("progress: 6 of 6 steps, finished", text)
        best = re.search(r"^best: loss ([\d.]+), [\d.]+ bits per byte, at step (\d+)$", text, re.MULTILINE)
        self.assertLessEqual(float(best.group(1)), summary["val_loss"] + 1e-4)
        self.assertIn("--lr 0.01 ", text)
        used = int(re.search(r"in all +([\d,]+) bytes", text).group(1).replace(",", ""))
        self.assertEqual(used, sum(file.stat().st_size for file in run.rglob("*") if file.is_file()))
        for name in "step-00000003", "step-00000006":
            self.assertIn(name, text)
        self.assertIn(f"digest: {summary['digest']}", text)

    def test_a_checkpoint_shows_tensors_shapes_and_checksums(self):
        self.train(self.write_corpus(), steps=2, val_fraction=0)
        checkpoint = self.folder / "run" / "checkpoints" / "step-00000002"
        text = shown(checkpoint)
        state = json.loads((checkpoint / "state.json").read_text())
        for tensors in state["tensors"].values():
            for name, checksum in tensors.items():
                self.assertRegex(text, rf"\n  {re.escape(name)} +\[[\d, ]+\]  {checksum}\n")
        count = sum(len(tensors) for tensors in state["tensors"].values())
        self.assertIn(f"verified: {count} tensors", text)
        self.assertIn(f"digest: {state['digest']}", text)

    def test_damage_in_any_tensor_is_found(self):
        self.train(self.write_corpus(), steps=1, val_fraction=0)
        for name in "model.safetensors", "optimizer.safetensors":
            file = self.folder / "run" / "checkpoints" / "step-00000001" / name
            content = file.read_bytes()
            file.write_bytes(content[:-3] + bytes([content[-3] ^ 4]) + content[-2:])
            for path in self.folder / "run", file.parent:
                self.assert_one_line(icosa("inspect", path, code=1).stderr, name, "damaged")
            file.write_bytes(content)

    def test_a_corpus_shows_files_documents_tokens_and_damage(self):
        corpus = self.write_corpus(files_count=5)
        text_bytes = sum(file.stat().st_size for file in corpus.iterdir())
        lines = b'{"text": "one"}\n{"text": "two words"}\n{"no": 1}\n'
        (corpus / "records.jsonl.gz").write_bytes(gzip.compress(lines))
        (corpus / "damaged.txt").write_bytes(b"fine until here \xff and on")
        (corpus / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
        text = shown(corpus, "--tokenizer", "bytes")
        self.assertIn("files: 8\n", text)
        self.assertIn("documents: 7\n", text)
        self.assertIn(f"text: {text_bytes + 12:,} bytes\n", text)
        self.assertIn(f"tokens: {text_bytes + 12:,} (bytes", text)
        self.assertRegex(text, r"jsonl\.gz +2 documents, 12 bytes of text")
        self.assertIn("not text: 1 files\n", text)
        self.assertIn("damaged: 2\n", text)
        self.assertIn("damaged.txt", text)
        self.assertIn("at byte 16", text)

    def test_a_large_corpus_is_sampled(self):
        corpus = self.folder / "corpus"
        corpus.mkdir()
        for number in range(100):
            (corpus / f"{number}.txt").write_bytes(b"words " * 174763)  # a MiB, nearly
        text = shown(corpus, "--tokenizer", "bytes", "--quiet")
        tokens = int(re.search(r"^tokens: about ([\d,]+) ", text, re.MULTILINE).group(1).replace(",", ""))
        self.assertLess(abs(tokens - 100 * 6 * 174763), 0.4 * 100 * 6 * 174763)
        self.assertIn("by a sample", text)
        self.assertIn(f"tokens: {100 * 6 * 174763:,} (bytes", shown(corpus, "--tokenizer", "bytes", "--all"))


if __name__ == "__main__":
    unittest.main()
