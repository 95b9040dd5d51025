"""What the tests of the whole program share: starting it, small corpora, reading what it writes."""
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("ICOSA", ROOT / "build" / "icosa")).resolve()
CORPUS = ROOT / "datasets" / "sotu"
TIMEOUT_SECONDS = 900  # against hanging only; sanitizer builds are slow

# A model and a run that take seconds: what is tested is the program, not its speed.
SMALL = dict(tokenizer="bytes", model="seed", seq_len=32, micro_batch=1, seed=7)


def icosa(*arguments, code=0, input=None, env=None, cwd=None, preexec_fn=None, prefix=()):
    """Runs the program and checks its exit code (None: any). Returns the finished process, output as bytes."""
    command = [*map(str, prefix), str(BINARY), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, input=input, env=env, cwd=cwd, timeout=TIMEOUT_SECONDS,
                          preexec_fn=preexec_fn)
    if code is not None and done.returncode != code:
        raise AssertionError(f"{' '.join(command)} exited {done.returncode}, not {code}:\n"
                             + done.stderr.decode(errors="replace")[-3000:])
    return done


def flags(options):
    """{"val_fraction": 0, "strict": True} as --val-fraction 0 --strict."""
    words = []
    for name, value in options.items():
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(str(value))
    return words


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="icosa-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.maxDiff = 600

    def train(self, *paths, name="run", code=0, **options):
        """`icosa train` of a small model; returns the summary (None unless it exited 0)."""
        summary = self.folder / f"{name}.json"
        done = icosa("train", *paths, "--out", self.folder / name, "--summary", summary, "--quiet",
                     *flags(SMALL | options), code=code)
        self.stderr = done.stderr.decode(errors="replace")
        return json.loads(summary.read_text()) if done.returncode == 0 else None

    def write_corpus(self, files_count=6, words=300, name="corpus"):
        """A folder of made-up text, the same every time."""
        random_words = random.Random(5)
        folder = self.folder / name
        folder.mkdir()
        for number in range(files_count):
            text = " ".join(random_words.choice(["one", "two", "three", "sphere", "weight", "é", "."])
                            for _ in range(words))
            (folder / f"{number:03}.txt").write_text(text, encoding="utf-8")
        return folder

    def assert_one_line(self, stderr, *names):
        """An error is one line of the program's that names what is wrong."""
        text = stderr if isinstance(stderr, str) else stderr.decode(errors="replace")
        self.assertEqual(text.count("\n"), 1, text)
        self.assertTrue(text.startswith("icosa: "), text)
        for name in names:
            self.assertIn(str(name), text)


def metrics(run):
    return [json.loads(line) for line in (pathlib.Path(run) / "metrics.jsonl").read_text().splitlines()]


def digest_shown(run):
    """The digest that `inspect` prints, exactly once."""
    lines = [line for line in icosa("inspect", run).stdout.decode().splitlines() if line.startswith("digest:")]
    assert len(lines) == 1, lines
    return lines[0].split()[1]
