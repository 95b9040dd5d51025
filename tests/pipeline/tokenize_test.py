"""`icosa tokenize` from outside: every format in, the same documents out; shards that are gone on with after a kill;
damage accounted for; mixtures; configuration files."""
import array
import collections
import gzip
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support import icosa as support
from support.icosa import Case, icosa

END = 256  # end-of-text of the tokenizer "bytes"
HAS_ZSTD = shutil.which("zstd") is not None


def documents_of(tokens, kind="H"):
    """The documents in a stream of ids, each followed by end-of-text."""
    ids = array.array(kind, tokens)
    documents, begin = [], 0
    for at, number in enumerate(ids):
        if number == END:
            documents.append(bytes(list(ids[begin:at])))
            begin = at + 1
    assert begin == len(ids), "the last document has no end"
    return documents


def texts(seed, count, words_max=60):
    rng = random.Random(seed)
    return [f"document {seed}.{number} é " + "word " * rng.randrange(words_max) for number in range(count)]


def json_lines(some):
    return b"".join(json.dumps({"text": text, "id": 1}, ensure_ascii=number % 2 == 0).encode() + b"\n"
                    for number, text in enumerate(some))


class Tokenize(Case):
    def tokenize(self, *paths, out="-", code=0, **options):
        """Runs it over `paths`; standard output where `out` is "-"."""
        options = dict(tokenizer="bytes", quiet=True) | options
        return icosa("tokenize", *paths, "--out", out, *support.flags(options), code=code)

    def stream(self, *paths, **options):
        return documents_of(self.tokenize(*paths, **options).stdout)

    def assert_same(self, found, documents):
        """The same documents, in whatever order; a difference is told in few words."""
        found, documents = collections.Counter(found), collections.Counter(documents)
        extra, missing = [[document[:60] for document in (a - b)] for a, b in ((found, documents), (documents, found))]
        self.assertEqual((extra[:5], missing[:5]), ([], []))

    def corpus(self):
        """Files of every format; returns the folder and the documents in it."""
        folder = self.folder / "every format"
        (folder / "below").mkdir(parents=True)
        documents = []

        def add(name, data, some):
            (folder / name).write_bytes(data)
            documents.extend(text.encode() for text in some)

        add("a.txt", texts(1, 1)[0].encode(), texts(1, 1))
        add("below/b.jsonl", json_lines(texts(2, 500)), texts(2, 500))
        add("c.jsonl.gz", gzip.compress(json_lines(texts(3, 300))) + gzip.compress(json_lines(texts(4, 200))),
            texts(3, 300) + texts(4, 200))
        add("d.md.gz", gzip.compress(texts(5, 1)[0].encode()), texts(5, 1))
        long = "long é " * 400000
        add("e.ndjson", json_lines(["before", long, "behind"]), ["before", long, "behind"])
        add("f.txt", b"", [""])
        if HAS_ZSTD:
            frames = [json_lines(texts(6, 150)), json_lines(texts(7, 50))]
            packed = b"".join(subprocess.run(["zstd", "-q"], input=frame, capture_output=True).stdout for frame in frames)
            add("g.jsonl.zst", packed, texts(6, 150) + texts(7, 50))
        return folder, documents

    def test_every_document_of_every_format_comes_once_in_any_order(self):
        folder, documents = self.corpus()
        for shuffle in ("none", "window"):
            with self.subTest(shuffle=shuffle):
                outputs = {self.tokenize(folder, shuffle=shuffle, cores=cores, io=kind).stdout
                           for cores, kind in ((1, "auto"), (2, "auto"), (2, "threads"))}
                self.assertEqual(len(outputs), 1, "the order is the plan's, whatever the cores and the I/O")
                self.assert_same(documents_of(outputs.pop()), documents)
        self.assertNotEqual(self.stream(folder, shuffle="window", seed=1), self.stream(folder, shuffle="window", seed=2))
        self.assert_one_line(self.tokenize(folder, shuffle="global", code=2).stderr, "--shuffle global", "compressed")

    def test_lines_can_be_shuffled_globally(self):
        (self.folder / "a.jsonl").write_bytes(json_lines(texts(1, 2000)))
        (self.folder / "b.jsonl").write_bytes(json_lines(texts(2, 1000)))
        (self.folder / "c.txt").write_text("one file")
        expected = [text.encode() for text in texts(1, 2000) + texts(2, 1000)] + [b"one file"]
        found = self.stream(self.folder)
        self.assertEqual(sorted(found), sorted(expected))
        # A random permutation has half its documents in each half, 50 or so aside.
        first_half = set(found[:1500])
        from_first_half = sum(document in first_half for document in expected[:1500])
        self.assertLess(abs(from_first_half - 750), 150)

    def test_what_it_wrote_is_a_corpus_like_any_other(self):
        folder, documents = self.corpus()
        out = self.folder / "shards"
        self.tokenize(folder, out=out, shard_tokens=20000)
        self.assertGreater(len(list(out.glob("shard-*.bin"))), 3)
        index = json.loads((out / "index.json").read_text())
        self.assertTrue(index["complete"])
        self.assertEqual(index["totals"]["documents"], len(documents))
        for shuffle in ("none", "window", "global"):
            found = self.stream(out, shuffle=shuffle)
            self.assert_same(found, documents)
        again = b"".join(path.read_bytes() for path in sorted(out.glob("shard-*.bin")))
        self.assertEqual(self.tokenize(out, shuffle="none").stdout, again)
        self.assert_one_line(self.tokenize(out, tokenizer="gpt2", code=1).stderr, "shard-00000.bin", "tokenizer")

    def test_shards_of_other_programs_are_read(self):
        documents = [text.encode() for text in texts(9, 200)]
        stream = [number for document in documents for number in [*document, END]]
        leading = [number for document in documents for number in [END, *document]]
        files = {"nanogpt.bin": array.array("H", stream).tobytes(),
                 "raw32.bin": array.array("I", stream).tobytes(),
                 "llmc.bin": struct.pack("<256i", 20240520, 1, len(leading), *[0] * 253)
                             + array.array("H", leading).tobytes(),
                 "llmc32.bin": struct.pack("<256i", 20240801, 7, len(leading), *[0] * 253)
                               + array.array("I", leading).tobytes(),
                 "megatron.bin": array.array("i", stream).tobytes()}
        lengths = [len(document) + 1 for document in documents]
        offsets = [4 * sum(lengths[:number]) for number in range(len(lengths))]
        count = len(documents)
        (self.folder / "megatron.idx").write_bytes(
            b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, 4, count, count + 1) + array.array("i", lengths).tobytes()
            + array.array("q", offsets).tobytes() + array.array("q", range(count + 1)).tobytes())
        for name, data in files.items():
            with self.subTest(file=name):
                (self.folder / name).write_bytes(data)
                self.assertEqual(self.stream(self.folder / name, shuffle="none"), documents)
                found = self.stream(self.folder / name, shuffle="global")
                self.assertEqual(sorted(found), sorted(documents))
                self.assertNotEqual(found, documents)

    def test_a_kill_at_any_moment_loses_nothing(self):
        corpus = self.folder / "corpus"
        corpus.mkdir()
        for number in range(4):
            (corpus / f"{number}.jsonl.gz").write_bytes(gzip.compress(json_lines(texts(number, 3000)), 1))
        (corpus / "damaged.jsonl").write_bytes(b'{"text": 1}\n{"text": "fine"}\n[]\n')
        whole = self.folder / "whole"
        options = dict(shard_tokens=150000, seed=3)
        self.tokenize(corpus, out=whole, **options)
        expected = {path.name: path.read_bytes() for path in whole.iterdir() if path.name != "index.json"}
        self.assertEqual(len(expected["skipped.jsonl"].splitlines()), 2)
        rng = random.Random(1)
        for attempt in range(4):
            out = self.folder / f"killed{attempt}"
            for _ in range(6):  # killed again and again
                process = subprocess.Popen([support.BINARY, "tokenize", corpus, "--out", out, "--quiet", "--resume",
                                            *support.flags(dict(tokenizer="bytes", cores=1 + attempt % 2) | options)])
                time.sleep(rng.uniform(0.01, 0.25))  # the moment is what is tested
                process.send_signal(signal.SIGKILL)
                if process.wait() == 0:
                    break
            self.tokenize(corpus, out=out, resume=True, **options)
            found = {path.name: path.read_bytes() for path in out.iterdir() if path.name != "index.json"}
            self.assertEqual(found.keys(), expected.keys())
            self.assertEqual([name for name in found if found[name] != expected[name]], [], "these differ")
        self.assert_one_line(self.tokenize(corpus, out=whole, code=1, **options).stderr, "finished")

    def test_an_interrupted_call_can_be_gone_on_with(self):
        corpus = self.folder / "corpus"
        corpus.mkdir()
        (corpus / "a.jsonl").write_bytes(json_lines(texts(1, 60000)))
        whole, out = self.folder / "whole", self.folder / "out"
        self.tokenize(corpus, out=whole)
        process = subprocess.Popen([support.BINARY, "tokenize", corpus, "--tokenizer", "bytes", "--out", out, "--quiet"])
        while not (out / "index.json").exists() and process.poll() is None:
            time.sleep(0.005)  # until it has begun
        process.send_signal(signal.SIGINT)
        self.assertIn(process.wait(), (0, 130))
        self.tokenize(corpus, out=out, resume=True)
        together = b"".join(path.read_bytes() for path in sorted(out.glob("*.bin")))
        self.assertEqual(together, b"".join(path.read_bytes() for path in sorted(whole.glob("*.bin"))))

    def test_damage_is_skipped_and_named(self):
        folder = self.folder / "damaged"
        folder.mkdir()
        lines = [json.dumps({"text": text}).encode() for text in texts(1, 1000)]
        damage = [b'{"text": "x"', b'{"body": "x"}', b'{"text": ["x"]}', b'{"text": "\xff"}', b"\xc3(", b'{"text": "\\ud800"}',
                  b'{"text": "x"} y']
        for number, line in enumerate(damage):
            lines.insert(37 * (number + 1), line)
        (folder / "a.jsonl").write_bytes(b"\n".join(lines))
        (folder / "b.txt").write_bytes(b"fine until \xff")
        whole = gzip.compress(json_lines(texts(2, 400)))
        (folder / "c.jsonl.gz").write_bytes(whole[:len(whole) // 2])
        (folder / "d.gz").write_bytes(b"not compressed")
        (folder / "e.txt").write_bytes(gzip.compress(b"compressed"))
        (folder / "f.bin").write_bytes(b"odd")
        out, summary = self.folder / "out", self.folder / "summary.json"
        self.tokenize(folder, out=out, summary=summary, max_skipped_fraction=0.02)
        totals = json.loads(summary.read_text())
        skips = [json.loads(line) for line in (out / "skipped.jsonl").read_text().splitlines()]
        self.assertEqual((totals["skipped"], len(skips)), (12, 12))
        offsets = sorted(skip["offset"] for skip in skips if skip["path"].endswith("a.jsonl"))
        self.assertEqual(offsets, sorted(b"\n".join(lines).index(b"\n" + line) + 1 for line in damage))
        self.assertEqual({pathlib.Path(skip["path"]).name for skip in skips},
                         {"a.jsonl", "b.txt", "c.jsonl.gz", "d.gz", "e.txt", "f.bin"})
        self.assertTrue(all(skip["reason"] for skip in skips))
        self.assertEqual(totals["documents"] - 1000, totals["formats"]["jsonl.gz"]["documents"])
        refused = self.tokenize(folder, out=self.folder / "strict", strict=True, code=1)
        self.assertEqual(refused.stderr.count(b"\n"), 1)
        self.assertFalse((self.folder / "strict").exists())

    def test_a_corpus_that_is_mostly_damage_is_refused(self):
        (self.folder / "a.jsonl").write_bytes(b'{"text": "fine"}\n{"txt": "missing"}\n' * 40)
        refused = self.tokenize(self.folder / "a.jsonl", out=self.folder / "out", code=1)
        self.assert_one_line(refused.stderr, "--max-skipped-fraction", "a.jsonl")
        self.assertEqual(len(self.stream(self.folder / "a.jsonl", max_skipped_fraction=0.5)), 40)
        self.assertEqual(len(self.stream(self.folder / "a.jsonl", max_skipped_fraction=0.5, text_key="txt")), 40)

    def test_nested_keys(self):
        (self.folder / "a.jsonl").write_text('{"a": {"b": {"c": "deep"}}}\n')
        self.assertEqual(self.stream(self.folder / "a.jsonl", text_key="a.b.c"), [b"deep"])
        self.assert_one_line(self.tokenize(self.folder / "a.jsonl", text_key="a..c", code=2).stderr, "--text-key")

    def test_special_files_hang_nothing_and_are_counted(self):
        folder = self.folder / "special"
        (folder / "folder").mkdir(parents=True)
        (folder / "a.txt").write_text("plain")
        (folder / "new\nline.txt").write_text("newline")
        (pathlib.Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.txt"))).write_text("bytes")
        (folder / ".hidden").write_text("hidden")
        os.mkfifo(folder / "fifo")
        bound = socket.socket(socket.AF_UNIX)
        self.addCleanup(bound.close)
        bound.bind(str(folder / "socket"))
        (folder / "null").symlink_to("/dev/null")
        (folder / "loop").symlink_to("loop")
        (folder / "up").symlink_to("..")
        (folder / "nowhere").symlink_to("nothing there")
        (folder / "same.txt").symlink_to("a.txt")
        (folder / "outside.txt").symlink_to("/etc/hostname")
        (folder / "picture").write_bytes(b"\x89PNG\0\0")
        summary = self.folder / "summary.json"
        self.assertEqual(sorted(self.stream(folder, summary=summary)), [b"bytes", b"newline", b"plain"])
        totals = json.loads(summary.read_text())
        counts = {key: totals[key] for key in ("hidden", "special", "repeated", "binaries", "skipped")}
        self.assertEqual(counts, dict(hidden=1, special=7, repeated=1, binaries=1, skipped=0))
        refused = self.tokenize(folder / "fifo", code=1)
        self.assert_one_line(refused.stderr, "fifo")

    def test_globs_and_lists(self):
        for name in ("a.txt", "b.txt", "c.md"):
            (self.folder / name).write_text(name)
        self.assertEqual(self.stream(self.folder / "*.txt", shuffle="none"), [b"a.txt", b"b.txt"])
        (self.folder / "list").write_text(f"{self.folder}/c.md\n\n# not this one\n{self.folder}/a.*\n")
        self.assertEqual(self.stream(f"@{self.folder}/list", shuffle="none"), [b"c.md", b"a.txt"])
        self.assert_one_line(self.tokenize(self.folder / "*.rs", code=1).stderr, "*.rs")

    def test_mixtures_and_configuration_files(self):
        for name, count in (("news", 900), ("code", 900)):
            (self.folder / f"{name}.jsonl").write_bytes(json_lines([name] * count))
        config = self.folder / "mix.toml"
        config.write_text(f'tokenizer = "bytes"\nseed = 4\n[mix.news]\nweight = 0.75\npath = "{self.folder}/news.jsonl"\n'
                          f'[mix.code]\nweight = 0.25\npath = "{self.folder}/code.jsonl"\n')
        summary = self.folder / "summary.json"
        found = documents_of(icosa("tokenize", "--config", config, "--out", "-", "--quiet", "--summary", summary).stdout)
        self.assertEqual(collections.Counter(found), {b"news": 900, b"code": 300})
        for begin in range(0, 1200, 100):
            self.assertEqual(found[begin:begin + 100].count(b"news"), 75)
        corpora = json.loads(summary.read_text())["corpora"]
        self.assertEqual({corpus["name"]: (corpus["documents"], corpus["epochs"]) for corpus in corpora},
                         dict(news=(900, 1), code=(300, 0)))
        flags = [f"--mix=news=3:{self.folder}/news.jsonl", f"--mix=code=1:{self.folder}/code.jsonl", "--seed=4"]
        self.assertTrue(self.stream(*flags) == found, "the order of the options means nothing")
        overridden = icosa("tokenize", self.folder / "code.jsonl", "--config", config, "--out", "-", "--quiet").stdout
        self.assertEqual(collections.Counter(documents_of(overridden)), {b"code": 900})
        config.write_text("steps_per_minute = 3\n")
        self.assert_one_line(icosa("tokenize", "x", "--config", config, "--out", "-", code=2).stderr, "mix.toml", "line 1",
                             "--steps-per-minute")
        self.assert_one_line(self.tokenize("--mix", "news:path", code=2).stderr, "NAME=WEIGHT:PATH")

    def test_wide_vocabularies_and_pipes(self):
        (self.folder / "a.txt").write_text("The spheres kiss.")
        tokens = icosa("tokenize", self.folder / "a.txt", "--tokenizer", "gpt2", "--out", "-", "--quiet").stdout
        ids = array.array("H", tokens).tolist()
        self.assertEqual(ids[-1], 50256)
        text = icosa("decode", "--tokenizer", "gpt2", input=" ".join(map(str, ids[:-1])).encode()).stdout
        self.assertEqual(text, b"The spheres kiss.")
        reader = subprocess.run(f"'{support.BINARY}' tokenize '{self.folder}/a.txt' --tokenizer gpt2 --out - | head -c 2",
                                shell=True, capture_output=True, timeout=60)
        self.assertEqual(reader.stdout, tokens[:2])

    def test_nothing_is_left_in_the_folder_for_temporary_files(self):
        temporary = self.folder / "temporary"
        temporary.mkdir()
        env = os.environ | {"TMPDIR": str(temporary)}
        records = self.folder / "records.jsonl"
        records.write_bytes(json_lines(texts(1, 20000)))
        command = ["tokenize", records, "--tokenizer", "bytes", "--out", "-", "--shuffle", "global", "--quiet"]
        whole = icosa(*command, env=env).stdout
        self.assertEqual(list(temporary.iterdir()), [])
        for how in "closed", signal.SIGTERM, signal.SIGKILL:
            process = subprocess.Popen([support.BINARY, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
            self.addCleanup(process.kill)
            self.assertEqual(process.stdout.read(100), whole[:100])
            if how != "closed":
                process.send_signal(how)
            process.stdout.close()
            process.wait(support.TIMEOUT_SECONDS)
            self.assertEqual(list(temporary.iterdir()), [], how)
        records.write_bytes(json_lines(texts(1, 200)) + b"not JSON\n")
        self.assert_one_line(icosa(*command, "--strict", code=1, env=env).stderr, "records.jsonl")
        self.assertEqual(list(temporary.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
