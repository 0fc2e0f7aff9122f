"""The TextMate grammar on the example flows: each word has the colour it should have.

    tests/tools/textmate_test.py TOOLS/EDITOR EXAMPLES

The engine is the one of PyPI's textmate-grammar-python, with the regular expressions of Oniguruma
as in VS Code. It writes a folder .textmate_cache where it is started.
"""

import json
import logging
import re
import sys
import unittest
from pathlib import Path

from textmate_grammar.parsers.base import LanguageParser

EDITOR = Path()
EXAMPLES = Path()

HARD_WORDS = "let return with else rescue as if then and or not in is null true false".split()


# It warns of every piece of text that has no scope of its own.
logging.getLogger("textmate_grammar").setLevel(logging.ERROR)


def load_grammar():
    path = EDITOR / "vscode" / "syntaxes" / "flow.tmLanguage.json"
    return LanguageParser(json.loads(path.read_text()))


def tokens(parser, text):
    """(begin of the line, begin in the line, text, scopes) of each token."""
    element = parser.parse_string(text)
    found = []
    if element is None:
        return found
    for (line, column), content, scopes in element.flatten():
        found.append((line, column, content, scopes))
    return found


class TextMateTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.parser = load_grammar()

    def scope_of(self, text, word):
        """The innermost scope of the token that holds the first `word` of a one-line text."""
        at = text.index(word)
        for _, column, content, scopes in tokens(self.parser, text):
            if column <= at and at + len(word) <= column + len(content):
                return scopes[-1]
        return None

    def has(self, text, **scopes):
        for word, scope in scopes.items():
            self.assertEqual(scope + ".flow", self.scope_of(text, word), (text, word))

    def test_items(self):
        self.has("flow cascade(rows: Image) -> Label {", flow="storage.type.function",
                 cascade="entity.name.function")
        self.has("model small(x: f32[8]) -> (y: f32)", model="storage.type.class",
                 small="entity.name.class", f32="support.type")
        self.has("schema Image { id: i64 }", schema="storage.type.struct",
                 Image="entity.name.type", i64="support.type")
        self.has("param limit: f32 in 0.0..1.0 = 0.5", param="storage.modifier",
                 limit="variable.other.constant")
        self.has("edition 1", edition="keyword.other")

    def test_soft_words_are_names_elsewhere(self):
        self.assertIn("variable", self.scope_of("  |> select(model, test)", "model"))
        self.assertIn("variable", self.scope_of("  |> select(model, test)", "test"))

    def test_steps_and_expressions(self):
        self.has("  let a = rows |> map(small)", let="storage.type",
                 map="entity.name.function.step")
        self.has("    |> filter(conf >= 0.5 and not done)", filter="entity.name.function.step")
        self.assertEqual("keyword.operator.word.flow", self.scope_of("filter(a and b)", "and"))
        self.assertEqual("keyword.operator.pipe.flow", self.scope_of("a |> b", "|>"))
        self.assertEqual("constant.numeric.float.flow", self.scope_of("filter(a > 0.5)", "0.5"))

    def test_literals_and_comments(self):
        self.assertEqual("keyword.other.unit.flow", self.scope_of("wait: 10ms", "ms"))
        self.assertIn("comment.line", self.scope_of("let a = b // why not", "why"))
        self.assertIn("documentation", self.scope_of("/// What it is.", "What"))
        self.assertIn("string", self.scope_of('source: "m.pt"', "m.pt"))
        self.assertIn("variable", self.scope_of('f"about {label} (x)"', "label"))
        self.assertIn("string", self.scope_of('f"about {label} (x)"', "about"))

    def test_every_hard_word_of_the_examples_is_one(self):
        texts = sorted(EXAMPLES.rglob("*.flow"))
        self.assertTrue(texts)
        for path in texts:
            for line, column, content, scopes in tokens(self.parser, path.read_text()):
                is_text = any("string" in s or "comment" in s for s in scopes)
                if content.strip() in HARD_WORDS and not is_text:
                    self.assertRegex(scopes[-1], "keyword|storage|constant", (path, line, content))
                self.assertTrue(scopes[0] == "source.flow", (path, line, content))

    def test_comments_and_strings_of_the_examples_end(self):
        """A string that never ends would colour the rest of the file."""
        for path in sorted(EXAMPLES.rglob("*.flow")):
            words = [t for t in tokens(self.parser, path.read_text()) if t[2].strip() == "flow"]
            declared = re.findall(r"(?m)^flow ", path.read_text())
            coloured = [t for t in words if t[3][-1] == "storage.type.function.flow"]
            self.assertEqual(len(declared), len(coloured), path)

    def test_the_extension_names_what_is_there(self):
        folder = EDITOR / "vscode"
        package = json.loads((folder / "package.json").read_text())
        language = package["contributes"]["languages"][0]
        grammar = package["contributes"]["grammars"][0]
        self.assertTrue((folder / package["main"]).exists())
        json.loads((folder / language["configuration"]).read_text())
        scope = json.loads((folder / grammar["path"]).read_text())["scopeName"]
        self.assertEqual(grammar["scopeName"], scope)
        self.assertEqual(grammar["language"], language["id"])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} TOOLS/EDITOR EXAMPLES [TEST...]")
    EDITOR = Path(sys.argv.pop(1))
    EXAMPLES = Path(sys.argv.pop(1))
    unittest.main()
