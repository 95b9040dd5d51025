"""Which folder may include which: the arrows of CONTRIBUTING.md, read off the sources.

Run by `meson test`; the folder of the sources is the one above this file.
"""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAY_INCLUDE = {
    "sched": {"sched"},
    "io": {"io", "sched"},
    "compute": {"compute"},
    "pipeline": {"pipeline", "io", "sched", "compute"},
}
# Arithmetic knows no thread, no coroutine and no file; scheduling knows no file.
FORBIDDEN_SYSTEM = {
    "compute": {"thread", "mutex", "future", "coroutine", "fstream", "filesystem", "fcntl.h", "unistd.h", "pthread.h",
                "liburing.h"},
    "sched": {"fstream", "filesystem", "fcntl.h", "liburing.h"},
}


def includes(path):
    return re.findall(r'^\s*#\s*include\s*(["<])([^">]+)[">]', path.read_text(encoding="utf-8"), re.M)


def sources(folder):
    files = [p for p in (ROOT / folder).rglob("*") if p.suffix in (".cpp", ".hpp", ".h", ".S")]
    return sorted(files)


class Layers(unittest.TestCase):
    def test_every_folder_has_sources(self):
        for folder in MAY_INCLUDE:
            self.assertGreater(len(sources(folder)), 3, folder)

    def test_the_arrows_between_folders_hold(self):
        for folder, allowed in MAY_INCLUDE.items():
            for path in sources(folder):
                for kind, name in includes(path):
                    if kind != '"':
                        continue
                    with self.subTest(file=str(path.relative_to(ROOT)), include=name):
                        self.assertNotIn("..", name, "include from the root, as in \"io/files.hpp\"")
                        self.assertIn(name.split("/")[0], allowed)
                        self.assertTrue((ROOT / name).is_file() or not name.endswith(".hpp"), "there is no such file")

    def test_arithmetic_knows_no_thread_coroutine_or_file(self):
        for folder, forbidden in FORBIDDEN_SYSTEM.items():
            for path in sources(folder):
                for kind, name in includes(path):
                    with self.subTest(file=str(path.relative_to(ROOT)), include=name):
                        self.assertNotIn(name, forbidden)
                        if folder == "compute":
                            self.assertFalse(name.startswith("asio"), "compute/ knows no Asio")

    def test_no_coroutine_is_detached(self):
        for folder in MAY_INCLUDE:
            for path in sources(folder):
                with self.subTest(file=str(path.relative_to(ROOT))):
                    code = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
                    self.assertNotIn("detached", code)

    def test_every_header_is_guarded_and_says_what_it_is(self):
        for folder in MAY_INCLUDE:
            for path in sources(folder):
                if path.suffix != ".hpp" or path.name.endswith("-inl.hpp"):
                    continue
                with self.subTest(file=str(path.relative_to(ROOT))):
                    lines = path.read_text(encoding="utf-8").splitlines()
                    self.assertEqual(lines[0], "#pragma once")
                    self.assertTrue(lines[2].startswith("//"))


if __name__ == "__main__":
    unittest.main()
