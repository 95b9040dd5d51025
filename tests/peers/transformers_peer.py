"""Hugging Face transformers as a peer: it loads our checkpoints, we load its folders, and both compute the same.

    python3 tests/peers/transformers_peer.py        makes its environment in build/peers (needs PyPI the first time)
"""
import json
import pathlib
import shutil
import sys
import unittest

import environment

environment.enter({"torch": "torch", "transformers": "transformers==4.46.3", "safetensors": "safetensors"})

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import torch
import transformers
from support.icosa import CORPUS, Case, digest_shown, icosa

LARGEST_DIFFERENCE = 1e-4
TEXT = "Fellow-Citizens of the Senate:\n\nIt's 1790, and the naïve résumé costs 3,141 — you'll see."


class Transformers(Case):
    def train_run(self, tokenizer, name="run", **options):
        options = dict(tokenizer=tokenizer, steps=20, lr=0.01, val_fraction=0, seq_len=64) | options
        self.train(CORPUS, name=name, **options)
        run = self.folder / name
        return run, run / "checkpoints" / "step-00000020"

    def logprobs(self, model, prompt):
        """Ours of all tokens after `prompt`, in the order of their ids."""
        line = json.loads(icosa("generate", model, "--prompt", prompt, "--max-tokens", 1, "--json", "--logprobs", 1 << 20,
                                "--quiet").stdout)
        found = dict(line["logprobs"][0])
        return torch.tensor([found[number] for number in range(len(found))], dtype=torch.float64)

    def loss(self, model, path, **options):
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        return json.loads(icosa("eval", model, path, "--json", "--quiet", *words).stdout)

    def ids_of(self, model, text):
        prompts = json.loads(icosa("encode", "--tokenizer", model / "tokenizer.json", "--jsonl",
                                   input=json.dumps({"text": text}).encode()).stdout)
        return prompts

    def assert_same_model(self, ours, theirs, tokenizer):
        """Tokens, log-probabilities after each of some prompts, and the loss of a document."""
        end = tokenizer.convert_tokens_to_ids("<|endoftext|>")
        ids = tokenizer.encode(TEXT, add_special_tokens=False)
        self.assertEqual(self.ids_of(ours, TEXT), ids)
        with torch.no_grad():
            logits = theirs(torch.tensor([[end] + ids])).logits[0].double()
        largest = 0
        for count in 0, 1, 7, 23, len(ids):
            prompt = tokenizer.decode(ids[:count], clean_up_tokenization_spaces=False)
            if tokenizer.encode(prompt, add_special_tokens=False) != ids[:count]:
                continue  # the prompt ends within a character
            found = self.logprobs(ours, prompt)
            expected = torch.log_softmax(logits[count][:len(found)], 0)
            largest = max(largest, float((found - expected).abs().max()))
        self.assertLess(largest, LARGEST_DIFFERENCE)
        file = self.folder / "document.txt"
        file.write_text(TEXT, encoding="utf-8")
        evaluated = self.loss(ours, file)
        expected = torch.nn.functional.cross_entropy(logits, torch.tensor(ids + [end]))
        self.assertEqual(evaluated["tokens"], len(ids) + 1)
        self.assertLess(abs(evaluated["loss"] - float(expected)), LARGEST_DIFFERENCE)
        print(f"{self.id().split('.')[-1]}: log-probabilities within {largest:.1e}, loss {evaluated['loss']:.6f} "
              f"within {abs(evaluated['loss'] - float(expected)):.1e}")

    def load(self, folder, **options):
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, **options).eval()
        return model, transformers.AutoTokenizer.from_pretrained(folder)

    def save(self, model, tokenizer_from, name="theirs", **options):
        folder = self.folder / name
        model.save_pretrained(folder, **options)
        for file in "tokenizer.json", "tokenizer_config.json":
            shutil.copy(tokenizer_from / file, folder)
        return folder

    def test_it_loads_our_checkpoint(self):
        _, checkpoint = self.train_run("gpt2", model="tiny")
        self.assert_same_model(checkpoint, *self.load(checkpoint))

    def test_it_loads_our_checkpoint_of_bytes(self):
        _, checkpoint = self.train_run("bytes", seq_len=128)
        self.assert_same_model(checkpoint, *self.load(checkpoint))

    def test_its_generation_config_is_ours(self):
        _, checkpoint = self.train_run("bytes")
        config = transformers.GenerationConfig.from_pretrained(checkpoint)
        self.assertEqual((config.bos_token_id, config.eos_token_id), (256, 256))

    def test_what_it_saves_is_what_we_saved_bit_for_bit(self):
        run, checkpoint = self.train_run("gpt2", model="tiny")
        model, _ = self.load(checkpoint)
        for name, options in ("whole", {}), ("shards", dict(max_shard_size="1MB")):
            folder = self.save(model, checkpoint, name=name, **options)
            self.assertEqual(digest_shown(folder), digest_shown(run))
            file = self.folder / "some.txt"
            file.write_bytes((CORPUS / sorted(path.name for path in CORPUS.iterdir())[0]).read_bytes()[:20000])
            self.assertEqual(self.loss(folder, file)["loss"], self.loss(run, file)["loss"])

    def test_we_load_a_model_that_it_made(self):
        _, checkpoint = self.train_run("gpt2", model="tiny")
        torch.manual_seed(3)
        config = transformers.GPT2Config(vocab_size=50300, n_positions=96, n_embd=48, n_layer=3, n_head=4)
        model = transformers.GPT2LMHeadModel(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.1 * torch.randn_like(parameter)
        _, tokenizer = self.load(checkpoint)
        for dtype in torch.float32, torch.float16, torch.bfloat16:
            with self.subTest(dtype=dtype):
                folder = self.save(model.to(dtype), checkpoint, name=str(dtype))
                self.assert_same_model(folder, self.load(folder)[0].float(), tokenizer)


if __name__ == "__main__":
    print(f"torch {torch.__version__}, transformers {transformers.__version__}")
    unittest.main()
