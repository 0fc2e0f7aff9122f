#!/usr/bin/env python3
"""`raceway run --trace`: what Perfetto gets is whole and right, also where requests fail."""

import json
from collections import defaultdict

import cli
from cli import FINE, REQUEST_FAILED, USAGE, MACHINE_LACKS, CliTest

# A fan-out, a fan-in and two models.
FLOW = """edition 1

model double(x: f32[2]) -> (y: f32[2]) { source: "MODEL" }
model triple(x: f32[2]) -> (z: f32[2]) { source: "triple.pt" }

flow both(rows: { id: i64, x: f32[2] }) -> { id: i64, s: f32 } {
  let (low, high) = rows |> split(max(x) < 50.0)
  return union(low |> map(double) |> derive(s = max(y)) |> select(id, s),
               high |> map(triple) |> derive(s = max(z)) |> select(id, s))
}
"""
ROWS = """{"id": 1, "x": [1, 2.5]}
{"id": 2, "x": [-3, -4]}
{"id": 3, "x": [0, 100]}
"""


class TraceTest(CliTest):
    def trace(self, code, *words, model="double.pt", says=()):
        self.write("both.flow", FLOW.replace("MODEL", model))
        self.write("rows.jsonl", ROWS)
        self.ends(
            code, "run", "both.flow", "--rows", "rows.jsonl", "--trace", "out.json", *words, says=says
        )
        trace = json.loads((self.dir / "out.json").read_text())
        self.check(trace["traceEvents"])
        return trace["traceEvents"]

    def stages(self):
        done = self.ends(FINE, "explain", "both.flow", "--emit=physical", "--json")
        return [stage["name"] for stage in json.loads(done.stdout)["stages"]]

    def check(self, events):
        """What any trace must be: no span ends before it begins, those of a thread nest."""
        begun = {}
        spans = defaultdict(list)
        for event in events:
            self.assertIn(event["ph"], "MXbe", event)
            if event["ph"] == "M":
                continue
            self.assertGreaterEqual(event["ts"], 0, event)
            key = (event["cat"], event.get("id"), event["name"])
            if event["ph"] == "b":
                self.assertNotIn(key, begun)
                begun[key] = event["ts"]
            elif event["ph"] == "e":
                self.assertGreaterEqual(event["ts"], begun.pop(key), event)
            else:
                self.assertGreaterEqual(event["dur"], 0, event)
                spans[event["tid"]].append((event["ts"], event["ts"] + event["dur"], event["name"]))
        self.assertEqual(begun, {})
        for thread in spans.values():
            open_spans = []
            for begin, end, name in sorted(thread, key=lambda span: (span[0], -span[1])):
                while open_spans and open_spans[-1] <= begin + 1e-3:
                    open_spans.pop()
                if open_spans:
                    self.assertLessEqual(end, open_spans[-1] + 1e-3, name)
                open_spans.append(end)

    def by_request(self, events, category):
        names = defaultdict(list)
        for event in events:
            if event.get("cat") == category and event["ph"] in "Xb":
                names[event["args"]["request"]].append(event["name"])
        return names

    def test_each_stage_of_each_request_is_there(self):
        for words, num_requests in [([], 1), (["--per-row", "--workers", "3"], 3)]:
            events = self.trace(FINE, *words)
            requests = self.by_request(events, "request")
            self.assertEqual(list(requests.values()), [["both"]] * num_requests)
            stages = sorted(self.stages())
            for request in requests:
                self.assertEqual(sorted(self.by_request(events, "run")[request]), stages)
                for kind in ["queue", "copy"]:
                    self.assertEqual(
                        sorted(self.by_request(events, kind)[request]),
                        sorted(f"{kind} {stage}" for stage in stages),
                    )
            self.assertNotIn("operator", {event.get("cat") for event in events})

    def test_a_request_that_fails_is_there_to_its_end(self):
        events = self.trace(REQUEST_FAILED, "--per-row", model="raises.pt", says="no luck today")
        errors = {
            event["args"]["request"]: event["args"].get("error")
            for event in events
            if event.get("cat") == "request" and event["ph"] == "b"
        }
        self.assertEqual(len(errors), 3)
        failed = [request for request, error in errors.items() if error]
        self.assertEqual(len(failed), 1)
        self.assertIn("no luck today", errors[failed[0]])
        for request in errors:
            passed = [name[5:] for name in self.by_request(events, "pass")[request]]
            ran = self.by_request(events, "run")[request]
            self.assertEqual(sorted(ran + passed), sorted(self.stages()))
            self.assertEqual(passed != [], request in failed)

    def test_a_request_that_is_stopped_is_there_to_its_end(self):
        events = self.trace(
            REQUEST_FAILED, "--deadline", "1", model="slow.pt", says="the deadline has passed"
        )
        (request,) = [e for e in events if e.get("cat") == "request" and e["ph"] == "b"]
        self.assertIn("deadline exceeded", request["args"]["error"])
        self.assertNotEqual(self.by_request(events, "pass"), {})

    def test_what_is_loaded_is_there(self):
        events = self.trace(FINE, model="heavy.pt")
        loads = [event for event in events if event.get("cat") == "load" and event["ph"] == "b"]
        read = [event["args"] for event in loads if event["name"] == "retrieve heavy.pt"]
        self.assertGreaterEqual(sum(chunk["bytes"] for chunk in read), 8192)
        self.assertIn(read[0]["class"], ["urgent", "near"])

    def test_operators_on_demand(self):
        events = self.trace(FINE, "--trace-ops")
        operators = [event for event in events if event.get("cat") == "operator"]
        self.assertIn("aten::mul.Scalar", {event["name"] for event in operators})
        runs = [event for event in events if event.get("cat") == "run"]
        for event in operators:
            inside = [
                run
                for run in runs
                if run["tid"] == event["tid"]
                and run["ts"] - 1e-3 <= event["ts"]
                and event["ts"] + event["dur"] <= run["ts"] + run["dur"] + 1e-3
            ]
            self.assertEqual(len(inside), 1, event)

    def test_mistakes(self):
        self.write("both.flow", FLOW.replace("MODEL", "double.pt"))
        self.write("rows.jsonl", ROWS)
        words = ["run", "both.flow", "--rows", "rows.jsonl"]
        self.ends(USAGE, *words, "--trace-ops", says="--trace")
        self.ends(MACHINE_LACKS, *words, "--trace", "gone/out.json", says="gone/out.json")
        for read in ("rows.jsonl", "both.flow", "./rows.jsonl", "double.pt"):
            before = (self.dir / read).read_bytes()
            self.ends(USAGE, *words, "--trace", read, says=f"`{read}` would be written over")
            self.assertEqual((self.dir / read).read_bytes(), before)


if __name__ == "__main__":
    cli.main()
