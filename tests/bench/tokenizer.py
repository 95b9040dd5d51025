"""`./dev bench tokenizer`: how fast text becomes ids, beside tiktoken, Hugging Face's tokenizers and gigatoken where these
are installed (`--peers install` makes an environment with them). Every answer is checked before anything is timed: ours
are the ids of tiktoken, or of tokenizers where the file is a tokenizer.json, over the whole text. Figures are medians of
processor time per core, in turn, so that the machine's moods meet all alike.

    tokenizer.py BUILD [TOKENIZER...] [--text FILE] [--rounds 5] [--peers found|install|none]

TOKENIZER: *.tiktoken or tokenizer.json (default: GPT-2's ranks in datasets/). Without --text two texts are made: English
and source code that this machine has, and words of eight scripts.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from array import array

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "peers"))
PEERS = {"tiktoken": "tiktoken", "tokenizers": "tokenizers", "gigatoken": "gigatoken"}
SOURCES = {".py", ".h", ".hpp", ".c", ".cpp", ".pm", ".pl", ".js", ".rs", ".md", ".sh"}
SLOW_BYTES = 4_000_000  # what the slower ones are timed with
# The published patterns, by the number of ranks.
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
PATTERNS = {50256: (GPT2, "r50k"), 50257: (GPT2, "r50k"), 100256: (CL100K, "cl100k"), 199998: (O200K, "o200k")}
ALPHABETS = [(0x430, 32), (0x3B1, 24), (0x627, 36), (0x5D0, 27), (0x915, 37), (0x3042, 80), (0x4E00, 3000), (0xAC00, 2000)]


# --- the texts

def english_and_code(path, bytes_wanted=24_000_000):
    """Half addresses, half sources; sources begin again where the machine has few."""
    english = b"".join(file.read_bytes() for file in sorted((ROOT / "datasets/sotu").iterdir()))
    code, code_bytes = [], 0
    for folder in (ROOT, pathlib.Path("/usr/include"), pathlib.Path("/usr/lib/python3"), pathlib.Path("/usr/share")):
        for file in sorted(folder.rglob("*")):
            if file.suffix not in SOURCES or file.is_symlink() or not file.is_file() or "build" in file.parts:
                continue
            code.append(file.read_bytes().decode(errors="ignore").encode())
            code_bytes += len(code[-1])
            if code_bytes > bytes_wanted // 2:
                break
    parts, step = [], 200_000
    code = b"".join(code)
    for at in range(0, bytes_wanted // 2, step):
        parts += [english[at % len(english):][:step], code[at % len(code):][:step]]
    path.write_bytes(b"".join(parts).decode(errors="ignore").encode())


def scripts(path, words_count=1_500_000):
    """Words of eight scripts, a thousand of each, as often as words are: the n-th one in n."""
    chance = random.Random(1)
    texts = []
    for first, letters_count in ALPHABETS:
        words = ["".join(chr(first + min(int(chance.expovariate(6 / letters_count)), letters_count - 1))
                         for _ in range(chance.randint(1, 2 if letters_count > 100 else 9))) for _ in range(20_000)]
        weights = [1 / (n + 1) for n in range(len(words))]
        drawn = chance.choices(words, weights, k=words_count // len(ALPHABETS))
        texts += [" ".join(drawn[at:at + 4000]) + ".\n" for at in range(0, len(drawn), 4000)]
    chance.shuffle(texts)
    path.write_text("".join(texts), encoding="utf-8")


# --- the peers: `python tokenizer.py --peer NAME TOKENIZER TEXT BYTES SECONDS`, a process of its own

def ranks_of(path):
    import base64
    with open(path, "rb") as file:
        return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in file if line.strip())}


def encoder_of(name, path):
    if name == "gigatoken":
        import gigatoken
        if path.endswith(".tiktoken"):  # it goes by the file's name
            with tempfile.TemporaryDirectory() as folder:
                named = pathlib.Path(folder) / f"{PATTERNS[len(ranks_of(path))][1]}_base.tiktoken"
                named.symlink_to(pathlib.Path(path).absolute())
                own = gigatoken.Tokenizer.from_tiktoken(str(named))
        else:
            own = gigatoken.Tokenizer(path)
        return lambda data, text: own.encode_batch([data], parallel=False)[0]
    if name == "tiktoken":
        import tiktoken
        ranks = ranks_of(path)
        own = tiktoken.Encoding("own", pat_str=PATTERNS[len(ranks)][0], mergeable_ranks=ranks, special_tokens={})
        return lambda data, text: own.encode_ordinary(text)
    from tokenizers import Tokenizer
    own = Tokenizer.from_file(path)
    own.encode_special_tokens = True
    return lambda data, text: own.encode(text, add_special_tokens=False).ids


def ids_hash(ids):
    import hashlib
    return hashlib.sha256(array("i", list(ids)).tobytes()).hexdigest()


def peer(name, path, text_path, bytes_max, seconds):
    encode = encoder_of(name, path)
    data = pathlib.Path(text_path).read_bytes()[:int(bytes_max)].decode(errors="ignore").encode()
    text = data.decode()
    answer = {"bytes": len(data), "hash": ids_hash(encode(data, text))}
    rates, began = [], time.monotonic()
    while len(rates) < (1 if name != "gigatoken" else 3) or time.monotonic() - began < float(seconds):
        before = time.thread_time()
        encode(data, text)
        rates.append(len(data) * 1e-6 / (time.thread_time() - before))
    answer["mb_per_second"] = statistics.median(rates)
    print(json.dumps(answer))


def can_take(name, path):
    if importlib.util.find_spec(name) is None:
        return False
    return name == "gigatoken" or (name == "tiktoken") == path.endswith(".tiktoken")


# --- the measuring

class Bench:
    def __init__(self, build, rounds):
        self.program = build / "tests/bench/tokenizer_bench"
        self.icosa = build / "icosa"
        self.rounds = rounds

    def ours(self, tokenizer, text, threads=1, seconds=1):
        words = [self.program, tokenizer, text, str(threads), str(seconds)]
        return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)

    def theirs(self, name, tokenizer, text, seconds=1, bytes_max=None):
        size = bytes_max or (1 << 40 if name == "gigatoken" else SLOW_BYTES)
        words = [sys.executable, __file__, "--peer", name, tokenizer, text, str(size), str(seconds)]
        done = subprocess.run(words, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"tokenizer.py: {name} with {tokenizer}: " + done.stderr.decode().strip().splitlines()[-1])
        return json.loads(done.stdout)

    def our_hash(self, tokenizer, text):
        words = [self.icosa, "encode", "--tokenizer", tokenizer]
        with open(text, "rb") as file:
            return ids_hash(map(int, subprocess.run(words, stdin=file, check=True, capture_output=True).stdout.split()))

    def check(self, tokenizer, text, peers):
        """Exits where ours differ from the one that made the format; says where a faster one differs."""
        ours = self.our_hash(tokenizer, text)
        for name in peers:
            if self.theirs(name, tokenizer, text, 0, 1 << 40)["hash"] == ours:
                print(f"  the same ids as {name}")
            elif name == "gigatoken":
                print("  other ids than gigatoken: ours are those of the other peers named here")
            else:
                sys.exit(f"tokenizer.py: {tokenizer}: other ids than {name} on {text}")

    def table(self, tokenizer, text, peers):
        rates = {name: [] for name in ("icosa", *peers)}
        for _ in range(self.rounds):
            rates["icosa"].append(self.ours(tokenizer, text)["mb_per_second"])
            for name in peers:
                rates[name].append(self.theirs(name, tokenizer, text)["mb_per_second"])
        ours = statistics.median(rates["icosa"])
        for name, values in rates.items():
            ratio = statistics.median(a / b for a, b in zip(rates["icosa"], values))
            beside = "" if name == "icosa" else f"   icosa / {name} {ratio:.2f}"
            print(f"  {name:<12}{statistics.median(values):9.1f} MB/s{beside}")
        return ours

    def more_cores(self, tokenizer, text, cores):
        ratios = []
        for _ in range(self.rounds):
            ratios.append(self.ours(tokenizer, text, cores)["mb_per_second"] / self.ours(tokenizer, text)["mb_per_second"])
        print(f"  {cores} cores / 1 core: {statistics.median(ratios):.2f}")

    def rest(self, tokenizer, folder):
        letters = folder / "letters.txt"
        letters.write_bytes(b"a" * 100_000)
        slow = [self.ours(tokenizer, letters, 1, 0.2) for _ in range(self.rounds)]
        print(f"  100 kB of one letter: {statistics.median(0.1e3 / one['mb_per_second'] for one in slow):.2f} ms")
        print(f"  start-up: {statistics.median(one['load_seconds'] for one in slow) * 1e3:.0f} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("tokenizers", nargs="*", default=[str(ROOT / "datasets/gpt2/gpt2.tiktoken")])
    parser.add_argument("--text", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", choices=["found", "install", "none"], default="found")
    options = parser.parse_intermixed_args()
    if options.peers == "install":
        import environment
        environment.enter(PEERS)
    bench = Bench(options.build.resolve(), options.rounds)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        texts = {"the given text": options.text} if options.text else {
            "English and code": folder / "mixed.txt", "eight scripts": folder / "scripts.txt"}
        if not options.text:
            english_and_code(texts["English and code"])
            scripts(texts["eight scripts"])
        for tokenizer in options.tokenizers:
            peers = [name for name in PEERS if options.peers != "none" and can_take(name, tokenizer)]
            for title, text in texts.items():
                size = text.stat().st_size / 1e6
                print(f"{os.path.basename(tokenizer)}, {title}, {size:.1f} MB, one core each:")
                bench.check(tokenizer, text, peers)
                bench.table(tokenizer, text, peers)
            bench.more_cores(tokenizer, next(iter(texts.values())), len(os.sched_getaffinity(0)))
            bench.rest(tokenizer, folder)
            memory = bench.ours(tokenizer, next(iter(texts.values())))["encoder_bytes"]
            print(f"  memory of an additional thread: {memory / 1e6:.2f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer(*sys.argv[2:])
    else:
        main()
