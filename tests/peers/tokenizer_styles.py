"""Small tokenizer.json files in the styles of real models, and what Hugging Face's `tokenizers` makes of texts with them.

    tokenizer_styles.py make FOLDER          writes STYLE.json and STYLE.ids.jsonl there (tests/io/data/tokenizers)
    tokenizer_styles.py compare ICOSA [N]    encodes N random texts with each of them by both; says where they differ
    tokenizer_styles.py compare ICOSA N FILE.json...    the same with these files

Needs the package `tokenizers`. Special tokens in a text are text, unless said otherwise, and none is added.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = CL100K.replace("{1,3}", "")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def byte_level(use_regex):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def in_steps(*steps):
    return pre_tokenizers.Sequence(list(steps))


END = AddedToken("<|endoftext|>", special=True, normalized=False)
STYLES = {
    "gpt2": dict(split=byte_level(True), added=[END]),
    "llama3": dict(split=in_steps(split(CL100K), byte_level(False)), ignore_merges=True,
                   added=[AddedToken("<|begin_of_text|>", special=True, normalized=False),
                          AddedToken("<|end_of_text|>", special=True, normalized=False)],
                   template=True),
    "qwen2": dict(split=in_steps(split(QWEN2), byte_level(False)), normalizer=normalizers.NFC(),
                  added=[END, AddedToken("<tool>", special=False, normalized=False),
                         AddedToken("</tool>", special=False, normalized=False)]),
    "o200k": dict(split=in_steps(split(O200K, "removed", True), byte_level(False)), ignore_merges=True, added=[END]),
    "deepseek": dict(split=in_steps(split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK), byte_level(False)),
                     normalizer=normalizers.Sequence([]),
                     added=[AddedToken("<｜end▁of▁sentence｜>", special=True, normalized=False),
                            AddedToken("<think>", special=False, normalized=True),
                            AddedToken("<think", special=False, normalized=True)]),
    "starcoder": dict(split=in_steps(pre_tokenizers.Digits(individual_digits=True), byte_level(True)),
                      added=[END, AddedToken("<fim_prefix>", special=True, normalized=False)]),
    "falcon": dict(split=in_steps(pre_tokenizers.Punctuation("contiguous"),
                                  pre_tokenizers.Digits(individual_digits=False), split("[0-9][0-9][0-9]"),
                                  byte_level(True)),
                   added=[END]),
    "merged": dict(split=in_steps(split(r"\s+", "merged_with_next"), split(r"[aeiou]", "merged_with_previous"),
                                  split(r"x", "removed"), byte_level(False)),
                   normalizer=normalizers.NFC(),
                   added=[END, AddedToken("e\u0301t\u00e9", special=False, normalized=True),
                          AddedToken("   ", special=False, normalized=True)]),
}

WORDS = ["the", " quick", " brown", " fox's", " They'LL", " don't", " we\u2019re", "\u017f", "'\u017f", " I'M", " naïve",
         " cafe\u0301", "A\u030angstro\u0308m", "\u1e9b\u0323", "\u0958", "\u212b", "\u0344", " 한국어", "\u1112\u1161\u11ab",
         "각", "\u1100\u1161\u11a8", " русский", " العربية", "हिन्दी", "中文字符", "ひらがな", "カタカナ", "ไทย", " 12345", "7",
         "①", "٣٤", " 3.14", "\n", "\n\n", "\r\n", " ", "  ", "   ", "\t", "\u00a0", "\u0085", "\u2028", "\u3000", "!", "?!", "...",
         " ->", "//", " {", "}", "();", "#include <", "x", "xx", "_", "$", "+", "😀", "👩\u200d👩\u200d👧", "<|endoftext|>", "<|end",
         "<tool>", "</tool>", "<think>", "<think", "<th", "<|begin_of_text|>", "<|end_of_text|>", "<fim_prefix>",
         "<｜end▁of▁sentence｜>", "e\u0301te\u0301", "été", "é", "e", "\u0301", "\u0323\u0302", "\ufeff", "\x00", "\x7f", "ABC", "camelCase",
         "HTTPServer", "ǅ", "ª", "ʰ", "\u200d", "\ue000"]


def random_text(source):
    return "".join(source.choices(WORDS, k=source.choice([1, 2, 3, 5, 8, 20, 60])))


def make(style, of):
    """A tokenizer that has learnt a few hundred merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = of["split"]
    if "normalizer" in of:
        tokenizer.normalizer = of["normalizer"]
    tokenizer.decoder = decoders.ByteLevel()
    source = random.Random(style)
    texts = [random_text(source) for _ in range(2000)]
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=450, show_progress=False, special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens(of["added"])
    tokenizer.add_special_tokens([token for token in of["added"] if token.special])
    content = json.loads(tokenizer.to_str())
    if of.get("ignore_merges"):
        content["model"]["ignore_merges"] = True
        # A token that merges do not lead to: whole pre-tokens only.
        content["model"]["merges"] = [merge for i, merge in enumerate(content["model"]["merges"]) if i % 5 != 0]
    if of.get("template"):
        first = of["added"][0].content
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{first} $A", pair=f"{first} $A {first} $B", special_tokens=[(first, tokenizer.token_to_id(first))])
        content["post_processor"] = {"type": "Sequence", "processors": [
            {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
            json.loads(tokenizer.to_str())["post_processor"]]}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def ids_of(tokenizer, text, special):
    tokenizer.encode_special_tokens = not special
    return tokenizer.encode(text, add_special_tokens=False).ids


def made(folder):
    for style, of in STYLES.items():
        path = pathlib.Path(folder) / f"{style}.json"
        path.write_text(make(style, of) + "\n", encoding="utf-8")
        yield style, path


def write_fixtures(folder):
    for style, path in made(folder):
        tokenizer = Tokenizer.from_file(str(path))
        source = random.Random("texts of " + style)
        texts = WORDS + [random_text(source) for _ in range(60)]
        with open(pathlib.Path(folder) / f"{style}.ids.jsonl", "w", encoding="utf-8") as out:
            for text in texts:
                line = {"text": text, "ids": ids_of(tokenizer, text, False)}
                special = ids_of(tokenizer, text, True)
                if special != line["ids"]:
                    line["special"] = special
                out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def compare(icosa, count, paths):
    failed = 0
    for path in paths:
        tokenizer = Tokenizer.from_file(str(path))
        source = random.Random(str(count) + pathlib.Path(path).name)
        texts = [random_text(source) for _ in range(count)]
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
        for options in [[], ["--allow-special"]]:
            said = subprocess.run([icosa, "encode", "--tokenizer", str(path), "--jsonl", *options], input=lines,
                                  stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
            wrong = [(text, expected, json.loads(ids)) for text, ids in zip(texts, said)
                     if json.loads(ids) != (expected := ids_of(tokenizer, text, bool(options)))]
            if len(said) != len(texts):
                wrong.append(("", len(texts), len(said)))
            print(f"{pathlib.Path(path).name} {' '.join(options)}: {len(texts) - len(wrong)} of {len(texts)} texts agree")
            for text, expected, ids in wrong[:3]:
                print(f"  {text!r}\n    theirs {expected}\n    ours   {ids}")
            failed += len(wrong)
    return failed


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "make":
        write_fixtures(arguments[1])
    elif len(arguments) >= 2 and arguments[0] == "compare":
        count = int(arguments[2]) if len(arguments) > 2 else 2000
        if len(arguments) > 3:
            sys.exit(1 if compare(arguments[1], count, arguments[3:]) else 0)
        with tempfile.TemporaryDirectory() as folder:
            sys.exit(1 if compare(arguments[1], count, [path for _, path in made(folder)]) else 0)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
