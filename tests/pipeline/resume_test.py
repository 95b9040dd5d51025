"""A run that is stopped and gone on with ends as one that was never stopped: the same bits, the same lines, the same books."""
import gzip
import json
import os
import pathlib
import random
import select
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support import icosa as support
from support.icosa import SMALL, TIMEOUT_SECONDS, Case, digest_shown, flags, icosa, metrics

TIMES = ("step_ms data_wait_ms boundary_wait_ms update_ms tokens_per_second compute_ms sum_ms buffer_wait_ms batches_waiting "
         "executors").split()
EVERY_STEP = dict(checkpoint_every=1, keep=100, val_fraction=0)


def without_times(run):
    return [{key: value for key, value in line.items() if key not in TIMES} for line in metrics(run)]


def checkpoints(run):
    return sorted(path.name for path in (run / "checkpoints").iterdir())


class ResumeCase(Case):
    def mixed_corpus(self, compressed=True, name="corpus"):
        """Texts, records, archives and damage, in documents of all lengths."""
        words = random.Random(3)
        folder = self.folder / name
        folder.mkdir()

        def text(length):
            return "".join(words.choice("abcdefg hijkl\n") for _ in range(length))

        def records(count):
            return "".join(json.dumps({"text": text(words.randrange(200))}) + "\n" for _ in range(count)).encode()

        for number in range(5):
            (folder / f"{number}.txt").write_text(text(words.choice((0, 30, 700, 3000))))
        (folder / "r.jsonl").write_bytes(records(40) + b'{"no": "text"}\n' + records(5))
        if compressed:
            (folder / "s.jsonl.gz").write_bytes(gzip.compress(records(40)))
        (folder / "3b.txt").write_bytes(b"not \xff text")
        (folder / "3c.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
        (folder / "z.txt").write_bytes(b"nor \xff this")
        return folder

    def stop_at(self, step, whole, name):
        """A copy of a run with a checkpoint for every step, as a kill after that of `step` leaves it."""
        run = self.folder / name
        shutil.copytree(whole, run)
        for checkpoint in checkpoints(run):
            if int(checkpoint.removeprefix("step-")) > step:
                shutil.rmtree(run / "checkpoints" / checkpoint)
        return run

    def assert_same_run(self, run, whole):
        self.assertEqual(digest_shown(run), digest_shown(whole))
        self.assertEqual(without_times(run), without_times(whole))
        self.assertEqual((run / "skipped.jsonl").read_text(), (whole / "skipped.jsonl").read_text())

    def check_every_step(self, corpus, resumed_with=({},), at=None, **options):
        options = SMALL | EVERY_STEP | options
        summary = self.train(*corpus, name="whole", **options)
        whole = self.folder / "whole"
        self.assertGreater(summary["steps"], 4)
        for step in at or range(1, summary["steps"]):
            name = f"stopped{step}"
            run = self.stop_at(step, whole, name)
            resumed = self.train(*corpus, name=name, resume=True, **(options | resumed_with[step % len(resumed_with)]))
            with self.subTest(step=step):
                self.assert_same_run(run, whole)
                self.assertEqual(checkpoints(run), checkpoints(whole))
                self.assertEqual(resumed["resumed_steps"], step)
                for key in "tokens documents skipped binaries formats record_files corpora final_loss".split():
                    self.assertEqual(resumed[key], summary[key], key)
            shutil.rmtree(run)


class EveryStep(ResumeCase):
    def test_in_the_order_of_the_files_over_epochs_on_other_cores_and_io(self):
        self.check_every_step([self.mixed_corpus()], shuffle="none", epochs=2, seq_len=100, micro_batch=2,
                              resumed_with=(dict(cores=1), dict(io="threads"), dict(cores=2, read_ahead=4)))

    def test_shuffled_within_a_window(self):
        self.check_every_step([self.mixed_corpus()], shuffle="window", epochs=2, seq_len=120, micro_batch=2)

    def test_shuffled_globally(self):
        self.check_every_step([self.mixed_corpus(compressed=False)], shuffle="global", epochs=3, seq_len=120,
                              micro_batch=2)

    def test_mixed_with_masked_documents_and_accumulation_split_in_another_way(self):
        parts = self.mixed_corpus(name="a"), self.mixed_corpus(name="b")
        self.check_every_step([], mix=f"a=0.7:{parts[0]}", config=self.mix_file(parts[1]), steps=12, workers=6,
                              accumulate=2, doc_mask=True, shuffle="window", seq_len=50,
                              resumed_with=(dict(workers=3, accumulate=4), dict(workers=12, accumulate=1)))

    def test_with_muon_dropout_and_another_objective(self):
        self.check_every_step([self.mixed_corpus()], steps=7, optimizer="muon", dropout=0.1, label_smoothing=0.1,
                              z_loss=1e-4, schedule="wsd", accumulate=2, workers=3,
                              resumed_with=(dict(cores=1), dict(cores=2, recompute=True)))

    def mix_file(self, part):
        path = self.folder / "mix.toml"
        path.write_text(f'mix = ["b=0.3:{part}"]\n')
        return path

    def test_within_one_large_document(self):
        corpus = self.folder / "corpus"
        corpus.mkdir()
        (corpus / "large.txt").write_text("längere Texte " * 100000, encoding="utf-8")
        self.check_every_step([corpus], steps=5, shuffle="none", seq_len=400, micro_batch=16, at=(1, 4))
        self.assert_goes_on_inside("whole")

    def test_within_one_large_document_in_words(self):
        corpus = self.folder / "corpus"
        corpus.mkdir()
        (corpus / "large.txt").write_text("längere Texte über vieles " * 60000, encoding="utf-8")
        tokenizer = self.folder / "tokenizer.json"
        icosa("tokenizer", "train", corpus, "--vocab-size", 270, "--out", tokenizer, "--quiet")
        self.check_every_step([corpus], steps=5, shuffle="none", seq_len=200, micro_batch=16, tokenizer=tokenizer,
                              at=(1, 4))
        self.assert_goes_on_inside("whole")

    def test_within_one_large_record_of_an_archive(self):
        corpus = self.folder / "corpus"
        corpus.mkdir()
        record = json.dumps({"text": "längere Texte \n\u2028 über vieles " * 30000})
        (corpus / "large.jsonl.gz").write_bytes(gzip.compress(record.encode()))
        self.check_every_step([corpus], steps=5, shuffle="window", seq_len=400, micro_batch=16, at=(1, 4))
        self.assert_goes_on_inside("whole")

    def assert_goes_on_inside(self, name):
        """No step begins with reading the large document from its beginning."""
        folder = self.folder / name / "checkpoints"
        insides = [json.loads((folder / step / "state.json").read_text())["ingest"]["inside"] for step in checkpoints(folder.parent)]
        self.assertGreater(max(inside[0] for inside in insides), 150_000, insides)


class Kills(ResumeCase):
    def test_killed_at_random_moments(self):
        corpus = self.mixed_corpus()
        options = SMALL | dict(steps=40, val_fraction=0, checkpoint_every=1, keep=2, shuffle="window", model="tiny")
        self.train(corpus, name="whole", **options)
        moments = random.Random(1)
        kills, attempts = 0, 60
        for attempt in range(attempts):
            # Later and later, and the last one not at all: where starting takes seconds it would never end.
            last = attempt + 1 == attempts
            moment = None if last else moments.uniform(0.03, 0.03 * 1.1 ** attempt)
            process = subprocess.Popen([support.BINARY, "train", corpus, "--out", self.folder / "run", "--resume",
                                        "--quiet", *flags(options)], stderr=subprocess.PIPE)
            self.addCleanup(process.kill)
            try:
                _, errors = process.communicate(timeout=moment)
                self.assertEqual((process.returncode, errors), (0, b""))
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
        self.assertEqual(process.returncode, 0)
        self.assertGreater(kills, 0)
        self.assert_same_run(self.folder / "run", self.folder / "whole")
        self.assertEqual(checkpoints(self.folder / "run"), ["step-00000039", "step-00000040"])

    def test_interrupted_and_gone_on_with(self):
        corpus = self.write_corpus()
        options = SMALL | dict(steps=400, val_fraction=0)
        self.train(corpus, name="whole", **options)
        run = self.folder / "run"
        process = subprocess.Popen([support.BINARY, "train", corpus, "--out", run, "--quiet", *flags(options)])
        self.addCleanup(process.kill)
        while process.poll() is None and not ((run / "metrics.jsonl").exists()
                                              and (run / "metrics.jsonl").stat().st_size > 500):
            select.select([], [], [], 0.001)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(TIMEOUT_SECONDS), 130)
        self.assertEqual(len(checkpoints(run)), 1)
        self.train(corpus, name="run", resume=True, **options)
        self.assert_same_run(run, self.folder / "whole")

    def test_an_interrupt_while_tokens_are_counted_leaves_nothing(self):
        corpus = self.folder / "corpus"
        corpus.mkdir()
        (corpus / "large.txt").write_text("many words of one document " * 400_000)
        run = self.folder / "run"
        process = subprocess.Popen([support.BINARY, "train", corpus, "--out", run, "--quiet", "--epochs", "50",
                                    *flags(SMALL | dict(tokenizer="gpt2", val_fraction=0))], stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        while process.poll() is None and not (run / "checkpoints").exists():
            select.select([], [], [], 0.001)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=TIMEOUT_SECONDS)
        self.assertEqual((process.returncode, errors), (130, b""))
        self.assertFalse(run.exists())


class Checkpoints(ResumeCase):
    def test_the_best_stays_beside_the_newest(self):
        # A rate this high makes the loss rise again.
        self.train(self.write_corpus(files_count=30), steps=12, checkpoint_every=1, eval_every=1, keep=2, lr=0.3,
                   schedule="constant", warmup=1, val_fraction=0.2, grad_clip=0)
        run = self.folder / "run"
        states = [json.loads((run / "checkpoints" / name / "state.json").read_text()) for name in checkpoints(run)]
        best = states[-1]["best"]["step"]
        self.assertLess(best, 11, "the loss did not rise")
        self.assertEqual([state["step"] for state in states], [best, 11, 12])
        self.assertEqual(states[0]["validation"]["loss"], states[-1]["best"]["loss"])

    def test_a_checkpoint_between_evaluations_is_evaluated_too(self):
        self.train(self.write_corpus(files_count=30), steps=6, checkpoint_every=2, eval_every=5, keep=9, val_fraction=0.2)
        for name in checkpoints(self.folder / "run"):
            state = json.loads((self.folder / "run" / "checkpoints" / name / "state.json").read_text())
            self.assertEqual(state["validation"]["step"], state["step"])

    def test_by_time(self):
        self.train(self.write_corpus(), steps=5, checkpoint_minutes=1e-9, keep=9, val_fraction=0)
        self.assertEqual(len(checkpoints(self.folder / "run")), 5)

    def test_a_finished_run_does_nothing_and_has_its_summary(self):
        corpus = self.write_corpus(files_count=30)
        options = dict(epochs=1, val_fraction=0.2)
        before = self.train(corpus, **options)
        lines = (self.folder / "run" / "metrics.jsonl").read_bytes()
        again = self.train(corpus, resume=True, **options)
        for key in "steps tokens documents skipped final_loss val_loss val_documents val_tokens digest formats".split():
            self.assertEqual(again[key], before[key], key)
        self.assertEqual((self.folder / "run" / "metrics.jsonl").read_bytes(), lines)

    def test_a_longer_run_goes_on_where_the_shorter_ended(self):
        corpus = self.write_corpus()
        options = dict(val_fraction=0, schedule="constant", warmup=1)
        self.train(corpus, name="whole", steps=7, **options)
        self.train(corpus, steps=3, **options)
        self.train(corpus, steps=7, resume=True, **options)
        self.assert_same_run(self.folder / "run", self.folder / "whole")
        self.train(corpus, steps=5, resume=True, code=1, **options)
        self.assert_one_line(self.stderr, "--steps 5", "7")

    def test_resume_begins_afresh_where_there_is_nothing(self):
        corpus = self.write_corpus()
        self.train(corpus, name="whole", steps=3, val_fraction=0)
        left = self.folder / "run" / "checkpoints" / ".tmp-step-00000002"
        left.mkdir(parents=True)
        (left / "model.safetensors").write_text("half of it")
        (self.folder / "run" / "metrics.jsonl").write_text('{"step": 1')
        self.train(corpus, steps=3, val_fraction=0, resume=True)
        self.assert_same_run(self.folder / "run", self.folder / "whole")
        self.assertEqual(checkpoints(self.folder / "run"), ["step-00000003"])

    def test_what_was_counted_is_kept_with_the_run(self):
        corpus = self.write_corpus()
        options = SMALL | dict(epochs=2, val_fraction=0)
        options.pop("steps", None)
        summary = self.train(corpus, name="whole", **options)
        count = json.loads((self.folder / "whole" / "epochs.json").read_text())
        self.assertEqual(count["tokens"], summary["tokens"])
        # As a kill before the first checkpoint leaves it; a count of half as much shows that nobody counted again.
        (self.folder / "killed" / "checkpoints").mkdir(parents=True)
        count["tokens"] //= 2
        (self.folder / "killed" / "epochs.json").write_text(json.dumps(count))
        shutil.copytree(self.folder / "killed", self.folder / "changed")
        self.train(corpus, name="killed", resume=True, **options)
        lines = metrics(self.folder / "killed"), metrics(self.folder / "whole")
        self.assertNotEqual([line["lr"] for line in lines[0]], [line["lr"] for line in lines[1]])
        # Another corpus is counted anew.
        (corpus / "000.txt").write_text("other words now")
        changed = self.train(corpus, name="changed", resume=True, **options)
        count = json.loads((self.folder / "changed" / "epochs.json").read_text())
        self.assertEqual(count["tokens"], changed["tokens"])

    def test_counting_shows_how_far_it_is(self):
        corpus = self.folder / "corpus"
        corpus.mkdir()
        line = "words of a text that is long enough to take a while, and then some more\n"
        for number in range(8):
            (corpus / f"{number}.txt").write_text(line * 100_000)
        errors, terminal = os.openpty()
        process = subprocess.Popen([support.BINARY, "train", corpus, "--out", self.folder / "run", "--epochs", "1",
                                    "--tokenizer", "gpt2"], stdout=subprocess.DEVNULL, stderr=terminal)
        self.addCleanup(process.kill)
        os.close(terminal)
        shown = b""
        while b"% of" not in shown or b"counting the tokens" not in shown:
            part = os.read(errors, 65536)
            self.assertNotEqual(part, b"", shown)
            shown += part
        process.send_signal(signal.SIGINT)
        while True:
            try:
                if not os.read(errors, 65536):
                    break
            except OSError:  # the terminal's other end is closed
                break
        self.assertEqual(process.wait(TIMEOUT_SECONDS), 130)
        self.assertFalse((self.folder / "run").exists())

    def test_what_resuming_reads_does_not_grow_with_what_was_read(self):
        corpus = self.folder / "corpus"
        corpus.mkdir()
        word = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=63)) + " "
        for number in range(110):
            (corpus / f"{number:03}.txt").write_text(word * 2700)  # 173 kB, so many tokens
        tokenizer = self.folder / "tokenizer.json"
        icosa("tokenizer", "train", corpus, "--vocab-size", 340, "--out", tokenizer, "--quiet")
        for shuffle in "none", "window", "global":
            options = dict(EVERY_STEP, tokenizer=tokenizer, seq_len=64, micro_batch=4, shuffle=shuffle, read_ahead=4,
                           io="threads", schedule="constant", warmup=1)
            self.train(corpus, name=f"whole-{shuffle}", steps=90, **options)
            read = {}
            for step in 5, 88:
                run = self.stop_at(step, self.folder / f"whole-{shuffle}", f"stopped-{shuffle}-{step}")
                # The shell's own books take in those of the child it has waited for.
                prefix = ["sh", "-c", '"$@" && cat /proc/$$/io', "sh"]
                books = icosa("train", corpus, "--out", run, "--resume", "--quiet",
                              *flags(SMALL | options | dict(steps=step + 1)), prefix=prefix).stdout.decode()
                read[step] = int(dict(line.split(": ") for line in books.splitlines())["rchar"])
            with self.subTest(shuffle=shuffle, read=read):
                self.assertLess(read[88] - read[5], 83 * 3072 * 64 / 4)  # of all that was read meanwhile

    def test_a_damaged_checkpoint_is_named_and_passed_over(self):
        corpus = self.write_corpus()
        options = dict(steps=4, **EVERY_STEP)
        self.train(corpus, name="whole", **options)
        for name in "model.safetensors optimizer.safetensors state.json config.json corpus.jsonl tokenizer.json".split():
            run = self.stop_at(3, self.folder / "whole", f"run-{name}")
            file = run / "checkpoints" / "step-00000003" / name
            content = bytearray(file.read_bytes())
            content[len(content) * 3 // 4] ^= 1
            file.write_bytes(content)
            shown = icosa("inspect", run).stdout.decode()
            done = icosa("train", corpus, "--out", run, "--resume", *flags(SMALL | options))
            with self.subTest(file=name):
                self.assertIn("step-00000003", done.stderr.decode())
                self.assertIn("passed over", done.stderr.decode())
                if name != "optimizer.safetensors":
                    self.assertIn("passed over", shown)
                self.assert_same_run(run, self.folder / "whole")
                self.assertEqual(checkpoints(run), checkpoints(self.folder / "whole"))
            file.unlink()

    def test_a_full_disk_stops_the_checkpoint_and_not_the_run(self):
        corpus, disk = self.write_corpus(), self.folder / "disk"
        disk.mkdir()
        # Room for one checkpoint and not for two, until somebody makes room.
        script = ('mount -t tmpfs -o size=2300k none "$0" && "$@"; code=$?; ls -A "$0"/run/checkpoints; '
                  'wc -l < "$0"/run/metrics.jsonl; exit $code')
        if subprocess.run(["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", str(disk)],
                          capture_output=True).returncode != 0:
            self.skipTest("this machine lets nobody mount")
        done = icosa("train", corpus, "--out", disk / "run", "--quiet", *flags(SMALL | EVERY_STEP | dict(steps=4, keep=1)),
                     code=1, prefix=["unshare", "--mount", "--map-root-user", "sh", "-c", script, disk])
        lines = done.stderr.decode().splitlines()
        self.assertEqual(done.stdout.split(), [b"step-00000001", b"4"])
        self.assertEqual(len(lines), 3, lines)
        for line in lines:
            self.assertIn("No space left", line)
        self.assertIn("tries again", lines[0])


class Refusals(ResumeCase):
    OPTIONS = dict(steps=6, val_fraction=0)

    def setUp(self):
        super().setUp()
        self.corpus = self.write_corpus()
        self.train(self.corpus, **(self.OPTIONS | dict(steps=3)))

    def refuse(self, *names, code=1, **options):
        self.train(self.corpus, code=code, **(self.OPTIONS | dict(resume=True) | options))
        self.assert_one_line(self.stderr, *names)

    def test_a_run_that_is_there_without_resume(self):
        self.train(self.corpus, code=1, **self.OPTIONS)
        self.assert_one_line(self.stderr, "--resume", self.folder / "run")

    def test_options_that_may_not_change_are_named(self):
        for option, value in dict(lr=0.5, seed=8, seq_len=16, micro_batch=2, workers=24, schedule="wsd", warmup=3,
                                  weight_decay=0.3, grad_clip=2, val_fraction=0.3, shuffle="window", model="tiny",
                                  tokenizer="gpt2", doc_mask=True, text_key="body", strict=True).items():
            with self.subTest(option=option):
                name = "micro-batches per step" if option == "workers" else "--" + option.replace("_", "-")
                self.refuse(name, "was", **{option: value})
        self.refuse("--epochs", **dict(steps=6), code=2, epochs=2)

    def test_a_name_that_stands_for_another_model_now_is_told_from_the_one_that_was(self):
        config = self.folder / "config.json"
        shape = dict(model_type="gpt2", n_layer=1, n_head=2, n_embd=16, vocab_size=257, n_positions=32)
        options = self.OPTIONS | dict(name="own", model=config, seq_len=32)
        config.write_text(json.dumps(shape))
        self.train(self.corpus, **(options | dict(steps=3)))
        config.write_text(json.dumps(shape | dict(n_layer=2)))
        began_with = self.folder / "own/checkpoints/step-00000003/config.json"
        self.refuse(f"--model {config} is another model than the run began with", began_with, **options)
        self.train(self.corpus, resume=True, **(options | dict(model=began_with)))
        self.assertEqual(metrics(self.folder / "own")[-1]["step"], 6)

    def test_options_that_may_change_do(self):
        self.train(self.corpus, resume=True, **(self.OPTIONS | dict(
            cores=1, io="threads", read_ahead=4, workers=4, accumulate=3, eval_every=2, eval_tokens=99, keep=4,
            checkpoint_every=2, checkpoint_minutes=5, gradient_memory="lean")))
        self.assertEqual(metrics(self.folder / "run")[-1]["step"], 6)

    def test_a_changed_corpus_is_named_file_by_file(self):
        (self.corpus / "000.txt").write_text("other words now")
        (self.corpus / "001.txt").unlink()
        (self.corpus / "new.txt").write_text("new")
        text = (self.corpus / "002.txt").read_bytes()
        (self.corpus / "002.txt").write_bytes(text[:-1] + b"!")
        self.refuse("000.txt has 15 bytes and had", "001.txt is no longer there", "002.txt has another content",
                    "new.txt is new", "--resume-anyway")
        self.train(self.corpus, **(self.OPTIONS | dict(resume_anyway=True)))
        self.assertEqual([line["step"] for line in metrics(self.folder / "run")], [1, 2, 3, 4, 5, 6])

    def test_a_large_corpus_is_compared_by_samples(self):
        with open(self.corpus / "large.txt", "wb") as file:
            file.write(b"words " * (12 << 20))
        self.train(self.corpus, name="large", **(self.OPTIONS | dict(steps=2)))
        self.train(self.corpus, name="large", **(self.OPTIONS | dict(resume=True, steps=3)))
        with open(self.corpus / "large.txt", "r+b") as file:
            file.seek(-9, 2)
            file.write(b"other")
        self.train(self.corpus, name="large", code=1, **(self.OPTIONS | dict(resume=True, steps=4)))
        self.assert_one_line(self.stderr, "large.txt has another content")

    def test_a_corpus_that_was_moved_is_the_same(self):
        shutil.move(self.corpus, self.folder / "elsewhere")
        self.train(self.folder / "elsewhere", resume=True, **self.OPTIONS)
        self.assertEqual(metrics(self.folder / "run")[-1]["step"], 6)

    def test_a_newer_version_is_refused(self):
        state = self.folder / "run" / "checkpoints" / "step-00000003" / "state.json"
        state.write_text(state.read_text().replace('"version": 1', '"version": 2'))
        self.refuse("state.json", "version 2", "newer icosa")


class Files(ResumeCase):
    """What lies beside the checkpoints."""
    OPTIONS = dict(val_fraction=0, shuffle="global", seq_len=60, epochs=2)

    def setUp(self):
        super().setUp()
        self.corpus = self.mixed_corpus(compressed=False)
        self.train(self.corpus, name="whole", checkpoint_every=1, keep=99, **self.OPTIONS)
        self.index = self.stop_at(2, self.folder / "whole", "run") / "documents.index"

    def test_newer_versions_are_refused(self):
        version = bytearray(self.index.read_bytes())
        version[8] += 1
        self.index.write_bytes(version)
        self.train(self.corpus, resume=True, code=1, **self.OPTIONS)
        self.assert_one_line(self.stderr, "documents.index", "version 2", "newer icosa")
        self.index.unlink()
        shutil.rmtree(self.index.parent / "checkpoints")
        count = self.index.parent / "epochs.json"
        count.write_text(count.read_text().replace('"version": 1', '"version": 2'))
        self.train(self.corpus, resume=True, code=1, **self.OPTIONS)
        self.assert_one_line(self.stderr, "epochs.json", "version 2", "newer icosa")

    def test_a_damaged_index_is_made_anew(self):
        good = self.index.read_bytes()
        for at in 1, 17, 30, 50, 90, len(good) - 5:
            damaged = bytearray(good)
            damaged[at] ^= 1
            self.index.write_bytes(damaged)
            run = self.folder / f"run{at}"
            shutil.copytree(self.index.parent, run)
            self.train(self.corpus, name=run.name, resume=True, **self.OPTIONS)
            self.assert_same_run(run, self.folder / "whole")
            self.assertEqual((run / "documents.index").read_bytes()[12:], good[12:])


if __name__ == "__main__":
    unittest.main()
