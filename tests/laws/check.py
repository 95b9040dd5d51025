"""Breaks each law of the design on purpose and expects its test to notice.

    check.py [LAW...]        LAW: the name of a patch in this folder, e.g. law2; all by default

A copy of the sources is built once; for each law its patch is applied, the program built and the law's test run. The
test must pass on the sources as they are and fail on the broken ones. Closes with "N passed, N failed".
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# law: (what the patch does, target to build, test to run)
UNIT = "build/tests/pipeline/pipeline_tests"
LAWS = {
    "law1": ("adds gradients in the order of the buffers that they happen to have", "tests/pipeline/pipeline_tests",
             [UNIT, "--run_test=laws/workers_delayed_at_random_give_the_same_bits"]),
    "law2": ("a worker changes a weight", "tests/pipeline/pipeline_tests",
             [UNIT, "--run_test=laws/weights_are_read_only_while_workers_compute"]),
    "law3": ("a worker writes into another one's gradient", "tests/pipeline/pipeline_tests",
             [UNIT, "--run_test=laws/a_worker_writes_only_its_own_gradient"]),
    "law4": ("an executor reads a file by a blocking call", "icosa",
             ["python3", "tests/pipeline/system_test.py", "Calls.test_executors_make_no_file_calls"]),
    "law5": ("a damaged document is dropped without a word", "icosa",
             ["python3", "tests/pipeline/run_test.py",
              "Run.test_an_epoch_trains_on_every_document_once_and_its_totals_add_up"]),
    "law7": ("ingest keeps what it has read", "icosa",
             ["python3", "tests/pipeline/system_test.py",
              "Memory.test_a_corpus_a_hundred_times_larger_takes_no_more_memory"]),
}


def run(command, folder, **keywords):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", **keywords)


def copy_sources(folder):
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], ROOT, check=True).stdout
    for name in listed.splitlines():
        if not (ROOT / name).is_file():
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def build(folder, target):
    done = run(["ninja", "-C", "build", target], folder)
    if done.returncode != 0:
        sys.exit("the build failed:\n" + done.stdout[-3000:])


def test_passes(folder, test):
    """True or False as the test's own verdict; a skipped test is no verdict."""
    done = run(test, folder, env=os.environ | {"ICOSA": str(folder / "build" / "icosa")})
    if "(skipped=" in done.stderr:
        sys.exit(f"{' '.join(test)} is skipped on this machine:\n{done.stderr[-500:]}")
    return done.returncode == 0


def main():
    wanted = sys.argv[1:] or list(LAWS)
    passed = 0
    with tempfile.TemporaryDirectory(prefix="icosa-laws-") as scratch:
        folder = pathlib.Path(scratch)
        copy_sources(folder)
        run(["meson", "setup", "build"], folder, check=True)
        for law in wanted:
            what, target, test = LAWS[law]
            build(folder, target)
            whole = test_passes(folder, test)
            run(["git", "apply", "--whitespace=nowarn", str(HERE / f"{law}.patch")], folder, check=True)
            build(folder, target)
            broken = test_passes(folder, test)
            run(["git", "apply", "--whitespace=nowarn", "--reverse", str(HERE / f"{law}.patch")], folder, check=True)
            noticed = whole and not broken
            passed += noticed
            verdict = "noticed" if noticed else "NOT NOTICED" if whole else "the test fails without it"
            print(f"{law}: {what}: {verdict}", flush=True)
    print(f"{passed} passed, {len(wanted) - passed} failed")
    sys.exit(passed != len(wanted))


main()
