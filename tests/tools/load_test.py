#!/usr/bin/env python3
"""`raceway load`: answers, figures, pictures, and what it says when it cannot.

    .venv/bin/python tests/tools/load_test.py RACEWAY RACEWAY_TEST_MODELS
"""

import json
import os
import re
import unittest
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import defaultdict

import cli
import torch
from cli import FINE, MACHINE_LACKS, REQUEST_FAILED, USAGE, CliTest, main

WIDTH = 512
NUM_LAYERS = 6
WEIGHTS = NUM_LAYERS * WIDTH * WIDTH * 4


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList(
            torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(NUM_LAYERS)
        )

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return x


class Backwards(torch.nn.Module):
    """Uses first what its file has last."""

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(WIDTH, WIDTH, bias=False)
        self.b = torch.nn.Linear(WIDTH, WIDTH, bias=False)
        self.c = torch.nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x):
        return self.a(self.b(self.c(x)))


class Words(torch.nn.Module):
    """Several inputs of several kinds, and an answer that is no tensor."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(100, 64)

    def forward(self, ids, mask, scale: float = 1.0, twice: bool = False):
        found = self.table(ids) * mask.unsqueeze(-1) * scale
        return [found, found.sum(0)], (found * (2 if twice else 1), 3), {"found": found}

    @torch.jit.export
    def count(self, n: int):
        return n + self.table.weight.size(0)


def union(spans):
    length, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        length += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return length


class LoadTest(CliTest):
    def setUp(self):
        super().setUp()
        torch.manual_seed(1)
        torch.jit.script(Net().eval()).save(str(self.dir / "net.pt"))
        torch.jit.script(Words().eval()).save(str(self.dir / "words.pt"))

    def json_of(self, *words):
        return json.loads(self.ends(FINE, "load", *words, "--json").stdout)

    def net(self, *words):
        return self.json_of("net.pt", "--in", f"f32[1,{WIDTH}]", *words)

    def test_the_figures(self):
        done = self.net("--check")
        self.assertEqual([done["model"], done["strategy"], done["cache"]], ["net.pt", "raceway", "as it is"])
        self.assertTrue(done["checked"])
        (run,) = done["runs"]
        self.assertEqual(done["median"], 0)
        self.assertGreaterEqual(run["bytes"], WEIGHTS)
        self.assertGreater(run["limit_ms"], 0)
        self.assertLess(run["limit_ms"], run["answer_ms"] * 1.5)
        self.assertAlmostEqual(run["eta"], run["limit_ms"] / run["answer_ms"])
        self.assertTrue(0 < run["utilisation"] <= 1)
        lanes = run["lanes"]
        for lane in ["scan", "retrieve", "verify", "apply", "execute"]:
            self.assertGreater(lanes[lane]["units"], 0, lane)
        self.assertEqual(lanes["verify"]["bytes"], WEIGHTS)
        self.assertGreaterEqual(lanes["execute"]["units"], 2 * NUM_LAYERS)

    def test_the_table(self):
        done = self.ends(FINE, "load", "net.pt", "--in", f"f32[1,{WIDTH}]", "--runs", "3", "--check")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "net.pt, raceway")
        self.assertRegex(lines[2], r"^run +answer +limit +η +utilisation +overlap +waits +read +speed +cached")
        for number in [1, 2, 3]:
            self.assertRegex(lines[2 + number], rf"^ +{number} +[\d.]+ ms +[\d.]+ ms +\d+\.\d\d ")
        self.assertRegex(done.stdout, r"(?m)^run [123], of median time:$")
        self.assertRegex(done.stdout, r"(?m)^execute +[\d.]+ ms +[\d.]+ ms +[\d.]+ ms +\d+$")
        self.assertRegex(done.stdout, r"(?m)^limit: [\d.]+ MB take [\d.]+ ms at [\d.]+ GB/s")
        self.assertIn("check: the answers are those of torch::jit::load, bit by bit", done.stdout)

    def test_the_figures_follow_from_the_trace(self):
        self.ends(FINE, "load", "net.pt", "--in", f"f32[1,{WIDTH}]", "--trace", "out.json")
        trace = json.loads((self.dir / "out.json").read_text())
        facts = trace["otherData"]
        spans, size, ends = defaultdict(list), defaultdict(int), defaultdict(float)
        for event in trace["traceEvents"]:
            if event["ph"] != "X":
                continue
            begin, end = event["ts"] / 1e3, (event["ts"] + event["dur"]) / 1e3
            self.assertGreaterEqual(begin, ends[event["tid"]] - 1e-6, "two at once in a line")
            ends[event["tid"]] = end
            end = min(end, facts["answer_ms"])
            spans[event["cat"]].append((begin, end))
            size[event["cat"]] += event["args"].get("bytes", 0)
        self.assertEqual(set(spans), set(facts["lanes"]))
        for name, lane in facts["lanes"].items():
            self.assertEqual(lane["units"], len(spans[name]))
            self.assertEqual(lane["bytes"], size[name])
            self.assertAlmostEqual(lane["busy_ms"], union(spans[name]), places=3)
            self.assertAlmostEqual(lane["working_ms"], sum(e - b for b, e in spans[name]), places=3)
        stages = [name for name in spans if name != "wait"]
        active = union([span for name in stages for span in spans[name]])
        self.assertAlmostEqual(facts["utilisation"], active / facts["answer_ms"], places=5)
        busy = sum(union(spans[name]) for name in stages)
        self.assertAlmostEqual(facts["overlap"], busy / facts["answer_ms"], places=5)
        self.assertAlmostEqual(facts["wait_ms"], sum(e - b for b, e in spans["wait"]), places=3)
        self.assertAlmostEqual(facts["eta"], facts["limit_ms"] / facts["answer_ms"])
        reads = [e["args"] for e in trace["traceEvents"] if e.get("cat") == "execute" and "storages" in e["args"]]
        self.assertEqual(len({s for args in reads for s in args["storages"]}), NUM_LAYERS)
        self.assertEqual(sum(b for args in reads for b in args["storage_bytes"]), WEIGHTS)

    def test_the_picture(self):
        self.ends(FINE, "load", "net.pt", "--in", f"f32[1,{WIDTH}]", "--gantt", "out.svg")
        root = ElementTree.parse(self.dir / "out.svg").getroot()
        texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
        self.assertIn("net.pt, raceway", texts)
        for word in ["scan", "answer", "limit", "operator"]:
            self.assertIn(word, texts)
        self.assertTrue(any(re.match(r"answer after [\d.]+ ms, limit .*GB/s$", text) for text in texts))

    def test_the_order_of_use(self):
        module = torch.jit.script(Backwards().eval())
        module.save(str(self.dir / "back.pt"))
        self.ends(FINE, "load", "back.pt", "--in", f"f32[1,{WIDTH}]", "--record-order", "back.order")
        order = json.loads((self.dir / "back.order").read_text())
        self.assertEqual(order, ["data/2", "data/1", "data/0"])
        self.ends(FINE, "repack", "back.pt", "re.pt", "--order", "back.order")
        with zipfile.ZipFile(self.dir / "re.pt") as archive:
            places = {i.filename.split("/", 1)[1]: i.header_offset for i in archive.infolist()}
        self.assertEqual(sorted(order, key=places.get), order)
        self.json_of("re.pt", "--in", f"f32[1,{WIDTH}]", "--check")
        self.ends(MACHINE_LACKS, "load", "back.pt", "--in", f"f32[1,{WIDTH}]", "--record-order",
                  "no/where", says=["no/where"])  # fmt: skip

    def test_a_disk_as_slow_as_one_says(self):
        run = self.net("--disk", "5MB/s", "--check")["runs"][0]
        self.assertEqual(run["cached_bytes"], 0)
        self.assertGreater(run["answer_ms"], WEIGHTS / 5e6 * 1e3)
        self.assertLess(run["limit_ms"], run["answer_ms"])
        self.assertGreater(run["limit_ms"], WEIGHTS / 5e6 * 1e3)
        self.assertGreater(run["eta"], 0.5)
        self.assertGreater(run["wait_ms"], 0)

    def test_every_strategy(self):
        said = self.call("load", "net.pt", "--strategy", "?").stderr
        names = said.strip().split(": ")[-1].split(", ")
        self.assertGreater(len(names), 5)
        for name in names:
            (run,) = self.net("--strategy", name, "--check", "--trace", "out.json")["runs"]
            self.assertGreater(run["lanes"]["execute"]["units"], 0, name)
            self.assertGreater(run["eta"], 0)
            json.loads((self.dir / "out.json").read_text())

    def test_hot_and_cold(self):
        run = self.net("--hot")["runs"][0]
        self.assertEqual(run["cached_bytes"], run["bytes"])
        cold = self.call("load", "net.pt", "--in", f"f32[1,{WIDTH}]", "--cold", "--json")
        if cold.returncode == MACHINE_LACKS:  # it lies in memory
            self.assertIn("`net.pt` does not get cold: 6", cold.stderr)
            self.assertIn("MB stay in the page cache", cold.stderr)
        else:
            # But for blocks that the directory lies in, or its end.
            self.assertLess(json.loads(cold.stdout)["runs"][0]["cached_bytes"], WEIGHTS / 10)

    def test_inputs_of_all_kinds(self):
        self.write("mask.npy", cli.npy("<f4", "(1, 3)", b"\0\0\x80?" * 3))
        ids = ["--in", "i64[1,3]:100"]
        for words in [[], ["--in", "0.5"], ["--in", "0.5", "--in", "true"]]:
            self.json_of("words.pt", *ids, "--in", "mask.npy", *words, "--check")
        self.json_of("words.pt", *ids, "--in", "bool[1, 3]", "--check")
        self.json_of("words.pt", "--method", "count", "--in", "3", "--check")

    def test_the_inputs_are_what_is_wrong(self):
        net = ["load", "net.pt"]
        self.ends(
            USAGE, *net,
            says=["`forward` of net.pt takes (x: Tensor) and was given nothing", "--in f32[1,3,224,224]"],
        )  # fmt: skip
        self.ends(USAGE, "load", "words.pt", "--in", "3", says=[
            "takes (ids: Tensor, mask: Tensor, scale: float = …, twice: bool = …) and was given 1",
        ])  # fmt: skip
        self.ends(
            REQUEST_FAILED, *net, "--in", "f32[1,7]", says=["request failed: ", "takes (x: Tensor)"]
        )
        self.ends(REQUEST_FAILED, *net, "--in", "3", says=["request failed: ", "takes (x: Tensor)"])
        for text, says in [
            ("f33[1]", "--in `f33[1]` is no input: a shape like f32[1,3,224,224]"),
            ("f32[N, 3]", "each dimension is a number"),
            ("f32[2]?", "of numbers or bool"),
            ("string[2]", "of numbers or bool"),
            ("i64[2]:0", "what integers are below"),
            ("u8[2]:257", "what integers are below"),
            ("f32[2]:3", "what integers are below"),
            ("gone.npy", "cannot read `gone.npy`"),
            ("net.npy", "--in `net.npy`: "),
        ]:
            self.write("net.npy", "no array")
            self.ends(USAGE, *net, "--in", text, says=says)

    def test_what_cannot_be_loaded(self):
        given = ["--in", f"f32[1,{WIDTH}]"]
        self.ends(MACHINE_LACKS, "load", "gone.pt", *given, says="cannot read `gone.pt`: No such file")
        self.ends(MACHINE_LACKS, "load", ".", *given, says="cannot read `.`: it is a folder")
        os.mkfifo(self.dir / "pipe.pt")
        self.ends(MACHINE_LACKS, "load", "pipe.pt", *given, says="pipe.pt")
        self.ends(MACHINE_LACKS, "repack", "pipe.pt", "out.pt", says="cannot read `pipe.pt`: it is no file")
        self.write("text.pt", "no archive at all, though it is long enough")
        self.ends(REQUEST_FAILED, "load", "text.pt", *given, says="text.pt")
        self.ends(USAGE, "load", "net.pt", "--method", "back", says=["no `back`", "`forward`"])
        self.ends(USAGE, "load", "net.pt", *given, "--strategy", "best", says=["no strategy `best`", "mmap, pisel"])
        self.ends(USAGE, "load", "net.pt", *given, "--disk", "fast", says=["`fast` is no speed", "1GB/s"])
        self.ends(USAGE, "load", "net.pt", *given, "--cold", "--hot", says="--hot")
        self.ends(MACHINE_LACKS, "load", "net.pt", *given, "--trace", "no/t.json", says="no/t.json")
        before = (self.dir / "net.pt").read_bytes()
        for output in ("--trace", "--gantt", "--record-order"):
            self.ends(USAGE, "load", "net.pt", *given, output, "net.pt", says="would be written over")
        self.assertEqual((self.dir / "net.pt").read_bytes(), before)
        with zipfile.ZipFile(self.dir / "code.pt2", "w") as package:
            package.writestr("code/archive_format", "pt2")
            package.writestr("code/archive_version", "0")
            package.writestr("code/version", "3\n")
        self.ends(USAGE, "load", "code.pt2", *given, says=["code.pt2 is an exported program", "was not compiled"])

    def test_a_damaged_weight(self):
        with zipfile.ZipFile(self.dir / "net.pt") as archive:
            (info,) = [i for i in archive.infolist() if i.filename.endswith("/data/3")]
        damaged = bytearray((self.dir / "net.pt").read_bytes())
        damaged[info.header_offset + 5000] ^= 1
        self.write("net.pt", bytes(damaged))
        self.ends(
            REQUEST_FAILED, "load", "net.pt", "--in", f"f32[1,{WIDTH}]", says=["net.pt: bytes", "checksum"]
        )

    def test_the_help_teaches(self):
        text = self.ends(FINE, "load", "--help").stdout
        for word in ["MODEL", "--in", "--cold", "--hot", "--disk", "--runs", "--check", "--trace", "--gantt", "--record-order",
                     "--strategy", "--json", "raceway load resnet50.pt --in f32[1,3,224,224]", "η", "TorchScript"]:  # fmt: skip
            self.assertIn(word, text)
        for line in text.splitlines():
            self.assertLessEqual(len(line), 120, line)


if __name__ == "__main__":
    main()
