"""`icosa export`: a file that llama.cpp would load (tests/peers/llama_cpp_peer.py has it do so), or one line that says why not."""
import pathlib
import resource
import shutil
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.icosa import Case, icosa

FORMATS = {4: "<I", 5: "<i", 6: "<f", 7: "<?"}


class Gguf:
    """A file taken apart."""

    def __init__(self, path):
        self.content, self.at = path.read_bytes(), 0
        assert self.take("<4sI") == (b"GGUF", 3)
        tensors_count, entries_count = self.take("<QQ")
        self.entries = {}
        for _ in range(entries_count):
            name = self.text()
            self.entries[name] = self.value(*self.take("<I"))
        self.tensors = {}
        for _ in range(tensors_count):
            name = self.text()
            rank, = self.take("<I")
            shape = self.take(f"<{rank}Q")[::-1]
            self.tensors[name] = (shape, *self.take("<IQ"))
        self.data = (self.at + 31) // 32 * 32

    def take(self, form):
        found = struct.unpack_from(form, self.content, self.at)
        self.at += struct.calcsize(form)
        return found

    def text(self):
        length, = self.take("<Q")
        return self.take(f"<{length}s")[0].decode()

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            of, count = self.take("<IQ")
            return [self.value(of) for _ in range(count)]
        return self.take(FORMATS[kind])[0]

    def numbers(self, name):
        shape, kind, offset = self.tensors[name]
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        return struct.unpack_from(f"<{count}{'fe'[kind]}", self.content, self.data + offset)


class Export(Case):
    def setUp(self):
        super().setUp()
        self.corpus = self.write_corpus()
        self.train(self.corpus, steps=2, val_fraction=0)
        self.out = self.folder / "model.gguf"

    def export(self, *options, code=0, out=None, **more):
        return icosa("export", self.folder / "run", "--format", "gguf", "--out", out or self.out, "--quiet", *options,
                     code=code, **more)

    def test_sizes_tokens_and_tensors_are_there(self):
        self.export()
        found = Gguf(self.out)
        for name, value in {"general.architecture": "gpt2", "gpt2.context_length": 32, "tokenizer.ggml.model": "gpt2",
                            "tokenizer.ggml.pre": "gpt-2", "tokenizer.ggml.eos_token_id": 256}.items():
            self.assertEqual(found.entries[name], value)
        tokens = found.entries["tokenizer.ggml.tokens"]
        self.assertEqual((tokens[ord("a")], tokens[ord(" ")], tokens[256]), ("a", "Ġ", "<|endoftext|>"))
        self.assertEqual(found.entries["tokenizer.ggml.token_type"], [1] * 256 + [3])
        layers, channels = found.entries["gpt2.block_count"], found.entries["gpt2.embedding_length"]
        self.assertEqual(len(found.tensors), 4 + 12 * layers)
        self.assertEqual(found.tensors["blk.0.attn_qkv.weight"][0], (3 * channels, channels))
        self.assertEqual(found.tensors["blk.0.ffn_down.weight"][0], (channels, 4 * channels))

    def test_halves_are_the_nearest_of_the_floats(self):
        self.export()
        whole = Gguf(self.out)
        self.export("--type", "f16")
        half = Gguf(self.out)
        self.assertEqual({name for name, tensor in half.tensors.items() if tensor[1] == 1},
                         {name for name, tensor in whole.tensors.items() if len(tensor[0]) == 2} - {"position_embd.weight"})
        for name in whole.tensors:
            numbers = whole.numbers(name)
            if half.tensors[name][1] == 1:
                numbers = struct.unpack(f"<{len(numbers)}e", struct.pack(f"<{len(numbers)}e", *numbers))
            self.assertEqual(half.numbers(name), numbers, name)

    def test_a_file_is_replaced_when_the_new_one_is_whole(self):
        self.export("--type", "f16")
        before = self.out.read_bytes()
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
        self.assert_one_line(self.export(code=1, preexec_fn=limit).stderr, "model.gguf")
        self.assertEqual(self.out.read_bytes(), before)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir() if "gguf" in path.name), ["model.gguf"])
        self.export()
        self.assertGreater(self.out.stat().st_size, len(before))

    def test_what_cannot_be_is_refused_in_one_line(self):
        self.assert_one_line(self.export(code=1, out=self.folder / "none" / "x.gguf").stderr, "none")
        self.assert_one_line(self.export("--type", "q4", code=2).stderr, "--type", "f16")
        self.assert_one_line(self.export("--format", "onnx", code=2).stderr, "--format")
        self.assert_one_line(icosa("export", self.corpus, "--format", "gguf", "--out", self.out, code=1).stderr, "corpus")
        shutil.rmtree(self.folder / "run")
        self.assert_one_line(self.export(code=1).stderr, "run")


if __name__ == "__main__":
    unittest.main()
