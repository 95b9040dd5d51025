"""What `icosa tokenizer train` reaches beside Hugging Face's trainer and rustbpe in the same run, on the same text. Before
anything is timed its merges are compared with Hugging Face's over corpora and settings that are full of ties, and what it
wrote is loaded there and gives the same ids. Needs `pip install tokenizers` (made for 0.23); rustbpe is optional.

    tokenizer_train.py BUILD [--megabytes 200] [--vocab-size 32000] [--rounds 3] [--text FOLDER] [--folder FOLDER]

FOLDER of --text: where text is taken from (default: the embedded corpus and the sources and manuals that this machine
has below /usr). Prints a line of JSON for each trainer: seconds of wall clock, each a process of its own that reads the
same JSONL file, and its largest resident memory.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
END = "<|endoftext|>"
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
KINDS = {".txt", ".py", ".h", ".hpp", ".c", ".pm", ".pl", ".rst", ".md", ".html", ".js", ".po", ".rs"}


def texts_below(folder):
    for path in sorted(pathlib.Path(folder).rglob("*")):
        try:
            if path.suffix in KINDS and path.is_file() and not path.is_symlink() and path.stat().st_size < 4 << 20:
                yield path.read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            continue


def write_corpus(path, bytes_wanted, folders):
    """One JSONL file of about that many bytes of text; begins again where the texts found are fewer."""
    written = 0
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        while written < bytes_wanted:
            before = written
            for folder in folders:
                for text in texts_below(folder):
                    out.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
                    written += len(text.encode())
                    if written >= bytes_wanted:
                        return written
            if written == before:
                sys.exit("tokenizer_train.py: no text found; name a folder as --text")
    return written


# Run as processes of their own: `python tokenizer_train.py PEER FILE VOCABULARY OUT [MIN_FREQUENCY [SPECIAL...]]`.
def peer(name, file, vocabulary, out, min_frequency="0", *special):
    texts = (json.loads(line)["text"] for line in open(file, encoding="utf-8", newline="\n"))
    if name == "rustbpe":
        import rustbpe
        rustbpe.Tokenizer().train_from_iterator(texts, int(vocabulary), pattern=PATTERN)
        return
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=int(vocabulary), min_frequency=int(min_frequency), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=[END, *special]))
    tokenizer.save(out)


def peer_command(*arguments):
    return [sys.executable, __file__, *map(str, arguments)]


def icosa_command(build, file, vocabulary, out, min_frequency=0, *special):
    words = [build / "icosa", "tokenizer", "train", file, "--vocab-size", vocabulary, "--out", out, "--quiet",
             "--min-frequency", min_frequency]
    for text in special:
        words += ["--special", text]
    return [str(word) for word in words]


def run(command):
    """Seconds of wall clock and of processor time, and MB of resident memory at most, of a command that must succeed."""
    began = time.monotonic()
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"tokenizer_train.py: {' '.join(command)} failed")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def merges_of(path):
    model = json.loads(path.read_text(encoding="utf-8"))["model"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return merges, model["vocab"]


def corpora(folder):
    """Small ones that differ in kind: prose, words of few letters (ties), every script, runs of one letter."""
    chance = random.Random(1)
    letters = "abcdé中🙂 "
    yield "prose", [path.read_text(encoding="utf-8") for path in sorted((ROOT / "datasets/sotu").iterdir())[::6]]
    yield "few letters", ["".join(chance.choices("ab ", k=400)) for _ in range(60)]
    yield "ties", [" ".join("".join(chance.choices(letters, k=chance.randint(1, 9))) for _ in range(30)) for _ in range(40)]
    yield "scripts", ["".join(chr(chance.choice((0x20, 0x61, 0x30, 0x300, 0x410, 0x5D0, 0x915, 0x3042, 0x4E00, 0x1F600))
                                  + chance.randrange(16)) for _ in range(3000)) for _ in range(10)]
    yield "runs", [chance.choice("xy\n ") * chance.randint(1, 300) for _ in range(200)]
    yield "sources", [text for text, _ in zip(texts_below(ROOT), range(150))]


def check(build, folder):
    """Every merge and every id the same, or exits."""
    from tokenizers import Tokenizer
    compared = ids_compared = 0
    for name, texts in corpora(folder):
        file, ours, theirs = folder / "check.jsonl", folder / "ours.json", folder / "theirs.json"
        file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        for vocabulary, min_frequency, special in ((257, 0, ()), (300, 0, ()), (1000, 2, ("<pad>", "[A B]")), (6000, 0, ()),
                                                   (6000, 5, ("<|user|>",))):
            vocabulary = max(vocabulary, 257 + len(special))
            run(icosa_command(build, file, vocabulary, ours, min_frequency, *special))
            run(peer_command("tokenizers", file, vocabulary, theirs, min_frequency, *special))
            setting = f"{name}, {vocabulary} ids, frequency {min_frequency}, special {special}"
            (merges, ids), (their_merges, their_ids) = merges_of(ours), merges_of(theirs)
            if merges != their_merges or ids != their_ids:
                at = next((i for i, pair in enumerate(zip(merges, their_merges)) if pair[0] != pair[1]), "the end")
                sys.exit(f"tokenizer_train.py: {setting}: not Hugging Face's merges from {at} on")
            compared += len(merges)
            loaded = Tokenizer.from_file(str(ours))
            for text in texts[:: max(1, len(texts) // 8)]:
                encoded = subprocess.run([str(build / "icosa"), "encode", "--tokenizer", str(ours)],
                                         input=text.encode(), capture_output=True, check=True).stdout
                if loaded.encode(text).ids != list(map(int, encoded.split())):
                    sys.exit(f"tokenizer_train.py: {setting}: other ids than Hugging Face's from the same file")
                ids_compared += len(encoded.split())
    print(f"{compared} merges and {ids_compared} ids are those of Hugging Face", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--vocab-size", type=int, default=32000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--text", action="append")
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--peers", default="tokenizers,rustbpe")
    options = parser.parse_args()
    build = options.build.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        check(build, folder)
        corpus = folder / f"corpus-{options.megabytes}.jsonl"
        text_bytes = write_corpus(corpus, options.megabytes * 1_000_000, options.text or [ROOT / "datasets/sotu", "/usr"])
        commands = {"icosa": icosa_command(build, corpus, options.vocab_size, folder / "icosa.json")}
        for name in filter(None, options.peers.split(",")):
            if subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True).returncode == 0:
                commands[name] = peer_command(name, corpus, options.vocab_size, folder / f"{name}.json")
        results = {name: [] for name in commands}
        for _ in range(options.rounds):  # in turn: the machine's moods meet all alike
            for name, command in commands.items():
                results[name].append(run(command))
        if "tokenizers" in commands and merges_of(folder / "icosa.json") != merges_of(folder / "tokenizers.json"):
            sys.exit("tokenizer_train.py: not Hugging Face's merges of the large corpus")
        for name, rounds in results.items():
            walls = [wall for wall, _, _ in rounds]
            print(json.dumps({
                "trainer": name, "text_mb": round(text_bytes / 1e6, 1), "vocab_size": options.vocab_size,
                "seconds": round(statistics.median(walls), 2), "least": round(min(walls), 2), "most": round(max(walls), 2),
                "cpu_seconds": round(statistics.median(cpu for _, cpu, _ in rounds), 2),
                "peak_mb": round(max(memory for _, _, memory in rounds)), "cores": len(os.sched_getaffinity(0))}))


if __name__ == "__main__":
    if sys.argv[1:2] in (["tokenizers"], ["rustbpe"]):
        peer(*sys.argv[1:])
    else:
        main()
