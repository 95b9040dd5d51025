"""How many tests ran, passed and failed in a run of `meson test`: reads its testlog.json.

    count.py BUILD/meson-logs/testlog.json

A test program of Boost.Test or of Python's unittest counts with all its cases; one that ended without its report, or
failed after it, counts as one failure more. What failed is named again, as a log's end need not show it. Exits 1 where
something failed or nothing ran.
"""
import json
import pathlib
import re
import sys


def cases(program):
    """(passed, failed, skipped) cases of one test program."""
    text = program.get("stdout", "") + program.get("stderr", "")
    boost = [(int(n), int(total)) for n, total in re.findall(r"(\d+) test cases? out of (\d+) passed", text)]
    if boost:
        passed, total = sum(n for n, _ in boost), sum(total for _, total in boost)
        skipped = sum(int(n) for n in re.findall(r"(\d+) test cases? out of \d+ skipped", text))
        return passed, total - passed - skipped, skipped
    ran = re.search(r"^Ran (\d+) tests? in", text, re.M)
    if not ran:
        return 0, 0, 0
    counted = {word: int(n) for word, n in re.findall(r"(failures|errors|skipped)=(\d+)", text)}
    failed, skipped = counted.get("failures", 0) + counted.get("errors", 0), counted.get("skipped", 0)
    return int(ran.group(1)) - failed - skipped, failed, skipped


# What Boost.Test, unittest and the sanitizers begin a failure's line with.
FAILURE = re.compile(
    r"^(?:FAIL|ERROR): .*$|^.*(?:: (?:fatal )?error: in |(?:ERROR|WARNING): \w+Sanitizer|: runtime error: ).*$", re.M)
FAILURES_MAX = 20


def failures(program):
    """The lines of one test program's report that name its failures."""
    return FAILURE.findall(program.get("stdout", "") + "\n" + program.get("stderr", ""))


passed = failed = skipped = 0
for line in pathlib.Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace").splitlines():
    program = json.loads(line)
    good, bad, left_out = cases(program)
    if program["result"] not in ("OK", "SKIP") and bad == 0:
        print(f"{program['name']}: {program['result']} without a failed case in its report")
        bad = 1
    if bad > 0:
        for failure in failures(program)[:FAILURES_MAX]:
            print(f"{program['name']}: {failure}")
    if good + bad + left_out == 0:
        print(f"{program['name']}: ran no test")
        bad = 1
    passed, failed, skipped = passed + good, failed + bad, skipped + left_out
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(1 if failed or not passed else 0)
