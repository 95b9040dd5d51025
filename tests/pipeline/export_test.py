"""`icosa export`: a file that llama.cpp would load (tests/peers/llama_cpp_peer.py has it do so), or one line that says why not."""
import json
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

    def test_a_llama_has_its_own_names_and_pairs(self):
        shutil.rmtree(self.folder / "run")
        self.train(self.corpus, steps=1, val_fraction=0, model="llama-seed")
        self.export()
        found = Gguf(self.out)
        entries = {name.removeprefix("llama."): value for name, value in found.entries.items()}
        heads, shared = entries["attention.head_count"], entries["attention.head_count_kv"]
        channels, head = entries["embedding_length"], entries["attention.key_length"]
        self.assertEqual(found.entries["general.architecture"], "llama")
        self.assertEqual(entries["rope.freq_base"], 10000)
        self.assertEqual(found.tensors["blk.0.attn_q.weight"][0], (heads * head, channels))
        self.assertEqual(found.tensors["blk.1.attn_k.weight"][0], (shared * head, channels))
        self.assertEqual(found.tensors["blk.1.ffn_gate.weight"][0], (entries["feed_forward_length"], channels))
        # Rows i and i + head/2 of the model stand side by side.
        content = (self.folder / "run" / "checkpoints" / "step-00000001" / "model.safetensors").read_bytes()
        length, = struct.unpack("<Q", content[:8])
        begin, _ = json.loads(content[8:8 + length])["model.layers.0.self_attn.q_proj.weight"]["data_offsets"]
        numbers = struct.unpack_from(f"<{heads * head * channels}f", content, 8 + length + begin)
        row = lambda of, number: of[number * channels:(number + 1) * channels]
        found_rows = found.numbers("blk.0.attn_q.weight")
        for number in range(heads * head):
            first, inside = number // head * head, number % head
            self.assertEqual(row(found_rows, number), row(numbers, first + inside // 2 + inside % 2 * head // 2))

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

    def test_rows_that_no_token_stands_for_have_names_that_are_not_used(self):
        checkpoint = self.folder / "run" / "checkpoints" / "step-00000002"
        (checkpoint / "state.json").unlink()  # so that it is a model of anybody
        config = json.loads((checkpoint / "config.json").read_text())
        content = (checkpoint / "model.safetensors").read_bytes()
        length, = struct.unpack("<Q", content[:8])
        header, data = json.loads(content[8:8 + length]), content[8 + length:]
        embedding = header.pop("transformer.wte.weight")
        begin, end = embedding["data_offsets"]
        rest = data[:begin] + data[end:]
        for tensor in header.values():
            if "data_offsets" in tensor and tensor["data_offsets"][0] >= end:
                tensor["data_offsets"] = [offset - (end - begin) for offset in tensor["data_offsets"]]
        rows = data[begin:end] + b"\0" * (3 * config["n_embd"] * 4)
        header["transformer.wte.weight"] = {"dtype": "F32", "shape": [260, config["n_embd"]],
                                            "data_offsets": [len(rest), len(rest) + len(rows)]}
        text = json.dumps(header).encode()
        (checkpoint / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + rest + rows)
        (checkpoint / "config.json").write_text(json.dumps(config | {"vocab_size": 260}))
        icosa("export", checkpoint, "--format", "gguf", "--out", self.out, "--quiet")
        found = Gguf(self.out)
        self.assertEqual(found.tensors["token_embd.weight"][0], (260, config["n_embd"]))
        self.assertEqual(found.entries["tokenizer.ggml.tokens"][256:], ["<|endoftext|>", "[PAD257]", "[PAD258]", "[PAD259]"])
        self.assertEqual(found.entries["tokenizer.ggml.token_type"][255:], [1, 3, 5, 5, 5])

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
