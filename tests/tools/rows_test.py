#!/usr/bin/env python3
"""Rows that `raceway run` takes: JSON lines of every type, and files by pattern."""

import base64
import json
import struct
import zlib

import cli
from cli import FINE, USAGE, REQUEST_FAILED, DOUBLE, DECODE, ROWS, JPEG, CliTest, npy, png


class RowsTest(CliTest):
    def run_rows(self, code, flow, rows, says=()):
        self.write("test.flow", flow)
        self.write("rows.jsonl", rows)
        return self.ends(code, "run", "test.flow", "--rows", "rows.jsonl", "--json", says=says)

    def test_a_table(self):
        self.write("twice.flow", DOUBLE)
        self.write("rows.jsonl", ROWS)
        self.assertEqual(
            self.ends(FINE, "run", "twice.flow", "--rows", "rows.jsonl").stdout,
            "id  name   y\n 1  one    [3,6]\n 3  three  [1,201]\n",
        )

    def test_standard_input(self):
        self.write("twice.flow", DOUBLE)
        done = self.ends(FINE, "run", "twice.flow", "--rows", "-", "--json", stdin=ROWS)
        self.assertEqual([row["id"] for row in self.rows_of(done)], [1, 3])
        self.ends(
            REQUEST_FAILED, "run", "twice.flow", "--rows", "-", stdin=ROWS + "oh no\n",
            says="standard input:4: this line is no JSON",
        )

    def test_no_rows_at_all(self):
        self.write("twice.flow", DOUBLE)
        self.write("rows.jsonl", "\n  \n")
        self.assertEqual(
            self.ends(FINE, "run", "twice.flow", "--rows", "rows.jsonl").stdout, "id  name  y\n"
        )
        self.assertEqual(
            self.ends(FINE, "run", "twice.flow", "--rows", "rows.jsonl", "--json").stdout, ""
        )

    def test_the_last_line_needs_no_end(self):
        row = '{"id": 1, "name": "", "x": [1, 2]}'
        self.assertEqual(len(self.rows_of(self.run_rows(FINE, DOUBLE, row))), 1)
        self.assertEqual(len(self.rows_of(self.run_rows(FINE, DOUBLE, f"{row}\r\n\r\n{row}"))), 2)

    def test_strings_of_all_languages(self):
        flow = """edition 1
flow f(t: { s: string }) -> { s: string, n: i64, up: string } {
  return t |> derive(n = len(s), up = upper(s))
}
"""
        texts = ["", "äöü ß", "日本語", "😀👩\u200d🔬", 'a "b" \\ \n\t\0', "\u202eright"]
        rows = "".join(json.dumps({"s": text}, ensure_ascii=False) + "\n" for text in texts)
        escaped = "".join(json.dumps({"s": text}) + "\n" for text in texts)
        for lines in [rows, escaped]:
            got = self.rows_of(self.run_rows(FINE, flow, lines))
            self.assertEqual([row["s"] for row in got], texts)
            self.assertEqual([row["n"] for row in got], [len(text) for text in texts])

    def test_every_type_comes_back(self):
        flow = """edition 1
schema All {
  a: bool, b: i8, c: i16, d: i32, e: i64, f: u8, g: u16, h: u32, i: f16, j: f32, k: f64,
  l: string, m: bytes, n: f32[2, 3], o: i64[0_2], p: bool[N], q: u8[H, W],
  r: u64
}
flow f(t: All) -> All { return t }
"""
        row = {
            "a": True, "b": -128, "c": -32768, "d": -(2**31), "e": -(2**63), "f": 255, "g": 65535,
            "h": 2**32 - 1, "i": 0.5, "j": 0.1, "k": 0.1, "l": "text",
            "m": {"base64": base64.b64encode(bytes(range(256))).decode()},
            "n": [[1, 2, 3], [4, 5, 6.5]], "o": [2**63 - 1, 0], "p": [True, False, True],
            "q": [[0, 255]], "r": 2**64 - 1,
        }
        other = dict(row, p=[], q=[[1], [2]])
        lines = json.dumps(row) + "\n" + json.dumps(other) + "\n"
        self.assertEqual(self.rows_of(self.run_rows(FINE, flow, lines)), [row, other])

    def test_floats_of_their_own_precision(self):
        flow = "edition 1\nflow f(t: { a: f32, b: f64 }) -> { a: f32, b: f64 } { return t }\n"
        done = self.run_rows(FINE, flow, '{"a": 0.1, "b": 0.1}\n{"a": 16777217, "b": 1e300}\n')
        self.assertEqual(done.stdout, '{"a":0.1,"b":0.1}\n{"a":16777216,"b":1e+300}\n')

    def test_values_that_may_be_missing(self):
        flow = """edition 1

flow f(t: { id: i64, x: f32[2]?, name: string?, image: bytes?, n: i64? })
  -> { id: i64, x: f32[2]?, name: string?, image: bytes?, n: i64, some: i64? }
{
  return t |> derive(n = n ?? -1, some = if id > 1 then id else null)
}
"""
        rows = [
            {"id": 1, "x": [1, 2], "name": "a", "image": {"base64": "AQI="}, "n": 3},
            {"id": 2, "x": None, "name": None, "image": None, "n": None},
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        self.assertEqual(
            self.rows_of(self.run_rows(FINE, flow, text)),
            [{**rows[0], "some": None}, {**rows[1], "n": -1, "some": 2}],
        )
        self.assertEqual(
            self.ends(FINE, "run", "test.flow", "--rows", "rows.jsonl").stdout,
            "id  x      name  image       n  some\n"
            " 1  [1,2]  a     <2 bytes>   3  null\n"
            " 2  null   null  null       -1     2\n",
        )
        lacking = '{"id": 1, "x": null, "name": null, "image": null}'
        self.run_rows(REQUEST_FAILED, flow, lacking, says="rows.jsonl:1: no column `n`, the flow")
        self.run_rows(REQUEST_FAILED, flow, text.replace('"id": 2', '"id": null'),
                      says="rows.jsonl:2: `id` wants i64, found null")

    def test_a_store_of_rows(self):
        flow = """edition 1

store users(user: string) -> (taste: f32[N], age: i64?) { rows: "data/users.jsonl" }

flow f(asks: { id: i64, user: string }) -> { id: i64, taste: f32[N]?, age: i64 } {
  return asks |> lookup(users, key: lower(user), miss: null) |> derive(age = age ?? 0)
}
"""
        self.write("data/users.jsonl", '{"user": "eve", "taste": [1, 2], "age": 30}\n'
                                       '{"user": "bob", "taste": [], "age": null}\n')
        rows = "".join(f'{{"id": {i}, "user": "{user}"}}\n'
                       for i, user in enumerate(["Eve", "ann", "bob"]))
        found = [
            {"id": 0, "taste": [1, 2], "age": 30},
            {"id": 1, "taste": None, "age": 0},
            {"id": 2, "taste": [], "age": 0},
        ]
        self.assertEqual(self.rows_of(self.run_rows(FINE, flow, rows)), found)
        done = self.ends(FINE, "run", "test.flow", "--rows", "rows.jsonl", "--json", "--per-row")
        self.assertEqual(self.rows_of(done), found)
        strict = flow.replace(", miss: null", "")
        self.run_rows(REQUEST_FAILED, strict, rows,
                      says='row 2: store users has no row for the key "ann"')
        self.assertEqual(
            self.rows_of(self.run_rows(FINE, flow.replace("miss: null", "miss: drop"), rows)),
            [found[0], found[2]],
        )

    def test_what_is_no_number_is_null(self):
        flow = """edition 1
flow f(t: { a: f32 }) -> { b: f32 } { return t |> derive(b = log(a)) }
"""
        done = self.run_rows(FINE, flow, '{"a": -1}\n{"a": 0}\n{"a": 1}\n')
        self.assertEqual(self.rows_of(done), [{"b": None}, {"b": None}, {"b": 0}])

    def test_nan_has_no_sign_for_people(self):
        """0 / 0 has the sign bit on x86."""
        self.write("nan.flow", """edition 1
flow nan(t: { a: f32 }) -> { b: f32, c: f32[2] } {
  return t |> derive(b = a / a, c = [a / a, -1.0 / a])
}
test "nan" {
  given t = [{ a: 0 }]
  let out = nan(t)
  expect out == []
}
""")
        done = self.ends(FINE, "run", "nan.flow", "--rows", "-", stdin='{"a": 0}\n')
        self.assertEqual(done.stdout, "  b  c\nnan  [nan,-inf]\n")
        done = self.call("test", "nan.flow")
        self.assertIn("{ b: nan, c: [nan, -inf] }", done.stdout + done.stderr)

    def test_nan_is_no_json(self):
        self.run_row(
            REQUEST_FAILED, '{"id": 1, "name": "a", "x": [1, NaN]}\n',
            says="row.jsonl:1: this line is no JSON at byte 33",
        )

    def test_a_bad_line_is_named(self):
        self.run_rows(
            REQUEST_FAILED, DOUBLE, ROWS + "\n{'id': 4}\n",
            says="rows.jsonl:5: this line is no JSON at byte 2 (a row is one object on one line)",
        )

    def test_numbers_that_are_none_and_names_without_end(self):
        says = "a number of this line is larger than any f64"
        self.run_rows(REQUEST_FAILED, DOUBLE, '{"id": 1e999}', says=says)
        says = "takes no column `" + "ä" * 30 + "…`"
        done = self.run_rows(REQUEST_FAILED, DOUBLE, '{"%s": 1}' % ("ä" * 5000), says=says)
        self.assertLess(len(done.stderr), 500)

    def test_json_over_several_lines(self):
        pretty = json.dumps({"id": 1, "name": "a", "x": [1, 2]}, indent=2)
        self.run_rows(
            REQUEST_FAILED, DOUBLE, pretty,
            says="rows.jsonl:1: this line is no JSON, it ends too early (a row is one object on",
        )

    def test_bytes_that_are_no_utf8(self):
        self.run_row(
            REQUEST_FAILED, b'{"id": 1, "name": "\xff"}',
            says=["row.jsonl:1: this line is", "ill-formed UTF-8 byte"],
        )

    def test_a_row_that_is_no_object(self):
        self.run_row(REQUEST_FAILED, "[1, 2]", says="row.jsonl:1: a row is an object, found a list")
        self.run_row(REQUEST_FAILED, "null", says="row.jsonl:1: a row is an object, found null")

    def test_a_missing_column(self):
        self.run_row(
            REQUEST_FAILED, '{"id": 1, "x": [1, 2]}',
            says="row.jsonl:1: no column `name`, the flow takes (id: i64, name: string, x: f32[2])",
        )

    def test_an_extra_column(self):
        self.run_row(
            REQUEST_FAILED, '{"id": 1, "name": "a", "x": [1, 2], "y": 3}',
            says="row.jsonl:1: the flow takes no column `y`, it takes (id: i64, name: string, x:",
        )

    def test_wrong_types(self):
        def row(**other):
            return json.dumps({"id": 1, "name": "a", "x": [1, 2], **other})

        for values, says in [
            ({"id": 1.5}, "`id` wants i64, found 1.5"),
            ({"id": True}, "`id` wants i64, found a bool"),
            ({"id": "1"}, "`id` wants i64, found a string"),
            ({"id": None}, "`id` wants i64, found null"),
            ({"id": 2**63}, f"`id` {2**63} does not fit i64"),
            ({"id": 10**30}, "`id` wants i64, found 1e+30"),
            ({"name": 3}, "`name` wants a string, found 3"),
            ({"name": {"base64": ""}}, "`name` wants a string, found an object"),
            ({"x": 3}, "`x` wants f32[2], found 3"),
            ({"x": [1, "2"]}, "`x` wants f32[2], found a string"),
            ({"x": [1, None]}, "`x` wants f32[2], found null"),
            ({"x": [[1, 2]]}, "`x` wants f32[2], found a list in place of a number"),
            ({"x": [1, 2, 3]}, "`x` is f32[3], declared f32[2]"),
            ({"x": []}, "`x` is f32[0], declared f32[2]"),
        ]:
            with self.subTest(says):
                self.run_row(REQUEST_FAILED, row(**values), says=f"row.jsonl:1: {says}")

    def test_integers_that_do_not_fit(self):
        flow = "edition 1\nflow f(t: { a: u8 }) -> { a: u8 } { return t }\n"
        for value in [-1, 256]:
            said = f"rows.jsonl:1: `a` {value} does not fit u8"
            self.run_rows(REQUEST_FAILED, flow, json.dumps({"a": value}), says=said)

    def test_floats_that_do_not_fit(self):
        for kind, value in [("f16", 65520), ("f32", 1e39)]:
            flow = f"edition 1\nflow f(t: {{ a: {kind} }}) -> {{ a: {kind} }} {{ return t }}\n"
            self.run_rows(REQUEST_FAILED, flow, f'{{"a": {value}}}', says=f"does not fit {kind}")

    def test_lists_in_lists(self):
        flow = "edition 1\nflow f(t: { a: i64[H, W] }) -> { a: i64[H, W] } { return t }\n"
        rows = '{"a": [[1, 2], [3, 4]]}\n{"a": [[5]]}\n{"a": [[], []]}\n{"a": []}\n'
        got = self.rows_of(self.run_rows(FINE, flow, rows))
        self.assertEqual([row["a"] for row in got], [[[1, 2], [3, 4]], [[5]], [[], []], []])
        self.run_rows(
            REQUEST_FAILED, flow, '{"a": [[1, 2], [3]]}', says="`a` is ragged: lists of 2 and of 1"
        )
        self.run_rows(
            REQUEST_FAILED, flow, '{"a": [[1], 2]}',
            says="`a` wants i64[H, W], found 2 in place of a list",
        )

    def test_numpy_files(self):
        flow = "edition 1\nflow f(t: { a: f32[2, 3] }) -> { a: f32[2, 3] } { return t }\n"
        data = struct.pack("<6f", *range(6))
        self.write("tensors/x.npy", npy("<f4", (2, 3), data))
        self.write("rows/rows.jsonl", '{"a": {"npy": "../tensors/x.npy"}}\n')
        self.write("test.flow", flow)
        # Paths are relative to the file with the rows.
        done = self.ends(FINE, "run", "test.flow", "--rows", "rows/rows.jsonl", "--json")
        self.assertEqual(self.rows_of(done), [{"a": [[0, 1, 2], [3, 4, 5]]}])
        row = '{"a": {"npy": "x.npy"}}'
        for content, says in [
            (npy("<f8", (2, 3), data * 2), "`a` is f64[2, 3], declared f32[2, 3]"),
            (npy("<f4", (3, 2), data), "`a` is f32[3, 2], declared f32[2, 3]"),
            (npy("<f4", (2, 3), data[:-1]), "`a` \"x.npy\" is truncated"),
            (npy("<f4", (2, 3), data, "True"), "`a` \"x.npy\" is in Fortran order"),
            (npy(">f4", (2, 3), data), "holds elements of a kind that is not supported"),
            (b"PK\x03\x04 no array at all", "`a` \"x.npy\" is no .npy file"),
            (b"", "`a` \"x.npy\" is no .npy file"),
        ]:
            with self.subTest(says):
                self.write("x.npy", content)
                self.run_rows(REQUEST_FAILED, flow, row, says=["rows.jsonl:1: ", says])
        (self.dir / "x.npy").unlink()
        self.run_rows(REQUEST_FAILED, flow, row, says="`a` cannot read `x.npy`: No such file")

    def test_bytes(self):
        flow = "edition 1\nflow f(t: { a: bytes }) -> { a: bytes } { return t }\n"
        self.write("data.bin", bytes(range(256)))
        rows = '{"a": {"file": "data.bin"}}\n{"a": {"base64": "aGk="}}\n{"a": {"base64": ""}}\n'
        got = [base64.b64decode(row["a"]["base64"]) for row in self.rows_of(
            self.run_rows(FINE, flow, rows))]
        self.assertEqual(got, [bytes(range(256)), b"hi", b""])
        for value, says in [
            ('{"base64": "a*=="}', "`a` holds no valid base64"),
            ('{"base64": 3}', "`a` holds no valid base64"),
            ('{"file": "gone.bin"}', "`a` cannot read `gone.bin`: No such file"),
            ('{"file": "."}', "it is a folder"),
            ('{"file": 3}', "`a` \"file\" wants a path in quotes"),
            ('"data.bin"', '`a` wants bytes as {"file": "…"} or {"base64": "…"}, found a string'),
        ]:
            with self.subTest(says):
                row = f'{{"a": {value}}}'
                self.run_rows(REQUEST_FAILED, flow, row, says=["rows.jsonl:1:", says])


class EachTest(CliTest):
    def setUp(self):
        super().setUp()
        self.write("decoded.flow", DECODE)
        self.write("photos/b.png", png(3, 2))
        self.write("photos/a.jpg", JPEG)
        (self.dir / "photos/folder.png").mkdir()

    def shapes(self, done):
        return {row["id"]: (len(row["px"]), len(row["px"][0])) for row in self.rows_of(done)}

    def test_one_row_a_file_in_order(self):
        words = ["run", "decoded.flow", "--each", "image=photos/*", "--json"]
        done = self.ends(FINE, *words)
        self.assertEqual(self.shapes(done), {1: (16, 24), 2: (2, 3)})
        self.assertEqual(self.rows_of(done)[1]["px"][0][0], [10, 20, 30])

    def test_several_patterns(self):
        words = ["--each", "image=photos/*.png", "--each", "image=photos/*.jpg", "--json"]
        done = self.ends(FINE, "run", "decoded.flow", *words)
        self.assertEqual(self.shapes(done), {1: (2, 3), 2: (16, 24)})

    def test_a_pattern_that_matches_nothing(self):
        words = ["run", "decoded.flow", "--each", "image=photos/*.gif"]
        self.ends(USAGE, *words, says="no file matches `photos/*.gif`")

    def test_what_is_no_pattern(self):
        words = ["run", "decoded.flow", "--each", "photos/*"]
        self.ends(USAGE, *words, says="--each wants COLUMN=PATTERN, this is `photos/*`")

    def test_a_column_that_is_not_there(self):
        words = ["run", "decoded.flow", "--each", "picture=photos/*"]
        self.ends(USAGE, *words, says=["`picture` is no column", "(id: i64, image: bytes)"])

    def test_a_column_that_is_not_bytes(self):
        words = ["run", "decoded.flow", "--each", "id=photos/*"]
        self.ends(USAGE, *words, says="--each fills a column of bytes; `id` is i64")

    def test_a_flow_that_takes_more(self):
        self.write("decoded.flow", DECODE.replace("image: bytes }", "image: bytes, k: f32 }"))
        words = ["run", "decoded.flow", "--each", "image=photos/*"]
        self.ends(USAGE, *words, says="the flow also takes `k: f32`, which --each cannot give")

    def test_a_truncated_jpeg(self):
        self.write("photos/a.jpg", JPEG[:-60])
        words = ["run", "decoded.flow", "--each", "image=photos/*", "--json"]
        says = ["map(decode) at decoded.flow:6:20", "row 1: truncated JPEG", "(photos/a.jpg)"]
        self.assertEqual(self.ends(REQUEST_FAILED, *words, says=says).stdout, "")
        # As a request of its own it harms no other.
        done = self.ends(REQUEST_FAILED, *words, "--per-row", says=says)
        self.assertEqual(self.shapes(done), {2: (2, 3)})
        self.assertEqual(done.stderr.count("request failed"), 1)

    def test_a_picture_too_large_to_decode(self):
        data = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
        header = struct.pack(">I", len(data)) + b"IHDR" + data
        header += struct.pack(">I", zlib.crc32(header[4:]))
        body = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
        self.write("photos/z.png", b"\x89PNG\r\n\x1a\n" + header + body)
        words = ["run", "decoded.flow", "--each", "image=photos/z.png"]
        says = ["map(decode) at decoded.flow:6:20", "row 1", "30000", "(photos/z.png)"]
        self.ends(REQUEST_FAILED, *words, says=says)

    def test_what_is_no_picture(self):
        self.write("photos/c.jpg", "not a picture")
        words = ["run", "decoded.flow", "--each", "image=photos/*", "--per-row"]
        done = self.ends(
            REQUEST_FAILED, *words, says=["row 3: neither PNG nor JPEG", "(photos/c.jpg)"]
        )
        self.assertEqual(len(done.stdout.splitlines()), 3)


if __name__ == "__main__":
    cli.main()
