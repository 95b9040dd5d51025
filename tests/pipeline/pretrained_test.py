"""Models of other trainers, in folders as Hugging Face has them: `generate`, `eval` and `inspect` use them as our own."""
import json
import math
import pathlib
import shutil
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.icosa import Case, icosa


def read_safetensors(path):
    """{name: (type, shape, bytes)}."""
    content = path.read_bytes()
    length, = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__", None)
    data = content[8 + length:]
    return {name: (tensor["dtype"], tensor["shape"], data[slice(*tensor["data_offsets"])])
            for name, tensor in header.items()}


def write_safetensors(path, tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (kind, shape, content) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def floats(content):
    return struct.unpack(f"<{len(content) // 4}f", content)


class Pretrained(Case):
    def setUp(self):
        super().setUp()
        self.corpus = self.write_corpus()
        self.train(self.corpus, steps=20, lr=0.01, val_fraction=0)
        self.run_folder = self.folder / "run"
        self.model = self.folder / "model"
        self.model.mkdir()
        for name in "config.json", "model.safetensors", "tokenizer.json":
            shutil.copy(self.run_folder / "checkpoints" / "step-00000020" / name, self.model)

    def evaluate(self, model):
        return json.loads(icosa("eval", model, self.corpus, "--json", "--quiet").stdout)

    def generate(self, model):
        return icosa("generate", model, "--prompt", "one two", "--max-tokens", 40, "--quiet", "--json").stdout

    def change(self, change):
        tensors = change(read_safetensors(self.model / "model.safetensors"))
        write_safetensors(self.model / "model.safetensors", tensors)

    def change_config(self, **values):
        path = self.model / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    def assert_as_the_run(self):
        self.assertEqual(self.evaluate(self.model)["loss"], self.evaluate(self.run_folder)["loss"])
        self.assertEqual(self.generate(self.model), self.generate(self.run_folder))

    def test_a_folder_is_used_as_a_run_is(self):
        self.assert_as_the_run()
        shown = icosa("inspect", self.model).stdout.decode()
        self.assertIn("transformer.h.0.attn.c_attn.weight", shown)
        digest = [line for line in shown.splitlines() if line.startswith("digest:")]
        self.assertIn(digest[0], icosa("inspect", self.run_folder).stdout.decode())

    def test_names_may_lack_their_prefix_and_others_are_left_alone(self):
        mask = {f"h.0.attn.{name}": ("U8", [1, 1, 4, 4], b"\0" * 16) for name in ("bias", "masked_bias")}
        self.change(lambda tensors: mask | {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()})
        self.assert_as_the_run()

    def test_the_model_may_lie_in_several_files(self):
        tensors = read_safetensors(self.model / "model.safetensors")
        names = list(tensors)
        index = {}
        for number, part in enumerate((names[:5], names[5:]), 1):
            file = f"model-0000{number}-of-00002.safetensors"
            write_safetensors(self.model / file, {name: tensors[name] for name in part})
            index |= {name: file for name in part}
        (self.model / "model.safetensors").unlink()
        (self.model / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
        self.assert_as_the_run()

    def test_half_precision_is_read_as_the_numbers_it_has(self):
        half = lambda content: struct.pack(f"<{len(content) // 4}e", *floats(content))
        whole = lambda content: struct.pack(f"<{len(content) // 2}f", *struct.unpack(f"<{len(content) // 2}e", content))
        self.change(lambda all: {name: ("F16", shape, half(content)) for name, (_, shape, content) in all.items()})
        found = self.evaluate(self.model)["loss"]
        self.change(lambda all: {name: ("F32", shape, whole(content)) for name, (_, shape, content) in all.items()})
        self.assertEqual(found, self.evaluate(self.model)["loss"])
        brain = lambda content: b"".join(content[at + 2:at + 4] for at in range(0, len(content), 4))
        self.change(lambda all: {name: ("BF16", shape, brain(content)) for name, (_, shape, content) in all.items()})
        self.assertTrue(math.isclose(found, self.evaluate(self.model)["loss"], rel_tol=0.02))

    def test_ids_that_no_token_stands_for_are_never_chosen(self):
        def with_rows(tensors):
            kind, (rows, channels), content = tensors["transformer.wte.weight"]
            row = floats(content[:4 * channels])
            wild = struct.pack(f"<{channels}f", *(100 * value for value in row))
            return tensors | {"transformer.wte.weight": (kind, [rows + 7, channels], content + 7 * wild)}

        self.change(with_rows)
        self.change_config(vocab_size=257 + 7)
        for sample in icosa("generate", self.model, "--max-tokens", 60, "--temperature", 5, "--top-p", 1, "--samples",
                            5, "--json", "--quiet").stdout.splitlines():
            self.assertLess(max(json.loads(sample)["tokens"], default=0), 257)
        self.assertGreater(self.evaluate(self.model)["loss"], 0)

    def assert_refused(self, *names):
        for arguments in ["generate", self.model, "--quiet"], ["eval", self.model, self.corpus, "--quiet"]:
            self.assert_one_line(icosa(*arguments, code=1).stderr, *names)

    def test_what_is_not_the_model_it_says_is_refused_in_one_line(self):
        whole = read_safetensors(self.model / "model.safetensors")
        config = (self.model / "config.json").read_text()
        lacking = dict(whole)
        lacking.pop("transformer.ln_f.bias")
        write_safetensors(self.model / "model.safetensors", lacking)
        self.assert_refused("model.safetensors", "transformer.ln_f.bias")
        kind, shape, content = whole["transformer.ln_f.bias"]
        write_safetensors(self.model / "model.safetensors", whole | {"transformer.ln_f.bias": (kind, [1, *shape], content)})
        self.assert_refused("model.safetensors", "transformer.ln_f.bias", "shape")
        (self.model / "model.safetensors").write_bytes(b"\xff" * 100)
        self.assert_refused("model.safetensors")
        write_safetensors(self.model / "model.safetensors", whole)
        for values, name in (dict(n_layer=9), "transformer.h."), (dict(vocab_size=256), "wte"), (dict(n_head=0), "n_head"):
            self.change_config(**values)
            self.assert_refused(name)
            (self.model / "config.json").write_text(config)
        (self.model / "config.json").write_text('{"model_type": "mamba"}')
        self.assert_refused("config.json", "model_type")
        (self.model / "config.json").write_text(config)
        (self.model / "tokenizer.json").unlink()
        self.assert_refused("model")

    def test_a_checkpoint_that_lost_its_state_is_not_gone_on_from(self):
        (self.run_folder / "checkpoints" / "step-00000020" / "state.json").unlink()
        icosa("train", self.corpus, "--out", self.run_folder, "--resume", "--steps", 20, "--quiet", "--tokenizer", "bytes",
              "--model", "seed", "--seq-len", 32, "--micro-batch", 1, "--seed", 7, "--lr", 0.01, "--val-fraction", 0)
        self.assert_as_the_run()


if __name__ == "__main__":
    unittest.main()
