"""Models of Llama's family and models that a config.json asks for: trained, resumed, evaluated and used as GPT-2's are;
runs that begin with another trainer's weights."""
import json
import pathlib
import shutil
import statistics
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from support.icosa import Case, digest_shown, flags, icosa
from pretrained_test import floats, read_safetensors, write_safetensors

QWEN3 = {"model_type": "qwen3", "vocab_size": 260, "max_position_embeddings": 48, "hidden_size": 24, "head_dim": 10,
         "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 1e6, "rope_scaling": None, "attention_bias": False,
         "tie_word_embeddings": True}
UNMOVED = dict(steps=1, lr=1e-30, val_fraction=0)  # a step that leaves every weight of usual size where it is


class Family(Case):
    def setUp(self):
        super().setUp()
        self.corpus = self.write_corpus()

    def checkpoint(self, name, steps):
        return self.folder / name / "checkpoints" / f"step-{steps:08}"

    def write_config(self, **changes):
        path = self.folder / "config.json"
        path.write_text(json.dumps(QWEN3 | changes))
        return path

    def evaluate(self, model):
        return json.loads(icosa("eval", model, self.corpus, "--json", "--quiet").stdout)


class Llama(Family):
    def test_the_same_bits_resumed_and_on_other_cores(self):
        for model in "llama-seed", self.write_config():
            options = dict(model=model, val_fraction=0, schedule="constant", warmup=2)
            with self.subTest(model=str(model)):
                name = pathlib.Path(model).stem
                self.train(self.corpus, name=name + "-one", steps=6, cores=1, **options)
                self.train(self.corpus, name=name + "-two", steps=6, cores=2, **options)
                self.train(self.corpus, name=name + "-again", steps=3, **options)
                self.train(self.corpus, name=name + "-again", steps=6, resume=True, **options)
                digests = {part: digest_shown(self.folder / f"{name}-{part}") for part in ("one", "two", "again")}
                self.assertEqual(len(set(digests.values())), 1, digests)

    def test_a_checkpoint_is_what_hugging_face_reads(self):
        self.train(self.corpus, model="llama-seed", steps=1, val_fraction=0)
        folder = self.checkpoint("run", 1)
        config = json.loads((folder / "config.json").read_text())
        self.assertEqual((config["model_type"], config["architectures"]), ("llama", ["LlamaForCausalLM"]))
        self.assertEqual((config["hidden_size"], config["num_attention_heads"], config["num_key_value_heads"],
                          config["intermediate_size"], config["max_position_embeddings"], config["vocab_size"]),
                         (64, 4, 2, 176, 32, 257))
        shapes = {name: shape for name, (_, shape, _) in read_safetensors(folder / "model.safetensors").items()}
        first = {name.removeprefix("model.layers.0."): shape for name, shape in shapes.items() if ".0." in name}
        self.assertEqual(first, {
            "input_layernorm.weight": [64], "post_attention_layernorm.weight": [64],
            "self_attn.q_proj.weight": [64, 64], "self_attn.k_proj.weight": [32, 64],
            "self_attn.v_proj.weight": [32, 64], "self_attn.o_proj.weight": [64, 64],
            "mlp.gate_proj.weight": [176, 64], "mlp.up_proj.weight": [176, 64], "mlp.down_proj.weight": [64, 176]})
        self.assertEqual({name for name in shapes if "layers" not in name}, {"model.embed_tokens.weight", "model.norm.weight"})
        self.assertIn("eos_token_id", json.loads((folder / "generation_config.json").read_text()))

    def test_it_learns_generates_and_is_evaluated(self):
        self.train(self.corpus, model="llama-seed", steps=40, lr=0.01, val_fraction=0)
        run = self.folder / "run"
        self.assertLess(self.evaluate(run)["loss"], 3)
        text = icosa("generate", run, "--prompt", "one two", "--max-tokens", 20, "--temperature", 0, "--quiet").stdout
        self.assertEqual(text, icosa("generate", run, "--prompt", "one two", "--max-tokens", 20, "--temperature", 0,
                                     "--quiet").stdout)
        self.assertGreater(len(text.strip()), 10)

    def test_presets_are_listed_with_what_they_train(self):
        rows = icosa("models", "--vocab-size", 257).stdout.decode().splitlines()[1:]
        listed = {row.split()[0]: int(row.split()[1].replace(",", "")) for row in rows}
        for model in "seed", "llama-seed":
            summary = self.train(self.corpus, model=model, name=model, steps=1, val_fraction=0)
            self.assertEqual(listed[model], summary["parameters"])

    def test_a_config_decides_sizes_and_positions(self):
        self.train(self.corpus, model=self.write_config(), steps=1, val_fraction=0, tokenizer="bytes")
        config = json.loads((self.checkpoint("run", 1) / "config.json").read_text())
        for key in "model_type", "vocab_size", "max_position_embeddings", "head_dim", "num_key_value_heads":
            self.assertEqual(config[key], QWEN3[key], key)
        self.assertGreater(self.evaluate(self.folder / "run")["loss"], 1)  # rows that no id stands for do no harm

    def test_initial_weights_have_the_deviation_of_the_config(self):
        for deviation in 0.02, 0.1:
            name = f"d{deviation}"
            self.train(self.corpus, model=self.write_config(initializer_range=deviation), name=name, **UNMOVED)
            tensors = read_safetensors(self.checkpoint(name, 1) / "model.safetensors")
            found = statistics.pstdev(floats(tensors["model.embed_tokens.weight"][2]))
            self.assertAlmostEqual(found / deviation, 1, delta=0.05)

    def test_dropout_of_a_config_is_said_not_to_be_taken(self):
        model = self.write_config(attention_dropout=0.1)
        for dropout, said in (0, 1), (0.1, 0):
            done = icosa("train", self.corpus, "--out", self.folder / f"run{dropout}", "--tokenizer", "bytes", "--model",
                         model, "--dropout", dropout, *flags(UNMOVED))
            lines = [line for line in done.stderr.decode().splitlines() if "attention_dropout 0.1" in line]
            self.assertEqual(len(lines), said, done.stderr.decode())
            self.assertTrue(all("--dropout" in line and "config.json" in line for line in lines), lines)

    def test_a_config_that_does_not_fit_is_refused(self):
        for changes, options, code, names in (
                ({"vocab_size": 200}, {}, 2, ["--tokenizer", "257", "200"]),
                ({}, {"seq_len": 49}, 2, ["--seq-len", "49", "48"]),
                ({"use_sliding_window": True, "sliding_window": 8}, {}, 1, ["config.json", "sliding_window"])):
            with self.subTest(changes=changes, options=options):
                self.train(self.corpus, model=self.write_config(**changes), code=code, name="refused", **options)
                self.assert_one_line(self.stderr.encode(), *names)
                self.assertFalse((self.folder / "refused").exists())


class FirstWeights(Family):
    """Runs that begin with weights there are."""

    def setUp(self):
        super().setUp()
        self.train(self.corpus, model=self.write_config(), name="first", steps=10, lr=0.01, val_fraction=0)
        self.model = self.folder / "model"
        self.model.mkdir()
        for name in "config.json", "model.safetensors", "tokenizer.json":
            shutil.copy(self.checkpoint("first", 10) / name, self.model)

    def test_of_a_folder_a_checkpoint_and_a_run(self):
        digest = digest_shown(self.folder / "first")
        for model in self.model, self.checkpoint("first", 10), self.folder / "first":
            with self.subTest(model=str(model)):
                shutil.rmtree(self.folder / "next", ignore_errors=True)
                self.train(self.corpus, model=model, name="next", **UNMOVED)
                self.assertEqual(digest_shown(self.folder / "next"), digest)

    def test_the_folder_has_the_tokenizer_too(self):
        icosa("train", self.corpus, "--out", self.folder / "next", "--model", self.model, "--quiet", *flags(UNMOVED))
        self.assertEqual((self.checkpoint("next", 1) / "tokenizer.json").read_bytes(),
                         (self.model / "tokenizer.json").read_bytes())

    def test_of_sixteen_bits(self):
        tensors = read_safetensors(self.model / "model.safetensors")
        half = {name: ("BF16", shape, b"".join(content[i + 2:i + 4] for i in range(0, len(content), 4)))
                for name, (_, shape, content) in tensors.items()}
        write_safetensors(self.model / "model.safetensors", half)
        self.train(self.corpus, model=self.model, name="next", **UNMOVED)
        theirs, ours = self.evaluate(self.model), self.evaluate(self.folder / "next")
        self.assertEqual(theirs["loss"], ours["loss"])

    def test_of_half_precision_in_several_files(self):
        tensors = read_safetensors(self.model / "model.safetensors")
        half = {name: ("F16", shape, struct.pack(f"<{len(content) // 4}e", *floats(content)))
                for name, (_, shape, content) in tensors.items()}
        names, index = list(half), {}
        for number, part in enumerate((names[::2], names[1::2]), 1):
            file = f"model-0000{number}-of-00002.safetensors"
            write_safetensors(self.model / file, {name: half[name] for name in part})
            index |= {name: file for name in part}
        (self.model / "model.safetensors").unlink()
        (self.model / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
        self.train(self.corpus, model=self.model, name="next", **UNMOVED)
        ours = read_safetensors(self.checkpoint("next", 1) / "model.safetensors")
        self.assertEqual(set(ours), set(half))
        for name, (_, shape, content) in half.items():
            numbers = struct.unpack(f"<{len(content) // 2}e", content)
            self.assertEqual(ours[name], ("F32", shape, struct.pack(f"<{len(numbers)}f", *numbers)), name)

    def test_going_on_keeps_what_was_learnt_and_resumes(self):
        options = dict(model=self.model, lr=1e-3, val_fraction=0, schedule="constant", warmup=0)
        self.train(self.corpus, name="whole", steps=6, **options)
        self.train(self.corpus, name="parts", steps=3, **options)
        self.train(self.corpus, name="parts", steps=6, resume=True, **options)
        self.assertEqual(digest_shown(self.folder / "whole"), digest_shown(self.folder / "parts"))
        self.assertLess(self.evaluate(self.folder / "whole")["loss"], self.evaluate(self.folder / "first")["loss"])

    def test_a_folder_without_weights_is_not_random(self):
        (self.model / "model.safetensors").unlink()
        self.train(self.corpus, model=self.model, name="next", code=2, **UNMOVED)
        self.assert_one_line(self.stderr.encode(), "model.safetensors")


if __name__ == "__main__":
    unittest.main()
