"""llama.cpp as a peer: it loads what `icosa export --format gguf` writes, and computes the same.

    python3 tests/peers/llama_cpp_peer.py        makes its environment in build/peers (needs PyPI the first time)

llama.cpp comes as xllamacpp, which brings it compiled; its own package `gguf` reads the files.
"""
import json
import pathlib
import sys
import unittest

import environment

environment.enter({"gguf": "gguf", "xllamacpp": "xllamacpp"})

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import gguf
import numpy
import xllamacpp
from support.icosa import CORPUS, Case, icosa

TEXT = "Fellow-Citizens of the Senate:\n\nIt's 1790, and the naïve résumé costs 3,141 — you'll  see.\n\n\n \tNew"
# llama.cpp looks GELU up in a table of f16, so that f32 is no closer than this.
LARGEST_DIFFERENCE = {"f32": 1e-3, "f16": 1e-2}
LIKELY = 100


class LlamaCpp(Case):
    def serve(self, file):
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(file)
        parameters.n_ctx = 256
        parameters.n_parallel = 1
        parameters.n_gpu_layers = 0
        parameters.warmup = False
        parameters.verbosity = -1
        return xllamacpp.Server(parameters)

    def theirs(self, server, prompt):
        """Tokens of the prompt, and {id: log-probability} of the likely ones after it."""
        done = server.handle_completions({"prompt": prompt, "n_predict": 1, "n_probs": LIKELY, "temperature": 0,
                                          "cache_prompt": False})
        likely = done["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        return done["usage"]["prompt_tokens"], {token["id"]: token["logprob"] for token in likely}

    def ours(self, model, prompt):
        line = json.loads(icosa("generate", model, "--prompt", prompt, "--max-tokens", 1, "--json", "--logprobs", 1 << 20,
                                "--quiet").stdout)
        return line["prompt_tokens"], dict(line["logprobs"][0])

    def export(self, model, kind):
        file = self.folder / f"{kind}.gguf"
        icosa("export", model, "--format", "gguf", "--type", kind, "--out", file, "--quiet")
        return file

    def assert_same_model(self, model):
        for kind, allowed in LARGEST_DIFFERENCE.items():
            server = self.serve(self.export(model, kind))
            largest = 0
            for length in 1, 6, 17, 40, 71, len(TEXT):
                theirs_count, theirs = self.theirs(server, TEXT[:length])
                ours_count, ours = self.ours(model, TEXT[:length])
                self.assertEqual(theirs_count, ours_count + 1)  # theirs counts the end of text before it
                self.assertEqual(len(theirs), LIKELY)
                largest = max(largest, *(abs(ours[number] - value) for number, value in theirs.items()))
            self.assertLess(largest, allowed)
            print(f"{self.id().split('.')[-1]}, {kind}: log-probabilities within {largest:.1e}")

    def trained(self, **options):
        self.train(CORPUS, steps=20, lr=0.01, val_fraction=0, **options)
        return self.folder / "run"

    def test_a_model_with_the_tokens_of_gpt2(self):
        self.assert_same_model(self.trained(tokenizer="gpt2", model="tiny", seq_len=128))

    def test_a_model_of_bytes(self):
        self.assert_same_model(self.trained(seq_len=256))

    def test_a_model_with_a_tokenizer_of_ours(self):
        tokenizer = self.folder / "tokenizer.json"
        icosa("tokenizer", "train", CORPUS, "--vocab-size", 600, "--out", tokenizer, "--quiet")
        self.assert_same_model(self.trained(tokenizer=tokenizer, seq_len=256))

    def test_their_reader_finds_names_and_numbers(self):
        run = self.trained(tokenizer="gpt2")
        for kind in LARGEST_DIFFERENCE:
            reader = gguf.GGUFReader(self.export(run, kind))
            known = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, 2)
            found = {tensor.name: tensor for tensor in reader.tensors}
            for name, shape, content in self.tensors(run / "checkpoints" / "step-00000020" / "model.safetensors"):
                tensor = found.pop(known.get_name(name, try_suffixes=(".weight", ".bias")))
                values = numpy.frombuffer(content, numpy.float32).reshape(shape)
                if len(shape) == 2 and ".h." in name:
                    values = values.T
                self.assertEqual(list(tensor.data.shape), list(values.shape))
                self.assertTrue(numpy.array_equal(tensor.data, values.astype(tensor.data.dtype)), name)
                self.assertEqual(tensor.data.dtype, numpy.float16 if kind == "f16" and len(shape) == 2 and
                                 "wpe" not in name else numpy.float32, name)
            self.assertEqual(found, {})

    def tensors(self, path):
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8:8 + length])
        header.pop("__metadata__", None)
        for name, tensor in header.items():
            begin, end = tensor["data_offsets"]
            yield name, tensor["shape"], content[8 + length + begin:8 + length + end]


if __name__ == "__main__":
    unittest.main()
