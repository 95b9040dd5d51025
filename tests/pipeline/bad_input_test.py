"""Bad input: one clear line, the right exit code, nothing half-written left."""
import os
import pathlib
import resource
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.icosa import CORPUS, Case, icosa, metrics


class BadInput(Case):
    def refused(self, *arguments, code, names, **keywords):
        out = self.folder / "out"
        done = icosa("train", *arguments, "--out", out, code=code, **keywords)
        self.assert_one_line(done.stderr, *names)
        self.assertFalse(list(out.rglob("*")) if out.exists() else [], "something was left behind")

    def test_a_missing_path(self):
        self.refused(self.folder / "nowhere", code=1, names=["nowhere", "No such file"])
        self.refused("/dev/null/x", code=1, names=["/dev/null/x"])

    def test_a_path_that_is_neither_file_nor_folder(self):
        os.mkfifo(self.folder / "fifo")
        self.refused(self.folder / "fifo", code=1, names=["fifo"])
        self.refused("/dev/zero", code=1, names=["/dev/zero"])

    def test_an_empty_folder(self):
        (self.folder / "empty").mkdir()
        self.refused(self.folder / "empty", code=1, names=["empty", "no files"])

    def test_a_folder_of_hidden_and_special_files_only(self):
        folder = self.folder / "odd"
        folder.mkdir()
        (folder / ".hidden").write_text("text")
        os.mkfifo(folder / "fifo")
        os.symlink("nowhere", folder / "dangling")
        os.symlink(folder, folder / "loop")
        self.refused(folder, code=1, names=["odd", "no files"])

    def test_a_folder_in_which_nothing_is_text(self):
        folder = self.folder / "binary"
        folder.mkdir()
        for number in range(3):
            (folder / f"{number}.dat").write_bytes(b"\0" * 1000)
        self.refused(folder, "--tokenizer", "bytes", "--model", "seed", "--quiet", code=1, names=["none of the 3 documents"])

    def test_a_folder_in_which_nothing_can_be_read(self):
        self.folder.chmod(0o777)
        folder = self.folder / "locked"
        folder.mkdir()
        (folder / "a.txt").write_text("text")
        (folder / "a.txt").chmod(0)
        root = os.geteuid() == 0  # who reads everything: the program is then run as nobody

        def become_nobody():
            if root:
                os.setgid(65534)
                os.setuid(65534)

        arguments = ["--tokenizer", "bytes", "--model", "seed", "--quiet"]
        self.refused(folder, *arguments, code=1, names=["a.txt", "Permission denied"], preexec_fn=become_nobody)
        (folder / "a.txt").chmod(0o644)
        folder.chmod(0)
        self.refused(folder, *arguments, code=1, names=["locked", "Permission denied"], preexec_fn=become_nobody)
        folder.chmod(0o755)

    def test_files_that_are_all_damaged_are_named(self):
        folder = self.folder / "damaged"
        folder.mkdir()
        for number in range(3):
            (folder / f"{number}.txt").write_bytes(b"\xff\xfe\xfd")
        self.refused(folder, "--tokenizer", "bytes", "--model", "seed", "--quiet", code=1, names=["damaged", "UTF-8"])

    def test_an_unknown_preset(self):
        self.refused(CORPUS, "--model", "huge", code=2, names=["--model huge", "tiny"])

    def test_numbers_that_cannot_be(self):
        for option, value in (("--micro-batch", 0), ("--seq-len", 0), ("--workers", 0), ("--accumulate", 0),
                              ("--lr", "-1"), ("--lr", "nan"), ("--val-fraction", 2), ("--cores", 0), ("--cores", "x"),
                              ("--schedule", "square"), ("--shuffle", "well"), ("--io", "tape"), ("--steps", "many")):
            with self.subTest(option=option, value=value):
                self.refused(CORPUS, option, value, code=2, names=[option])

    def test_two_lengths_for_one_run(self):
        self.refused(CORPUS, "--steps", 3, "--epochs", 1, code=2, names=["--steps", "--epochs"])

    def test_what_is_not_built_yet_is_refused_by_name(self):
        self.refused(CORPUS, "--model", "some/config.json", code=2, names=["--model", "not built"])

    def test_wrong_usage(self):
        self.assert_one_line(icosa("train", CORPUS, "--no-such-option", code=2).stderr, "--no-such-option")
        self.assert_one_line(icosa("trian", code=2).stderr, "trian")
        self.assertEqual(icosa(code=2).stderr.count(b"\n"), 1)
        self.assertIn(b"--model", icosa("train", "--help").stdout)
        self.assertIn(b"icosa", icosa("--version").stdout)

    def test_a_tokenizer_file_that_is_not_one(self):
        for name, content in (("a.tiktoken", b"not base64 at all\n"), ("b.json", b"{"), ("c.json", b"[]"),
                              ("d.tiktoken", b""), ("e.tiktoken", b"IQ== 0\nIg== 1\n")):
            (self.folder / name).write_bytes(content)
            with self.subTest(file=name):
                self.refused(CORPUS, "--tokenizer", self.folder / name, code=1, names=[name])
        self.refused(CORPUS, "--tokenizer", self.folder / "missing.json", code=1, names=["missing.json"])

    def test_a_folder_that_holds_a_run_already(self):
        corpus = self.write_corpus()
        self.train(corpus, steps=1, val_fraction=0)
        before = sorted(self.folder.rglob("*"))
        done = icosa("train", corpus, "--out", self.folder / "run", code=1)
        self.assert_one_line(done.stderr, "--out", "run")
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def test_a_run_folder_that_cannot_be_made(self):
        (self.folder / "file").write_text("")
        done = icosa("train", CORPUS, "--out", self.folder / "file" / "run", code=1)
        self.assert_one_line(done.stderr, "file")

    def test_a_configuration_that_cannot_fit_is_refused_with_its_figures(self):
        self.refused(CORPUS, "--model", "gpt2", "--micro-batch", 4096, "--seq-len", 65536, code=1,
                     names=["MiB", "--micro-batch"])

    def test_nothing_to_generate_from(self):
        for path in (self.folder / "nowhere", self.folder):
            done = icosa("generate", path, "--prompt", "x", code=1)
            self.assert_one_line(done.stderr, path)


class FullDisk(Case):
    def assert_whole(self, run):
        """No checkpoint, no temporary folder, and every line of the metrics is whole."""
        self.assertEqual([p.name for p in (run / "checkpoints").iterdir()], [])
        if (run / "metrics.jsonl").exists():
            metrics(run)

    def test_a_file_size_limit_stands_for_a_full_disk(self):
        corpus = self.write_corpus()
        done = icosa("train", corpus, "--out", self.folder / "run", "--tokenizer", "bytes", "--model", "seed", "--quiet",
                     "--steps", 3, "--val-fraction", 0, code=1,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)))
        self.assert_one_line(done.stderr, "model.safetensors")
        self.assert_whole(self.folder / "run")

    def test_a_disk_that_is_full(self):
        corpus, disk = self.write_corpus(), self.folder / "disk"
        disk.mkdir()
        # A file system of 300 kB in a name space of its own: as root, or where users may make such.
        script = ('mount -t tmpfs -o size=300k none "$1" && shift && "$@"; code=$?; '
                  'find "$0" -name "*.tmp*"; cat "$0"/run/metrics.jsonl; exit $code')
        inside = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, disk, disk]
        if subprocess.run(["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", str(disk)],
                          capture_output=True).returncode != 0:
            self.skipTest("this machine lets nobody mount")
        done = icosa("train", corpus, "--out", disk / "run", "--tokenizer", "bytes", "--model", "seed", "--quiet",
                     "--steps", 3, "--val-fraction", 0, code=1, prefix=inside)
        self.assert_one_line(done.stderr, "No space left", "--out")
        self.assertEqual(done.stdout.count(b"\n"), 3, "three whole lines of metrics and no temporary folder")


if __name__ == "__main__":
    unittest.main()
