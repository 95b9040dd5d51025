"""The same weights, bit for bit: on other cores, other I/O, cold and hot files, another place of the corpus; and, held
against committed digests, built by another compiler, in debug or release, with sanitizers, for another instruction set.

    same_bits_test.py --renew build/icosa     writes golden.json anew, after an intended change of the arithmetic
"""
import json
import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support import icosa as support
from support.icosa import CORPUS, Case, digest_shown

GOLDEN = pathlib.Path(__file__).with_name("golden.json")

# Small runs that touch what could differ: both tokenizers, clipping, decay, schedules, several rows, odd sizes, more
# workers than one block of the sum tree, several blocks of K, a partial last step. Nothing is held out: without
# optimisation an evaluation takes longer than the run.
RUNS = {
    "seed, bytes": dict(steps=6),
    "tiny, three rows, constant rate": dict(model="tiny", seq_len=40, micro_batch=3, steps=3, schedule="constant", warmup=2),
    "30 workers, accumulated": dict(workers=15, accumulate=2, steps=2, schedule="wsd"),
    "context 300": dict(seq_len=300, workers=3, steps=2),
    "partial last step": dict(tokens=3000, micro_batch=2),
    "width 384": dict(model="char", seq_len=24, workers=3, steps=2, grad_clip=0.5),
    "documents masked": dict(doc_mask=True, shuffle="none", seq_len=100, micro_batch=2, steps=3, tokenizer="gpt2"),
    "muon": dict(optimizer="muon", seq_len=16, steps=4),
    "dropout and loss terms": dict(dropout=0.1, label_smoothing=0.1, z_loss=1e-4, schedule="linear", steps=3),
    "gpt2 tokens": dict(tokenizer="gpt2", workers=4, steps=2),
}


class SameBits(Case):
    OPTIONS = dict(steps=6, val_fraction=0.15, eval_every=2, eval_tokens=500)

    def setUp(self):
        super().setUp()
        self.corpus = self.folder / "corpus"
        self.corpus.mkdir()
        for path in sorted(CORPUS.iterdir())[::12]:
            shutil.copy(path, self.corpus)

    def digest(self, name, corpus=None, **options):
        self.train(corpus or self.corpus, name=name, **(self.OPTIONS | options))
        return digest_shown(self.folder / name)

    def test_other_cores_io_disk_and_place(self):
        digests = {"one core": self.digest("one", cores=1), "two cores": self.digest("two", cores=2),
                   "threads": self.digest("threads", cores=2, io="threads"),
                   "threads, one core": self.digest("threads1", cores=1, io="threads")}
        os.sync()
        for path in self.corpus.iterdir():  # forget what is cached: the next read comes from the disk
            with open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        digests["cold"] = self.digest("cold")
        shutil.copytree(self.corpus, self.folder / "elsewhere")
        digests["elsewhere"] = self.digest("moved", corpus=self.folder / "elsewhere")
        digests["without evaluations"] = self.digest("blind", eval_every=10)
        self.assertEqual(len(set(digests.values())), 1, digests)
        self.assertNotEqual(self.digest("seed8", seed=8), digests["one core"])

    def test_muon_on_other_cores(self):
        digests = {cores: self.digest(f"muon{cores}", optimizer="muon", cores=cores) for cores in (1, 2)}
        self.assertEqual(len(set(digests.values())), 1, digests)

    def test_dropout_on_other_cores_and_workers_and_recomputed(self):
        options = dict(dropout=0.2, steps=3, eval_every=10)
        digests = {"one core": self.digest("one", cores=1, **options), "two": self.digest("two", cores=2, **options),
                   "3 x 4": self.digest("split", workers=3, accumulate=4, **options),
                   "recomputed": self.digest("again", recompute=True, **options)}
        self.assertEqual(len(set(digests.values())), 1, digests)

    def test_the_split_of_workers_and_accumulation_does_not_matter(self):
        digests = {(workers, accumulate): self.digest(f"w{workers}", workers=workers, accumulate=accumulate, steps=2)
                   for workers, accumulate in ((24, 1), (12, 2), (3, 8), (1, 24))}
        self.assertEqual(len(set(digests.values())), 1, digests)

    def test_this_build_gives_the_committed_digests(self):
        golden = json.loads(GOLDEN.read_text())
        self.assertEqual(set(golden), set(RUNS))
        for name, options in RUNS.items():
            with self.subTest(run=name):
                self.train(CORPUS, name=name, val_fraction=0, **options)
                self.assertEqual(digest_shown(self.folder / name), golden[name])


def renew(binary):
    support.BINARY = pathlib.Path(binary).resolve()
    case = SameBits()
    case.setUp()
    golden = {}
    for name, options in RUNS.items():
        case.train(CORPUS, name=name, val_fraction=0, **options)
        golden[name] = digest_shown(case.folder / name)
    case.doCleanups()
    GOLDEN.write_text(json.dumps(golden, indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--renew":
        renew(sys.argv[2])
    else:
        unittest.main()
