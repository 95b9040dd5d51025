"""Each patch with which check.py breaks a law still fits the sources: it would otherwise be found stale long after."""
import pathlib
import subprocess
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Patches(unittest.TestCase):
    def test_every_law_can_be_broken(self):
        patches = sorted(HERE.glob("law*.patch"))
        self.assertGreater(len(patches), 5)
        for patch in patches:
            with self.subTest(patch.name):
                done = subprocess.run(["git", "apply", "--check", str(patch)], cwd=ROOT, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
