"""`raceway lsp` as an editor uses it: whole sessions over standard input, by the client of pygls.

    tests/tools/lsp_test.py build/release/bin/raceway [TEST...]

What a client library never sends (broken headers, requests before `initialize`) goes as bytes.
"""

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

CLI = ""
URI = "file:///flows/tickets.flow"
FLOW = """edition 1

/// At or above this confidence the small model's answer stands.
param threshold: f32 in 0.0..1.0 = 0.5

schema Ticket { id: i64, text: string, x: f32[8] }

/// The label of a class.
fn label_of(top: i64) -> (label: string) { native: "labels.lookup", file: "labels.txt" }
model small(x: f32[8]) -> (logits: f32[5]) { source: "models/small.pt" }
model big(x: f32[8]) -> (logits: f32[5]) { source: "models/big.pt", threads: 2 }

flow top1(rows: { logits: f32[N], ... }) -> { ..., top: i64, conf: f32 } {
  return rows |> derive(p = softmax(logits), top = argmax(p), conf = max(p))
}

/// Tickets with their label.
flow sort_tickets(tickets: Ticket) -> { id: i64, label: string, said: string } {
  let (sure, unsure) = tickets |> map(small) |> top1 |> split(conf >= threshold)
  let asked = unsure |> omit(top, conf) |> map(big) |> top1
  return union(sure, asked)
    |> map(label_of)
    |> derive(said = f"{label} ({conf})")
    |> select(id, label, said)
}
"""


class Session:
    """One server and one document, with what the server publishes."""

    def __init__(self):
        self.client = LanguageClient("raceway-test", "1")
        self.published = asyncio.Queue()

        @self.client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params):
            self.published.put_nowait(params)

    async def start(self, encodings=None, env=None):
        await self.client.start_io(CLI, "lsp", "--stdio", env=env)
        general = lsp.GeneralClientCapabilities(position_encodings=encodings)
        params = lsp.InitializeParams(capabilities=lsp.ClientCapabilities(general=general))
        result = await self.client.initialize_async(params)
        self.client.initialized(lsp.InitializedParams())
        return result

    async def stop(self):
        await self.client.shutdown_async(None)
        self.client.exit(None)
        code = await asyncio.wait_for(self.client._server.wait(), 10)
        await self.client.stop()
        return code

    async def open(self, text, uri=URI):
        self.text = text
        self.version = 1
        item = lsp.TextDocumentItem(uri=uri, language_id="flow", version=1, text=text)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(text_document=item))
        return await self.diagnostics()

    async def change(self, old, new, uri=URI):
        """Changes the first `old` of the text, as a keystroke does."""
        begin = self.text.index(old)
        return await self.replace(begin, begin + len(old), new, uri)

    async def replace(self, begin, end, new, uri=URI):
        edit = lsp.TextDocumentContentChangePartial(
            range=lsp.Range(start=self.place(begin), end=self.place(end)), text=new
        )
        self.text = self.text[:begin] + new + self.text[end:]
        self.version += 1
        self.client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                text_document=lsp.VersionedTextDocumentIdentifier(uri=uri, version=self.version),
                content_changes=[edit],
            )
        )
        return await self.diagnostics()

    async def diagnostics(self):
        params = await asyncio.wait_for(self.published.get(), 30)
        return list(params.diagnostics)

    def place(self, offset):
        """Of texts of ASCII alone."""
        before = self.text[:offset]
        return lsp.Position(line=before.count("\n"), character=len(before.rpartition("\n")[2]))

    def at(self, text, shift=0):
        """The position `shift` characters behind the beginning of `text`; `|` in it says where."""
        mark = text.find("|>|") if "|>|" in text else text.find("^")
        needle = text.replace("^", "", 1)
        begin = self.text.index(needle)
        return self.place(begin + (mark if mark >= 0 else 0) + shift)

    def params(self, kind, text, uri=URI, **more):
        return kind(
            text_document=lsp.TextDocumentIdentifier(uri=uri), position=self.at(text), **more
        )

    async def hover(self, text, uri=URI):
        hover = await self.client.text_document_hover_async(
            self.params(lsp.HoverParams, text, uri)
        )
        return hover.contents.value if hover else None

    async def complete(self, text, uri=URI):
        found = await self.client.text_document_completion_async(
            self.params(lsp.CompletionParams, text, uri)
        )
        return {item.label: item for item in found.items}

    def slice(self, range_):
        lines = self.text.splitlines(keepends=True)
        start = sum(map(len, lines[: range_.start.line])) + range_.start.character
        end = sum(map(len, lines[: range_.end.line])) + range_.end.character
        return self.text[start:end]

    def apply(self, edits):
        lines = self.text.splitlines(keepends=True)
        offset = lambda p: sum(map(len, lines[: p.line])) + p.character
        text = self.text
        for edit in sorted(edits, key=lambda e: offset(e.range.start), reverse=True):
            text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
        return text


class LspTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.session = Session()
        self.capabilities = (await self.session.start()).capabilities

    async def asyncTearDown(self):
        self.assertEqual(0, await self.session.stop())

    async def rename(self, text, name):
        edit = await self.session.client.text_document_rename_async(
            self.session.params(lsp.RenameParams, text, new_name=name)
        )
        return self.session.apply(edit.changes[URI])

    async def refuses(self, text, name):
        with self.assertRaises(JsonRpcException) as caught:
            await self.rename(text, name)
        return caught.exception.message


class DiagnosticsTest(LspTest):
    async def test_follows_every_change(self):
        s = self.session
        self.assertEqual([], await s.open(FLOW))
        wrong = await s.change("softmax", "sotfmax")
        self.assertEqual(1, len(wrong))
        self.assertEqual("sotfmax", s.slice(wrong[0].range))
        self.assertEqual("E0201", wrong[0].code)
        self.assertIn("did you mean `softmax`?", wrong[0].message)
        self.assertEqual(lsp.DiagnosticSeverity.Error, wrong[0].severity)
        self.assertEqual([], await s.change("sotfmax", "softmax"))

    async def test_shows_the_other_place(self):
        s = self.session
        wrong = await s.open(FLOW.replace("big(x: f32[8])", "big(x: f32[9])"))
        self.assertIn("wants `x: f32[9]`", wrong[0].message)
        related = wrong[0].related_information
        self.assertEqual("x: f32[8]", s.slice(related[0].location.range))

    async def test_a_broken_item_hides_no_other(self):
        s = self.session
        await s.open(FLOW.replace("softmax(logits)", "sotfmax(logits)"))
        wrong = await s.change("|> select(id, label, said)", "|> select(id, label,")
        self.assertEqual(["E0201", "E0102"], [d.code for d in wrong])

    async def test_a_whole_text_replaces_the_old_one(self):
        s = self.session
        await s.open("flow")
        s.client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                text_document=lsp.VersionedTextDocumentIdentifier(uri=URI, version=2),
                content_changes=[lsp.TextDocumentContentChangeWholeDocument(text=FLOW)],
            )
        )
        self.assertEqual([], await s.diagnostics())

    async def test_a_burst_of_changes_is_answered_once(self):
        s = self.session
        await s.open("edition 1\n")
        changes = []
        for version in range(2, 40):
            identifier = lsp.VersionedTextDocumentIdentifier(uri=URI, version=version)
            text = "edition 1\nflow" + " " * version
            changes.append(
                {
                    "jsonrpc": "2.0",
                    "method": "textDocument/didChange",
                    "params": {
                        "textDocument": {"uri": identifier.uri, "version": version},
                        "contentChanges": [{"text": text}],
                    },
                }
            )
        bodies = [json.dumps(change).encode() for change in changes]
        data = b"".join(b"Content-Length: %d\r\n\r\n" % len(b) + b for b in bodies)
        s.client._server.stdin.write(data)
        last = await asyncio.wait_for(s.published.get(), 30)
        count = 1
        while last.version != 39:
            last = await asyncio.wait_for(s.published.get(), 30)
            count += 1
        self.assertLess(count, 20)

    async def test_says_what_check_says_after_any_change(self):
        """The server parses only what changed; `raceway check` reads the whole file."""
        s = self.session
        chance = random.Random(4)
        snippets = ['"""', "/*", "*/", "(", "}", "\nflow g(", "\nmodel", "// x", '"', "edition 1\n"]
        snippets += ["\n", " ", "\n/// What it does.\nmodel m(x: f32) -> (y: f32) {}\n", "conf", "`"]
        await s.open(FLOW)
        with tempfile.TemporaryDirectory(prefix="raceway-lsp-") as folder:
            path = Path(folder) / "tickets.flow"
            for i in range(150):
                if i % 10 == 0:
                    await s.replace(0, len(s.text), FLOW)
                begin = chance.randrange(len(s.text))
                end = min(len(s.text), begin + chance.choice([0, 0, 1, 5, 40, 200]))
                new = chance.choice([*snippets, ""])
                found = await s.replace(begin, end, new)
                path.write_text(s.text)
                check = subprocess.run([CLI, "check", "--json", str(path)], capture_output=True)
                wanted = json.loads(check.stdout)["diagnostics"]
                self.assertEqual(
                    sorted((d["line"] - 1, d["column"] - 1, d["code"]) for d in wanted),
                    sorted((d.range.start.line, d.range.start.character, d.code) for d in found),
                    (i, s.text),
                )

    async def test_closing_takes_them_away(self):
        s = self.session
        self.assertEqual(1, len(await s.open("edition 1\nflow")))
        s.client.text_document_did_close(
            lsp.DidCloseTextDocumentParams(text_document=lsp.TextDocumentIdentifier(uri=URI))
        )
        self.assertEqual([], await s.diagnostics())


class HoverTest(LspTest):
    async def test_shows_the_columns_after_each_step(self):
        s = self.session
        await s.open(FLOW)
        self.assertIn("id: i64, text: string, x: f32[8], logits: f32[5] }", await s.hover("m^ap(small)"))
        self.assertIn("The row and the results", await s.hover("m^ap(small)"))
        self.assertIn("{ id: i64, label: string, said: string }", await s.hover("s^elect(id"))
        self.assertIn("{ logits: f32[N], p: f32[N], top: i64, conf: f32, ... }", await s.hover("d^erive(p"))
        self.assertIn("each:", await s.hover("s^plit(conf"))
        # On a pipe: what goes through it.
        self.assertIn("logits: f32[5] }", await s.hover("map(small) |^> top1"))

    async def test_shows_items_with_their_docs(self):
        s = self.session
        await s.open(FLOW)
        self.assertIn("fn label_of(top: i64) -> (label: string)\n", await s.hover("map(l^abel_of)"))
        self.assertIn("The label of a class.", await s.hover("map(l^abel_of)"))
        self.assertIn("At or above this confidence", await s.hover("conf >= t^hreshold"))
        self.assertIn("schema Ticket { id", await s.hover("tickets: T^icket"))
        self.assertIn("flow top1(", await s.hover("map(small) |> t^op1"))
        self.assertIn("conf: f32", await s.hover("map(small) |> t^op1"))

    async def test_shows_tables_and_columns(self):
        s = self.session
        await s.open(FLOW)
        self.assertIn("conf: f32", await s.hover("split(c^onf"))
        self.assertIn("sure: { id: i64, text: string, x", await s.hover("union(s^ure"))
        self.assertIn("tickets: ", await s.hover("= t^ickets |>"))

    async def test_shows_functions_and_settings_from_the_catalog(self):
        s = self.session
        await s.open(FLOW)
        self.assertIn("Shares of the last dimension", await s.hover("s^oftmax"))
        self.assertIn("The label with that index", await s.hover('"labels^.lookup"'))
        self.assertIn("float of 32 bits", await s.hover("threshold: f^32"))
        self.assertIn("relative to this one", await s.hover("s^ource"))

    async def test_knows_what_is_before_a_mistake(self):
        s = self.session
        await s.open(FLOW.replace("|> omit(top, conf)", "|> omit(top, cnof)"))
        self.assertIn("conf: f32", await s.hover("s^plit(conf"))
        self.assertIsNotNone(await s.hover("o^mit(top"))
        self.assertIn("logits: f32[N]", await s.hover("d^erive(p"))

    async def test_knows_what_is_before_a_mistake_of_syntax(self):
        s = self.session
        wrong = await s.open(FLOW.replace("|> select(id, label, said)", "|> select(id,"))
        self.assertEqual(["E0102"], [d.code for d in wrong])
        self.assertIn("conf: f32", await s.hover("s^plit(conf"))
        self.assertIn("said: string", await s.hover("|> d^erive(said"))
        self.assertIn("flow top1", await s.hover("map(big) |> t^op1"))

    async def test_is_silent_elsewhere(self):
        s = self.session
        await s.open(FLOW)
        self.assertIsNone(await s.hover("^edition 1"))


class NamesTest(LspTest):
    async def definition(self, text):
        s = self.session
        found = await s.client.text_document_definition_async(
            s.params(lsp.DefinitionParams, text)
        )
        return None if found is None else (found.range.start.line, s.slice(found.range))

    async def references(self, text):
        s = self.session
        context = lsp.ReferenceContext(include_declaration=True)
        found = await s.client.text_document_references_async(
            s.params(lsp.ReferenceParams, text, context=context)
        )
        return [location.range.start.line for location in found]

    async def test_goes_to_definitions(self):
        s = self.session
        await s.open(FLOW)
        self.assertEqual((9, "small"), await self.definition("map(s^mall)"))
        self.assertEqual((12, "top1"), await self.definition("map(small) |> t^op1"))
        self.assertEqual((3, "threshold"), await self.definition("conf >= t^hreshold"))
        self.assertEqual((5, "Ticket"), await self.definition("tickets: T^icket"))
        self.assertEqual((18, "sure"), await self.definition("union(s^ure"))
        self.assertEqual((13, "p"), await self.definition("argmax(p^)"))
        self.assertEqual((13, "conf"), await self.definition("split(c^onf"))
        self.assertEqual((5, "id"), await self.definition("select(i^d"))
        self.assertIsNone(await self.definition("^edition 1"))

    async def test_finds_references(self):
        s = self.session
        await s.open(FLOW)
        self.assertEqual([9, 18], await self.references("map(s^mall)"))
        self.assertEqual([12, 18, 19], await self.references("map(small) |> t^op1"))
        self.assertEqual([13, 13, 13], await self.references("argmax(p^)"))
        # One name for what the models give and the flow takes.
        self.assertEqual([9, 10, 12, 13], await self.references("softmax(l^ogits)"))

    async def test_goes_into_imported_files(self):
        s = self.session
        with tempfile.TemporaryDirectory(prefix="raceway lsp-") as folder:
            library = Path(folder) / "lib.flow"
            library.write_text(
                "edition 1\n\n/// Twice as much.\n"
                "flow twice(rows: { x: f32, ... }) -> { ..., y: f32 } {\n"
                "  return rows |> derive(y = x * 2.0)\n}\n"
            )
            uri = (Path(folder) / "main.flow").as_uri()
            text = (
                'edition 1\n\nimport { twice } from "lib.flow"\n\n'
                "flow main(rows: { x: f32 }) -> { y: f32 } {\n  return rows |> twice\n}\n"
            )
            self.assertEqual([], await s.open(text, uri))
            document = lsp.TextDocumentIdentifier(uri=uri)
            position = s.at("|> t^wice")
            found = await s.client.text_document_definition_async(
                lsp.DefinitionParams(text_document=document, position=position)
            )
            self.assertEqual(library.as_uri(), found.uri)
            self.assertEqual((3, 5), (found.range.start.line, found.range.start.character))
            hover = await s.client.text_document_hover_async(
                lsp.HoverParams(text_document=document, position=position)
            )
            self.assertIn("Twice as much.", hover.contents.value)
            self.assertIn("gives \n```flow\n{ y: f32 }", hover.contents.value)

    async def test_renames_items_and_tables(self):
        s = self.session
        await s.open(FLOW)
        self.assertEqual(
            FLOW.replace("top1", "best"), await self.rename("map(small) |> t^op1", "best")
        )
        self.assertEqual(
            FLOW.replace("threshold", "limit"), await self.rename("t^hreshold", "limit")
        )
        self.assertEqual(FLOW.replace("unsure", "rest"), await self.rename("u^nsure)", "rest"))

    async def test_renames_columns_wherever_they_must_be_one(self):
        s = self.session
        await s.open(FLOW)
        self.assertEqual(
            FLOW.replace("logits", "scores"), await self.rename("softmax(l^ogits)", "scores")
        )
        self.assertEqual(
            FLOW.replace("p = softmax", "q = softmax").replace("(p)", "(q)"),
            await self.rename("argmax(p^)", "q"),
        )

    async def test_puts_odd_names_in_backquotes(self):
        s = self.session
        await s.open(FLOW)
        self.assertIn("return union(`first half`, asked)", await self.rename("s^ure", "first half"))
        self.assertIn("let (`return`, unsure)", await self.rename("s^ure", "return"))

    async def test_refuses_what_would_clash(self):
        s = self.session
        await s.open(FLOW)
        self.assertIn("`big` is declared twice", await self.refuses("map(s^mall)", "big"))
        self.assertIn("is there already", await self.refuses("union(s^ure", "asked"))
        self.assertIn("`conf` is declared twice", await self.refuses("t^op = argmax", "conf"))
        self.assertIn("no name of yours", await self.refuses("d^erive(p", "make"))
        self.assertIn("is no name", await self.refuses("union(s^ure", "a`b"))

    async def test_prepares_a_rename(self):
        s = self.session
        await s.open(FLOW)
        found = await s.client.text_document_prepare_rename_async(
            s.params(lsp.PrepareRenameParams, "map(s^mall)")
        )
        self.assertEqual("small", found.placeholder)
        self.assertEqual("small", s.slice(found.range))


class CompletionTest(LspTest):
    async def after(self, begin, end=""):
        """What is offered at `^` of `begin`, the last line of a flow that is being written."""
        s = self.session
        text = FLOW + "\n" + begin + end
        if not getattr(self, "is_open", False):
            self.is_open = True
            await s.open(text.replace("^", ""))
        else:
            s.text = text.replace("^", "")
            s.version += 1
            s.client.text_document_did_change(
                lsp.DidChangeTextDocumentParams(
                    text_document=lsp.VersionedTextDocumentIdentifier(uri=URI, version=s.version),
                    content_changes=[lsp.TextDocumentContentChangeWholeDocument(text=s.text)],
                )
            )
            await s.diagnostics()
        position = s.place(len(FLOW) + 1 + begin.index("^"))
        found = await s.client.text_document_completion_async(
            lsp.CompletionParams(
                text_document=lsp.TextDocumentIdentifier(uri=URI), position=position
            )
        )
        return {item.label: item for item in found.items}

    BEGIN = "flow new(rows: Ticket) -> { id: i64 } {\n  "

    async def test_offers_steps_behind_a_pipe(self):
        found = await self.after(self.BEGIN + "return rows |> ^")
        self.assertIn("filter", found)
        self.assertIn("top1", found)
        self.assertNotIn("small", found)
        self.assertIn("The rows where it is true", found["filter"].documentation.value)

    async def test_offers_columns_in_scope(self):
        found = await self.after(self.BEGIN + "return rows |> map(small) |> filter(^")
        self.assertEqual("f32[5]", found["logits"].detail)
        self.assertIn("text", found)
        self.assertIn("softmax", found)
        self.assertIn("threshold", found)
        self.assertNotIn("conf", found)
        found = await self.after(self.BEGIN + "let a = rows |> select(id, y = x)\n  return a |> derive(z = y, w = abs(^", "))")
        self.assertEqual("f32[8]", found["y"].detail)
        self.assertIn("z", found)
        self.assertNotIn("x", found)

    async def test_offers_columns_in_a_branch(self):
        found = await self.after(
            self.BEGIN + "return rows |> map(small) |> top1 |> route(top) { 1 => derive(a = 1) |> filter(^"
        )
        self.assertIn("a", found)
        self.assertIn("conf", found)

    async def test_offers_models_functions_and_their_parameters(self):
        found = await self.after(self.BEGIN + "return rows |> map(^")
        self.assertEqual({"small", "big", "label_of"}, set(found))
        self.assertIn("The label of a class.", found["label_of"].documentation.value)
        found = await self.after(self.BEGIN + "return rows |> map(small, ^")
        self.assertIn("x", found)
        self.assertIn("replace", found)

    async def test_offers_tables(self):
        found = await self.after(self.BEGIN + "let a = rows |> limit(1)\n  return union(a, ^")
        self.assertTrue({"a", "rows"} <= set(found))
        found = await self.after(self.BEGIN + "let b = ^")
        self.assertTrue({"rows", "union", "top1"} <= set(found))

    async def test_offers_options_hints_and_settings(self):
        found = await self.after(self.BEGIN + "return rows |> map(small) with { ^ }")
        self.assertIn("batch", found)
        self.assertIn("one call", found["batch"].documentation.value)
        found = await self.after(self.BEGIN + "return rows |> map(small) with { batch { ^ } }")
        self.assertEqual({"max", "wait", "by", "pad", "adaptive"}, set(found))
        found = await self.after(self.BEGIN + "return rows |> map(small) with { batch { wait: 10m^ } }")
        self.assertIn("10ms", found)
        found = await self.after("model m(x: f32) -> (y: f32) { ^ }")
        self.assertTrue({"source", "device", "batch"} <= set(found))
        found = await self.after("model m(x: f32) -> (y: f32) { device: ^ }")
        self.assertEqual({"cpu", "gpu"}, set(found))
        found = await self.after('fn d(top: i64) -> (l: string) { native: "labels.lookup", ^ }')
        self.assertIn("file", found)

    async def test_offers_types_aggregates_items_and_native_functions(self):
        found = await self.after("schema S { a: ^ }")
        self.assertTrue({"f32", "string", "bytes"} <= set(found))
        found = await self.after("flow f(rows: ^")
        self.assertEqual({"Ticket"}, set(found))
        found = await self.after(self.BEGIN + "return rows |> groupby(id) |> agg(n = ^")
        self.assertTrue({"count", "mean"} <= set(found))
        found = await self.after("m^")
        self.assertTrue({"model", "flow", "schema"} <= set(found))
        found = await self.after('fn d(image: bytes) -> (px: u8[H, W, 3]) { native: "im^')
        self.assertIn("image.decode", found)

    async def test_offers_nothing_in_comments(self):
        self.assertEqual({}, await self.after(self.BEGIN + "// return rows |> ^"))


class LibraryTest(unittest.IsolatedAsyncioTestCase):
    """Functions of a library, of which an editor knows what `raceway check` found in it."""

    FLOW = """edition 1

fn scale(x: f32[N]) -> (y: f32[N]) { native: "scale", library: "good.so", by: 2.5 }

flow scaled(rows: { x: f32[N] }) -> { y: f32[N] } { return rows |> map(scale) }
"""

    async def asyncSetUp(self):
        folder = tempfile.TemporaryDirectory(prefix="raceway-lsp-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        shutil.copy(Path(CLI).resolve().parents[1] / "tests/plugins/good.so", self.folder)
        self.env = dict(os.environ, XDG_CACHE_HOME=str(self.folder / "cache"))
        self.file = self.folder / "f.flow"
        self.file.write_text(self.FLOW)
        self.session = Session()
        await self.session.start(env=self.env)

    async def asyncTearDown(self):
        self.assertEqual(0, await self.session.stop())

    async def test_are_known_once_somebody_has_checked(self):
        uri = self.file.as_uri()
        s = self.session
        self.assertIn("nobody has looked into", (await s.open(self.FLOW, uri))[0].message)
        self.assertIsNone(await s.hover('native: "sc^ale"', uri))
        self.assertEqual({}, await s.complete('native: "sc^ale"', uri))
        check = [CLI, "check", str(self.file)]
        subprocess.run(check, env=self.env, check=True, capture_output=True)
        self.assertEqual([], await s.change("2.5", "3.5", uri))
        hover = await s.hover('native: "sc^ale"', uri)
        self.assertIn("scale(x: f32[N]) -> (y: f32[N])", hover)
        self.assertIn("Times a factor.", hover)
        found = await s.complete('native: "sc^ale"', uri)
        self.assertTrue({"scale", "twice", "text.join"} <= set(found))
        self.assertNotIn("image.decode", found)
        found = await s.complete('"good.so", ^by', uri)
        self.assertTrue({"by", "how", "library"} <= set(found))
        self.assertEqual("The factor.", found["by"].documentation.value)


class MendingTest(LspTest):
    async def format(self):
        s = self.session
        edits = await s.client.text_document_formatting_async(
            lsp.DocumentFormattingParams(
                text_document=lsp.TextDocumentIdentifier(uri=URI),
                options=lsp.FormattingOptions(tab_size=2, insert_spaces=True),
            )
        )
        return s.apply(edits or [])

    async def test_formats(self):
        s = self.session
        await s.open(FLOW)
        formatted = await self.format()
        await s.replace(0, len(s.text), formatted.replace(" |> ", "  |>\n   "))
        self.assertEqual(formatted, await self.format())

    async def test_leaves_what_is_wrong_as_it_is(self):
        s = self.session
        await s.open(FLOW.replace("return union(sure", "return   union(sure").replace("}", "", 1))
        self.assertEqual(s.text, await self.format())

    async def test_mends_mistakes(self):
        s = self.session
        wrong = await s.open(FLOW.replace("softmax", "sotfmax"))
        actions = await s.client.text_document_code_action_async(
            lsp.CodeActionParams(
                text_document=lsp.TextDocumentIdentifier(uri=URI),
                range=wrong[0].range,
                context=lsp.CodeActionContext(diagnostics=wrong),
            )
        )
        self.assertEqual(["did you mean `softmax`?"], [a.title for a in actions])
        self.assertEqual("quickfix", actions[0].kind)
        self.assertEqual(FLOW, s.apply(actions[0].edit.changes[URI]))


class OutlineTest(LspTest):
    async def test_outline(self):
        s = self.session
        await s.open(FLOW)
        found = await s.client.text_document_document_symbol_async(
            lsp.DocumentSymbolParams(text_document=lsp.TextDocumentIdentifier(uri=URI))
        )
        names = ["threshold", "Ticket", "label_of", "small", "big", "top1", "sort_tickets"]
        self.assertEqual(names, [symbol.name for symbol in found])
        self.assertEqual(["id", "text", "x"], [c.name for c in found[1].children])
        self.assertEqual(["sure", "unsure", "asked"], [c.name for c in found[6].children])

    async def test_folds(self):
        s = self.session
        await s.open(FLOW)
        found = await s.client.text_document_folding_range_async(
            lsp.FoldingRangeParams(text_document=lsp.TextDocumentIdentifier(uri=URI))
        )
        self.assertEqual([(12, 13), (17, 23)], [(f.start_line, f.end_line) for f in found])

    async def test_tells_what_map_adds(self):
        s = self.session
        await s.open(FLOW)
        whole = lsp.Range(start=lsp.Position(0, 0), end=lsp.Position(99, 0))
        found = await s.client.text_document_inlay_hint_async(
            lsp.InlayHintParams(text_document=lsp.TextDocumentIdentifier(uri=URI), range=whole)
        )
        self.assertEqual(
            ["+ logits: f32[5]", "+ logits: f32[5]", "+ label: string"], [h.label for h in found]
        )


class EncodingTest(unittest.IsolatedAsyncioTestCase):
    # Two units of UTF-16, four bytes of UTF-8.
    TEXT = 'edition 1\nparam who: string = "\U0001F600é" param x: strnig = "a"\n'

    async def places(self, encodings):
        session = Session()
        capabilities = (await session.start(encodings)).capabilities
        wrong = await session.open(self.TEXT)
        self.assertEqual(0, await session.stop())
        return capabilities.position_encoding, wrong[0].range.start.character

    async def test_counts_as_agreed_upon(self):
        before = 'param who: string = "\U0001F600é" param x: '
        self.assertEqual(("utf-16", len(before) + 1), await self.places(None))
        utf8 = await self.places([lsp.PositionEncodingKind.Utf8, lsp.PositionEncodingKind.Utf16])
        self.assertEqual(("utf-8", len(before.encode())), utf8)


class ProtocolTest(unittest.TestCase):
    """Messages that no client library would send."""

    def setUp(self):
        self.server = subprocess.Popen([CLI, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)

    def send(self, message):
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.raw(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def raw(self, data):
        self.server.stdin.write(data)
        self.server.stdin.flush()

    def read(self):
        length = 0
        while (line := self.server.stdout.readline()) not in (b"\r\n", b""):
            length = int(line.split(b":")[1])
        return json.loads(self.server.stdout.read(length))

    def request(self, method, params=None, id=1):
        self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}})
        return self.read()

    def initialize(self):
        return self.request("initialize", {"capabilities": {}})

    def code(self, answer):
        return answer["error"]["code"]

    def end(self):
        self.server.stdin.close()
        return self.server.wait(10)

    def test_before_initialize(self):
        self.assertEqual(-32002, self.code(self.request("textDocument/hover")))
        self.send({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {}})
        self.assertIn("result", self.initialize())
        self.assertEqual(-32600, self.code(self.initialize()))
        self.assertEqual(1, self.end())

    def test_after_shutdown(self):
        self.initialize()
        self.assertIsNone(self.request("shutdown")["result"])
        self.assertEqual(-32600, self.code(self.request("textDocument/hover")))
        self.send({"jsonrpc": "2.0", "method": "exit"})
        self.assertEqual(0, self.server.wait(10))
        self.server.stdin.close()

    def test_exit_without_shutdown(self):
        self.initialize()
        self.send({"jsonrpc": "2.0", "method": "exit"})
        self.assertEqual(1, self.server.wait(10))
        self.server.stdin.close()

    def test_unknown_methods(self):
        self.initialize()
        self.assertEqual(-32601, self.code(self.request("no/such")))
        self.assertEqual(-32601, self.code(self.request("$/no/such", id="text")))
        self.send({"jsonrpc": "2.0", "method": "no/such"})
        self.send({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 7}})
        self.assertEqual(1, self.end())

    def test_wrong_messages(self):
        self.initialize()
        self.send(b"{")
        self.assertEqual(-32700, self.code(self.read()))
        self.send(b'"\xff"')
        self.assertEqual(-32700, self.code(self.read()))
        self.send([])
        self.assertEqual(-32600, self.code(self.read()))
        self.send({"jsonrpc": "2.0", "id": 4})
        self.assertEqual(-32600, self.code(self.read()))
        self.send({"jsonrpc": "2.0", "id": [1], "method": "shutdown"})
        answer = self.read()
        self.assertEqual((-32600, None), (self.code(answer), answer["id"]))
        self.send({"jsonrpc": "2.0", "id": 5, "method": 5})
        self.assertEqual(-32600, self.code(self.read()))
        # An answer to nothing is nobody's business.
        self.send({"jsonrpc": "2.0", "id": 99, "result": None})
        self.send({"jsonrpc": "2.0", "id": 6, "method": "textDocument/hover"})
        self.assertEqual((-32602, 6), (self.code(answer := self.read()), answer["id"]))
        self.send({"jsonrpc": "2.0", "id": 7, "method": "textDocument/hover", "params": [1]})
        self.assertEqual(-32602, self.code(self.read()))
        missing = {"textDocument": {"uri": "file:///no"}, "position": {"line": 0, "character": 0}}
        self.assertEqual(-32602, self.code(self.request("textDocument/hover", missing)))
        self.assertIn("result", self.request("shutdown"))

    def test_wrong_positions(self):
        self.initialize()
        document = {"uri": URI, "version": 1, "text": "edition 1\n", "languageId": "flow"}
        self.send(
            {"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": document}}
        )
        self.read()
        for line, character in [(99, 99), (-1, -1), (0, 2**40), (2**60, 0)]:
            position = {"line": line, "character": character}
            params = {"textDocument": {"uri": URI}, "position": position}
            for method in ("hover", "definition", "completion", "rename"):
                params["newName"] = "x"
                self.assertIn("id", self.request("textDocument/" + method, params))
        position = {"line": "0", "character": None}
        params = {"textDocument": {"uri": URI}, "position": position}
        self.assertEqual(-32602, self.code(self.request("textDocument/hover", params)))

    def test_wrong_headers(self):
        self.raw(b"nonsense\r\n\r\n")
        self.assertEqual(-32700, self.code(self.read()))
        self.raw(b"Content-Length: -5\r\n\r\n")
        self.assertEqual(-32700, self.code(self.read()))
        self.raw(b"Content-Length: 99999999999999999999\r\n\r\n")
        self.assertEqual(-32700, self.code(self.read()))
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}).encode()
        self.raw(b"content-length:%d\r\nContent-Type: x\r\n\r\n" % len(body) + body[:5])
        self.raw(body[5:])
        self.assertIn("result", self.read())

    def test_the_end_in_the_middle(self):
        self.initialize()
        self.raw(b"Content-Length: 500\r\n\r\n{")
        self.assertEqual(1, self.end())

    def test_hostile_documents(self):
        self.initialize()
        texts = ["\0", "\r\r\r", "(" * 100000, "flow f(" + "a: {" * 3000, '"""', "/*", "x" * (2 << 20)]
        for text in texts:
            document = {"uri": URI, "version": 1, "text": text, "languageId": "flow"}
            params = {"textDocument": document}
            self.send({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": params})
            self.assertEqual(URI, self.read()["params"]["uri"])
            for method in ("hover", "completion", "documentSymbol", "foldingRange", "references"):
                params = {
                    "textDocument": {"uri": URI},
                    "position": {"line": 0, "character": len(text)},
                    "context": {"includeDeclaration": True},
                }
                answer = self.request("textDocument/" + method, params)
                self.assertIn("result", answer, (text[:20], method))


def main():
    """Runs the tests of the program that was started; words after the first name some."""
    global CLI
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} RACEWAY [TEST...]")
    CLI = str(Path(sys.argv.pop(1)).resolve())
    unittest.main(module="__main__")


if __name__ == "__main__":
    main()
