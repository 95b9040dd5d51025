"""Makes tests/io/data/bpe_trainer.jsonl: what Hugging Face's BpeTrainer learns from small texts, for
tests/io/bpe_trainer_test.cpp.

    python3 -m venv VENV && VENV/bin/pip install tokenizers==0.23.3
    VENV/bin/python tests/peers/bpe_trainer_reference.py

Each line has one document's text, the settings, the vocabulary in order of ids and the merges in order of rank, as
tokenizer.json writes them. Texts in which a merge would be learned twice are left out: there the order in which Hugging
Face takes the two is a matter of chance.
"""
import json
import pathlib
import random

import tokenizers
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

END = "<|endoftext|>"
OUT = pathlib.Path(__file__).resolve().parent.parent / "io" / "data" / "bpe_trainer.jsonl"
SPEECH = pathlib.Path(__file__).resolve().parent.parent.parent / "datasets" / "sotu"


CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SPLITS = {"gpt2": None, "cl100k": CL100K, "qwen2": CL100K.replace("{1,3}", ""), "o200k": O200K}


def pre_tokenizer(pattern):
    if SPLITS[pattern] is None:
        return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLITS[pattern]), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def learned(text, vocab_size, min_frequency=0, max_token_length=None, special_tokens=(END,), pattern="gpt2"):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer(pattern)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=min_frequency, max_token_length=max_token_length, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=list(special_tokens))
    tokenizer.train_from_iterator([text], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = sorted(model["vocab"], key=model["vocab"].get)
    return {"text": text, "pattern": pattern, "vocab_size": vocab_size, "min_frequency": min_frequency,
            "max_token_length": max_token_length, "special": list(special_tokens), "vocab": vocabulary,
            "merges": model["merges"]}


def cases():
    speech = sorted(SPEECH.glob("*.txt"))[0].read_text(encoding="utf-8")
    yield speech, {"vocab_size": 700}
    yield speech, {"vocab_size": 100000, "min_frequency": 3}
    yield speech, {"vocab_size": 600, "special_tokens": ["[PAD]", END, "<s>", "né"]}
    yield speech[:4000], {"vocab_size": 900, "max_token_length": 5}
    for pattern in ("cl100k", "qwen2", "o200k"):
        yield speech[:6000] + " It's 20,000 or DON'T x1234567; fooBar(\"a\");\n\n  // end\n", {"vocab_size": 500, "pattern": pattern}
    yield "", {"vocab_size": 300}
    yield "a", {"vocab_size": 300}
    for seed in range(24):
        rng = random.Random(seed)
        letters = ["ab", "abc", "01", "-=", "éèé中文字", "aé 'st"][seed % 6]
        words = ["".join(rng.choices(letters, k=rng.randrange(1, 9))) for _ in range(60)]
        text = rng.choice([" ", "  ", "\n"]).join(words)
        yield text, {"vocab_size": 257 + rng.randrange(1, 80), "min_frequency": rng.choice([0, 0, 2])}


def main():
    with OUT.open("w", encoding="utf-8") as file:
        for text, settings in cases():
            found = learned(text, **settings)
            if all(learned(text, **settings) == found for _ in range(8)):
                file.write(json.dumps(found, ensure_ascii=False) + "\n")
            else:
                print(f"left out, a matter of chance: {text[:40]!r}")
    print(f"{OUT}: {OUT.stat().st_size} bytes, tokenizers {tokenizers.__version__}")


if __name__ == "__main__":
    main()
