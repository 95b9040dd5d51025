"""A run from text to model: what it learns, writes, prints and counts."""
import json
import math
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.icosa import BINARY, CORPUS, Case, digest_shown, icosa, metrics


class Run(Case):
    def test_the_loss_begins_at_the_logarithm_of_the_vocabulary_and_falls(self):
        summary = self.train(CORPUS, steps=60, lr=0.01, schedule="constant", warmup=2, val_fraction=0.05)
        lines = metrics(self.folder / "run")
        self.assertAlmostEqual(lines[0]["loss"], math.log(257), delta=0.01 * math.log(257))
        self.assertLess(lines[-1]["loss"], 0.75 * lines[0]["loss"])
        self.assertLess(summary["val_loss"], 0.75 * math.log(257))

    def test_a_gradient_larger_than_caches_has_fast_memory_where_there_is_room(self):
        summary = self.train(CORPUS, model="char", tokenizer="bytes", steps=1, seq_len=16, val_fraction=0)
        self.assertEqual(summary["gradient_memory"], "fast")

    def test_the_summary_and_the_metrics_have_what_the_contract_says(self):
        summary = self.train(CORPUS, steps=5, val_fraction=0.02)
        for key in ("steps tokens documents skipped final_loss val_loss val_bits_per_byte seconds tokens_per_second "
                    "data_wait_fraction update_fraction peak_rss_bytes parameters digest").split():
            self.assertIn(key, summary)
        lines = metrics(self.folder / "run")
        self.assertEqual([line["step"] for line in lines], [1, 2, 3, 4, 5])
        for key in "step tokens loss lr grad_norm step_ms data_wait_ms update_ms tokens_per_second".split():
            self.assertIn(key, lines[0])
        self.assertEqual(summary["tokens"], 5 * 12 * 32)
        self.assertEqual(lines[-1]["tokens"], summary["tokens"])
        self.assertEqual(summary["digest"], digest_shown(self.folder / "run"))
        self.assertRegex(summary["digest"], r"^[0-9a-f]+$")

    def test_an_epoch_trains_on_every_document_once_and_its_totals_add_up(self):
        corpus = self.write_corpus(files_count=20)
        (corpus / "empty.txt").write_text("")
        (corpus / "damaged.txt").write_bytes(b"fine until here \xff and on")
        (corpus / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
        (corpus / ".hidden").write_text("not taken")
        text_bytes = sum(p.stat().st_size for p in corpus.glob("0*.txt"))
        for cores in (1, 2):
            summary = self.train(corpus, name=f"run{cores}", epochs=3, val_fraction=0, cores=cores)
            self.assertEqual(summary["documents"], 3 * 21)
            self.assertEqual(summary["tokens"], 3 * (text_bytes + 21))  # bytes, and an end-of-text for each document
            self.assertEqual((summary["skipped"], summary["binaries"], summary["hidden"]), (1, 1, 1))
            skips = [json.loads(line)
                     for line in (self.folder / f"run{cores}" / "skipped.jsonl").read_text().splitlines()]
            self.assertEqual(len(skips), 1)
            self.assertTrue(skips[0]["path"].endswith("damaged.txt"))
            self.assertEqual(skips[0]["offset"], 16)
            self.assertIn("UTF-8", skips[0]["reason"])

    def test_held_out_documents_are_counted_and_evaluated_whole(self):
        corpus = self.write_corpus(files_count=40, words=30)
        summary = self.train(corpus, epochs=1, val_fraction=0.2)
        self.assertGreater(summary["val_documents"], 0)
        self.assertEqual(summary["documents"] + summary["val_documents"], 40)
        every_byte = sum(p.stat().st_size for p in corpus.iterdir())
        self.assertEqual(summary["tokens"] + summary["val_tokens"], every_byte + 40)

    def test_a_document_mask_changes_what_is_learned(self):
        corpus = self.write_corpus(files_count=60, words=8)
        digests = set()
        for options in ({}, dict(doc_mask=True), dict(doc_mask=True, cores=1)):
            digests.add(self.train(corpus, name=f"run{len(digests)}{len(options)}", steps=4, val_fraction=0.1,
                                   **options)["digest"])
        self.assertEqual(len(digests), 2)

    def test_strict_stops_at_the_first_damaged_document(self):
        corpus = self.write_corpus()
        (corpus / "damaged.txt").write_bytes(b"\xc3(")
        self.train(corpus, epochs=1, val_fraction=0, strict=True, code=1)
        self.assert_one_line(self.stderr, "damaged.txt")

    def test_a_file_larger_than_a_block_is_one_document(self):
        corpus = self.folder / "corpus"
        corpus.mkdir()
        (corpus / "large.txt").write_text("längere Texte " * 70000, encoding="utf-8")  # 1 MB; é falls on block borders
        (corpus / "damaged late.txt").write_bytes(b"a" * 700000 + b"\xff")
        summary = self.train(corpus, tokens=200000, val_fraction=0, shuffle="none", seq_len=256, micro_batch=8)
        self.assertEqual((summary["documents"], summary["skipped"]), (0, 1))
        offsets = [json.loads(line)["offset"] for line in (self.folder / "run/skipped.jsonl").read_text().splitlines()]
        self.assertEqual(offsets, [700000])

    def test_the_progress_and_the_end_are_shown_unless_quiet(self):
        corpus = self.write_corpus()
        done = icosa("train", corpus, "--out", self.folder / "shown", "--tokenizer", "bytes", "--model", "seed",
                     "--steps", 3, "--val-fraction", 0)
        self.assertIn(b"digest", done.stdout)
        self.assertIn(b"memory:", done.stderr)
        self.assertIn(b"3/3", done.stderr)
        done = icosa("train", corpus, "--out", self.folder / "quiet", "--tokenizer", "bytes", "--model", "seed",
                     "--steps", 3, "--val-fraction", 0, "--quiet")
        self.assertEqual((done.stdout, done.stderr), (b"", b""))

    def test_checkpoints_come_at_their_time_and_the_oldest_go(self):
        self.train(self.write_corpus(), steps=10, checkpoint_every=2, keep=3, val_fraction=0)
        names = sorted(p.name for p in (self.folder / "run" / "checkpoints").iterdir())
        self.assertEqual(names, ["step-00000006", "step-00000008", "step-00000010"])
        for name in "config.json model.safetensors tokenizer.json optimizer.safetensors state.json".split():
            self.assertTrue((self.folder / "run" / "checkpoints" / names[0] / name).is_file(), name)

    def test_generate_continues_a_prompt_the_same_way_each_time(self):
        self.train(self.write_corpus(), steps=20, lr=0.01, val_fraction=0)
        said = [icosa("generate", self.folder / "run", "--prompt", "one two", "--max-tokens", 30, "--seed", 3).stdout
                for _ in range(2)]
        self.assertEqual(said[0], said[1])
        self.assertTrue(said[0].startswith(b"one two"))
        self.assertGreater(len(said[0]), len("one two") + 5)
        longer = icosa("generate", self.folder / "run", "--prompt", "x" * 100, "--max-tokens", 80, "--temperature", 0)
        self.assertGreater(len(longer.stdout), 110)

    def test_generate_refuses_what_is_out_of_bounds_in_readable_words(self):
        for option, value, bound in (("--temperature", -1, "from 0"), ("--temperature", "nan", "from 0"),
                                     ("--repetition-penalty", 0, "above 0"), ("--samples", 0, "from 1")):
            done = icosa("generate", self.folder, option, value, code=2)
            self.assert_one_line(done.stderr, option, value, f"give a number {bound}")
            self.assertLess(len(done.stderr), 120)

    def test_a_rate_of_nothing_is_refused_and_not_taken_for_the_presets(self):
        for option in ("--lr", "--muon-lr"):
            for value in (0, -0.1, "nan"):
                done = icosa("train", self.folder, option, value, code=2)
                self.assert_one_line(done.stderr, option, value, "give a number above 0")

    def test_the_default_preset_takes_muon_unless_told_otherwise(self):
        corpus = self.write_corpus()
        for name, options, expected in (("none", [], ("muon", "0.01", "0.01")),
                                        ("adamw", ["--optimizer", "adamw"], ("adamw", "0.003", "0.01")),
                                        ("rates", ["--lr", 0.5, "--muon-lr", 0.25], ("muon", "0.5", "0.25")),
                                        ("seed", ["--model", "seed"], ("adamw", "0.003", "0.02")),
                                        ("both", ["--model", "seed", "--optimizer", "muon"], ("muon", "0.003", "0.02"))):
            icosa("train", corpus, "--out", self.folder / name, "--tokenizer", "bytes", "--steps", 1, "--val-fraction", 0,
                  "--quiet", *options)
            state = json.loads((self.folder / name / "checkpoints/step-00000001/state.json").read_text())
            taken = state["configuration"]
            self.assertEqual((taken["--optimizer"], taken["--lr"], taken["--muon-lr"]), expected, name)

    def test_generate_samples_differ_and_come_as_json_too(self):
        self.train(self.write_corpus(), steps=20, lr=0.01, val_fraction=0)
        options = ["--prompt", "one tw\u00f6", "--max-tokens", 20, "--samples", 3, "--seed", 5, "--min-p", 0.02]
        lines = icosa("generate", self.folder / "run", *options, "--json").stdout.decode().splitlines()
        said = [json.loads(line) for line in lines]
        self.assertEqual([one["sample"] for one in said], [0, 1, 2])
        self.assertEqual(len({one["text"] for one in said}), 3)
        for one in said:
            self.assertEqual(one["prompt"], "one tw\u00f6")
            self.assertEqual(one["stopped_by"], "length")
            self.assertEqual(len(one["tokens"]), 20)
        plain = icosa("generate", self.folder / "run", *options)
        self.assertRegex(plain.stderr.decode(), r"60 tokens in [1-9]\d*(\.\d)? m?s, [1-9][\d,.]* tokens/s after a prompt of 8")
        self.assertEqual(plain.stdout.count(b"=== sample "), 3)
        prompt = self.folder / "prompt"
        prompt.write_text("one tw\u00f6")
        from_file = icosa("generate", self.folder / "run", "--prompt-file", prompt, *options[2:], "--json")
        self.assertEqual(from_file.stdout.decode().splitlines(), lines)
        again = icosa("generate", self.folder / "run", "--prompt-file", "-", *options[2:], "--json",
                      input="one tw\u00f6".encode())
        self.assertEqual(again.stdout.decode().splitlines(), lines)

    def test_a_penalty_keeps_a_token_from_coming_again(self):
        self.train(self.write_corpus(), steps=20, lr=0.01, val_fraction=0)
        options = ["--prompt", "x", "--max-tokens", 30, "--temperature", 0, "--json"]
        plain = json.loads(icosa("generate", self.folder / "run", *options).stdout)
        penalized = json.loads(icosa("generate", self.folder / "run", *options, "--repetition-penalty", 1e6).stdout)
        self.assertLess(len(set(plain["tokens"])), len(set(penalized["tokens"])))

    def test_a_damaged_checkpoint_is_refused(self):
        self.train(self.write_corpus(), steps=2, val_fraction=0)
        weights = self.folder / "run" / "checkpoints" / "step-00000002" / "model.safetensors"
        bytes_ = bytearray(weights.read_bytes())
        bytes_[-100] ^= 1
        weights.write_bytes(bytes_)
        for command in (["inspect"], ["generate", "--prompt", "x"]):
            done = icosa(command[0], self.folder / "run", *command[1:], code=1)
            self.assert_one_line(done.stderr, "model.safetensors", "damaged")
        weights.write_bytes(bytes_[: len(bytes_) // 2])
        self.assert_one_line(icosa("inspect", self.folder / "run", code=1).stderr, "model.safetensors")


class Tokens(Case):
    def test_encode_and_decode_are_inverse_byte_for_byte(self):
        text = "The sphere's weight: 12 × 144 = 1,728.\n\n  <|endoftext|> naïve \U0001f600".encode() + b"\xff\x00\xc3"
        for tokenizer in ("bytes", "gpt2"):
            ids = icosa("encode", "--tokenizer", tokenizer, input=text).stdout
            self.assertTrue(ids.endswith(b"\n"))
            self.assertEqual(icosa("decode", "--tokenizer", tokenizer, input=ids).stdout, text)
        self.assertEqual(icosa("encode", "--tokenizer", "gpt2", input=b"hello world").stdout, b"31373 995\n")

    def test_jsonl_goes_line_by_line(self):
        lines = b'{"text": "hello world"}\n{"text": ""}\n{"text": "\\u00e9\\ud83d\\ude00"}\n'
        ids = icosa("encode", "--tokenizer", "gpt2", "--jsonl", input=lines).stdout
        self.assertEqual([json.loads(line) for line in ids.splitlines()][:2], [[31373, 995], []])
        back = icosa("decode", "--tokenizer", "gpt2", "--jsonl", input=ids).stdout
        self.assertEqual([json.loads(line)["text"] for line in back.splitlines()], ["hello world", "", "é\U0001f600"])

    def test_lines_come_out_in_their_order_whichever_core_they_were_on(self):
        texts = [f"{i} " + "word " * (i * 7919 % 400) for i in range(3000)]  # about 3 MB: many batches
        lines = "\n\n".join(json.dumps({"text": text}) for text in texts).encode()
        ids = icosa("encode", "--tokenizer", "bytes", "--jsonl", input=lines).stdout
        self.assertEqual([json.loads(line) for line in ids.splitlines()], [list(text.encode()) for text in texts])
        back = icosa("decode", "--tokenizer", "bytes", "--jsonl", input=ids).stdout
        self.assertEqual([json.loads(line)["text"] for line in back.splitlines()], texts)

    def test_a_bad_line_far_on_is_named_after_the_lines_before_it(self):
        good = json.dumps({"text": "x" * 1000}) + "\n"
        done = icosa("encode", "--tokenizer", "bytes", "--jsonl", input=(good * 1500 + "[]\n" + good * 1500).encode(),
                     code=1)
        self.assert_one_line(done.stderr, "line 1501")
        self.assertEqual(done.stdout.count(b"\n"), 1500)

    def test_special_tokens_are_text_unless_allowed(self):
        for tokenizer, end in (("bytes", b"256"), ("gpt2", b"50256")):
            text = icosa("encode", "--tokenizer", tokenizer, input=b"<|endoftext|>").stdout
            self.assertGreater(len(text.split()), 1)
            token = icosa("encode", "--tokenizer", tokenizer, "--allow-special", input=b"<|endoftext|>").stdout
            self.assertEqual(token, end + b"\n")

    def test_memory_does_not_grow_with_the_text(self):
        """The slowest way there is: normal form, added tokens, a split in steps."""
        tokenizer = pathlib.Path(__file__).resolve().parent.parent / "io/data/tokenizers/merged.json"
        piece = ("One word after another, e\u0301te\u0301 and \u6c34 and 1234567.\n" * 2000).encode()

        env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")

        def peak(pieces_count):
            with open(os.devnull, "wb") as nothing:
                process = subprocess.Popen([BINARY, "encode", "--tokenizer", tokenizer], stdin=subprocess.PIPE,
                                           stdout=nothing, env=env)
            for _ in range(pieces_count):
                process.stdin.write(piece)
            process.stdin.close()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = status
            self.assertEqual(status, 0)
            return usage.ru_maxrss  # kilobytes

        few, many = peak(8), peak(200)  # 1 MB and 22 MB
        self.assertLess(many, few + 8192)

    def test_a_tokenizer_is_shown(self):
        shown = icosa("tokenizer", "inspect", "gpt2").stdout.decode()
        for part in ("gpt2, 50257 ids", "split", "50256", "bytes a token"):
            self.assertIn(part, shown)
        text = self.folder / "text"
        text.write_bytes(b"hello world")
        said = json.loads(icosa("tokenizer", "inspect", "gpt2", "--json", text).stdout)
        self.assertEqual(said["vocabulary_size"], 50257)
        self.assertEqual((said["samples"][0]["bytes"], said["samples"][0]["tokens"]), (11, 2))
        self.assert_one_line(icosa("encode", "--tokenizer", "gpt2", "--pattern", "words", code=1).stderr, "words")

    def test_a_bad_line_is_named(self):
        done = icosa("encode", "--tokenizer", "bytes", "--jsonl", input=b'{"text": "a"}\n{"body": 1}\n', code=1)
        self.assert_one_line(done.stderr, "line 2", "text")
        done = icosa("decode", "--tokenizer", "bytes", input=b"1 2 900", code=1)
        self.assert_one_line(done.stderr, "900")
        done = icosa("decode", "--tokenizer", "bytes", input=b"1 two", code=1)
        self.assert_one_line(done.stderr, "two")


if __name__ == "__main__":
    unittest.main()
