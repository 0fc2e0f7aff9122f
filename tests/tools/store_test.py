"""`raceway store`, and flows that look up in what it made."""

import json
import os
import resource
import shutil
import signal
import subprocess
import time

import cli
from cli import FINE, FLOW_IS_WRONG, MACHINE_LACKS, REQUEST_FAILED, USAGE, CliTest, main

SHOP = """edition 1

param top: i64 in 1..20 = 2

store users(user: string) -> (taste: f32[2], age: i64?) { rocksdb: "data/users", cache: 64MiB }
store shelf(id: i64) -> (items: f32[M, 2], names: string[M]) { rocksdb: "data/shelf" }
store near(vec: f32[2]) -> (name: string[top], score: f32[top]) { index: "places.jsonl", top: top }
store plain(user: string) -> (age: i64) { rows: "plain.jsonl" }

flow tastes(asks: { user: string }) -> { user: string, taste: f32[2], age: i64? } {
  return asks |> lookup(users, key: user) |> select(user, taste, age)
}

flow ages(asks: { user: string }) -> { user: string, age: i64? } {
  return asks |> lookup(users, key: user, miss: null) |> select(user, age)
}

flow shelves(asks: { id: i64 }) -> { id: i64, names: string[M] } {
  return asks |> lookup(shelf, key: id, miss: drop) |> select(id, names)
}

flow nearest(asks: { vec: f32[2] }) -> { name: string[2], score: f32[2] } {
  return asks |> lookup(near, key: vec) |> select(name, score)
}
"""

USERS = """{"user": "eve", "taste": [1, 2], "age": 30}

{"user": "bob", "taste": [3, 4], "age": null}
"""


def large_rows(count, of=400):
    """Rows of `of` numbers, of a MB or so for every 300."""
    return "".join(
        json.dumps({"user": f"user {i}", "x": [i + j / 7 for j in range(of)]}) + "\n" for i in range(count)
    )


class StoreTest(CliTest):
    def setUp(self):
        super().setUp()
        self.write("shop.flow", SHOP)
        self.write("users.jsonl", USERS)

    def load(self, code=FINE, says=(), rows="users.jsonl"):
        return self.ends(code, "store", "load", "shop.flow", "users", "--rows", rows, says=says)

    def run_flow(self, flow, rows, code=FINE, says=(), words=()):
        self.write("asks.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        return self.ends(
            code, "run", "shop.flow", flow, "--rows", "asks.jsonl", "--json", *words, says=says
        )

    def names(self, folder="data"):
        return sorted(os.listdir(self.dir / folder))

    def test_load_and_look_up(self):
        done = self.load()
        self.assertEqual(done.stdout, "2 rows in data/users\n")
        self.assertEqual(self.names(), ["users"])
        done = self.run_flow("tastes", [{"user": "bob"}, {"user": "eve"}, {"user": "bob"}])
        self.assertEqual(
            self.rows_of(done),
            [
                {"user": "bob", "taste": [3, 4], "age": None},
                {"user": "eve", "taste": [1, 2], "age": 30},
                {"user": "bob", "taste": [3, 4], "age": None},
            ],
        )
        done = self.run_flow("ages", [{"user": "eve"}, {"user": "ann"}])
        self.assertEqual([row["age"] for row in self.rows_of(done)], [30, None])
        self.run_flow(
            "tastes", [{"user": "eve"}, {"user": "ann"}], REQUEST_FAILED,
            says=["row 2", 'store users has no row for the key "ann"', "lookup(users) at shop.flow:11:18"],
        )

    def test_no_rows_do_not_empty_a_store(self):
        self.write("none.jsonl", "\n")
        self.load(rows="none.jsonl")
        self.load()
        self.load(REQUEST_FAILED, rows="none.jsonl", says=["none.jsonl: no rows", "`data/users` is as it was"])
        self.assertEqual(self.names(), ["users"])
        self.ends(FINE, "store", "get", "data/users", "eve")

    def test_tensors_of_texts_and_open_sizes(self):
        self.write("shelf.jsonl", '{"id": -7, "items": [[1, 2], [3, 4]], "names": ["a", "ä"]}\n'
                                  '{"id": 8, "items": [], "names": []}\n')
        self.ends(FINE, "store", "load", "shop.flow", "shelf", "--rows", "shelf.jsonl")
        done = self.run_flow("shelves", [{"id": 8}, {"id": 0}, {"id": -7}])
        self.assertEqual(self.rows_of(done), [{"id": 8, "names": []}, {"id": -7, "names": ["a", "ä"]}])
        done = self.ends(FINE, "store", "get", "data/shelf", "--json", "--", "-7")
        self.assertEqual(
            self.rows_of(done), [{"id": -7, "items": [[1, 2], [3, 4]], "names": ["a", "ä"]}]
        )

    def test_without_a_flow(self):
        schema = "user: string, taste: f32[2], age: i64?"
        done = self.ends(
            FINE, "store", "load", "--dir", "here/u", "--schema", schema, "--rows", "-", "--json",
            stdin=USERS,
        )
        self.assertEqual(json.loads(done.stdout), {"folder": "here/u", "rows": 2})
        done = self.ends(FINE, "store", "get", "here/u", "eve")
        self.assertIn("eve   [1,2]   30", done.stdout)
        self.ends(REQUEST_FAILED, "store", "get", "here/u", "ann", says="has no row for the key ann")
        done = self.ends(FINE, "store", "stats", "here/u")
        self.assertIn("rows    2\nschema  (user: string, taste: f32[2], age: i64?)\nbytes   ", done.stdout)
        stats = json.loads(self.ends(FINE, "store", "stats", "here/u", "--json").stdout)
        self.assertEqual(stats["rows"], 2)
        self.assertEqual(stats["schema"][1], {"name": "taste", "type": "f32[2]"})
        self.assertGreater(stats["bytes"], 0)

    def test_calls_that_make_no_sense(self):
        def usage(*words, says):
            self.ends(USAGE, "store", *words, says=says)

        usage(says="say what to do: load, get or stats")
        usage("load", "shop.flow", "users", says="--rows is required")
        usage("load", "--rows", "users.jsonl", says="which store? FLOW STORE, or --dir DIR --schema")
        usage("load", "shop.flow", "--rows", "users.jsonl", says="which store of shop.flow?")
        usage("load", "shop.flow", "user", "--rows", "users.jsonl",
              says="shop.flow has no store `user`; did you mean `users`?")
        usage("load", "shop.flow", "plain", "--rows", "users.jsonl", says="is a store of kind `rows`")
        usage("load", "--dir", "d", "--schema", "user", "--rows", "-", says="this is `user`")
        usage("load", "--dir", "d", "--schema", "a: i64, a: i64", "--rows", "users.jsonl", says="`a` twice")
        usage("load", "--dir", "d", "--schema", "a: f32, b: i64", "--rows", "users.jsonl", says="is not a key")
        usage("load", "shop.flow", "users", "--rows", "nothing.jsonl", says="cannot read `nothing.jsonl`")
        self.load()
        self.write("shelf.jsonl", '{"id": 1, "items": [], "names": []}\n')
        self.ends(FINE, "store", "load", "shop.flow", "shelf", "--rows", "shelf.jsonl")
        usage("get", "data/shelf", "x", says="keys of this store are `id: i64`, `x` is none")
        self.assertFalse((self.dir / "d").exists())

    def test_mistakes_in_rows_leave_all_as_it_was(self):
        self.load()
        self.write("twice.jsonl", USERS + "\n" + '{"user": "eve", "taste": [5, 6], "age": 1}\n')
        self.load(REQUEST_FAILED, 'twice.jsonl: lines 1 and 5 have the same key, "eve"', "twice.jsonl")
        self.write("wrong.jsonl", USERS + '{"user": "kim", "taste": [5], "age": 1}\n')
        self.load(REQUEST_FAILED, "wrong.jsonl:4: `taste` is f32[1], declared f32[2]", "wrong.jsonl")
        self.assertEqual(self.names(), ["users"])
        done = self.ends(FINE, "store", "get", "data/users", "eve", "--json")
        self.assertEqual(self.rows_of(done)[0]["taste"], [1, 2])

    def test_rows_are_replaced_in_one_step(self):
        self.load()
        self.write("new.jsonl", '{"user": "eve", "taste": [9, 9], "age": 31}\n')
        self.load(rows="new.jsonl")
        self.assertEqual(self.names(), ["users"])
        self.assertEqual(json.loads(self.ends(FINE, "store", "stats", "data/users", "--json").stdout)["rows"], 1)

    def test_many_rows_in_blocks(self):
        rows = large_rows(3000)  # more than one block of 4 MB
        self.assertGreater(len(rows), 2 * (4 << 20))
        self.write("large.jsonl", rows)
        schema = "user: string, x: f32[400]"
        self.ends(FINE, "store", "load", "--dir", "d", "--schema", schema, "--rows", "large.jsonl")
        for i in (0, 1499, 2999):
            row = self.rows_of(self.ends(FINE, "store", "get", "d", f"user {i}", "--json"))[0]
            self.assertAlmostEqual(row["x"][399], i + 57, delta=1e-3)
        # Lines are numbered through all blocks.
        self.write("large.jsonl", rows + '{"user": "last", "x": 1}\n')
        self.ends(
            REQUEST_FAILED, "store", "load", "--dir", "d", "--schema", schema, "--rows", "large.jsonl",
            says="large.jsonl:3001: `x` wants f32[400]",
        )

    def test_a_full_disk(self):
        """A limit on the size of files stands for it: writing fails just so."""
        self.load()
        self.write("large.jsonl", large_rows(3000))

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

        for dir_ in ("data/users", "data/new"):
            done = subprocess.run(
                [str(cli.CLI), "store", "load", "--dir", dir_, "--schema", "user: string, x: f32[400]",
                 "--rows", "large.jsonl"],
                cwd=self.dir, capture_output=True, text=True, preexec_fn=limit, timeout=120,
            )
            self.assertEqual(done.returncode, MACHINE_LACKS, done.stderr)
            self.assertIn("cannot write `", done.stderr)
            self.assertIn("File too large", done.stderr)
            self.assertEqual(self.names(), ["users"])
        self.ends(FINE, "store", "get", "data/users", "eve")

    def test_interrupted(self):
        self.load()
        process = subprocess.Popen(
            [str(cli.CLI), "store", "load", "shop.flow", "users", "--rows", "-"],
            cwd=self.dir, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        try:
            deadline = time.monotonic() + 60
            while not (self.dir / "data" / ".users.loading").exists():
                self.assertLess(time.monotonic(), deadline, "it did not begin to load")
                time.sleep(0.02)
            time.sleep(0.5)
            # Meanwhile nobody else may load it.
            self.load(MACHINE_LACKS, "another process is loading it")
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(USERS, timeout=60)
        finally:
            process.kill()
        self.assertEqual(process.returncode, REQUEST_FAILED, errors)
        self.assertIn("cancelled: `data/users` is as it was", errors)
        self.assertEqual(self.names(), ["users"])
        self.ends(FINE, "store", "get", "data/users", "eve")

    def test_interrupted_while_nothing_comes(self):
        self.load()
        for ends in (False, True):  # the pipe stays open, and ends right after Ctrl-C
            process = subprocess.Popen(
                [str(cli.CLI), "store", "load", "shop.flow", "users", "--rows", "-"],
                cwd=self.dir, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            try:
                deadline = time.monotonic() + 60
                while not (self.dir / "data" / ".users.loading").exists():
                    self.assertLess(time.monotonic(), deadline, "it did not begin to load")
                    time.sleep(0.02)
                time.sleep(0.5)
                process.send_signal(signal.SIGINT)
                if ends:
                    process.stdin.close()
                self.assertEqual(process.wait(timeout=30), REQUEST_FAILED)
                self.assertIn("cancelled: `data/users` is as it was", process.stderr.read())
            finally:
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout, process.stderr):
                    pipe.close()
            self.assertEqual(self.names(), ["users"])
            self.ends(FINE, "store", "get", "data/users", "eve")

    def test_rows_from_a_pipe_with_a_name(self):
        """What can be read only once is read once."""
        done = subprocess.run(
            ["bash", "-c", f"'{cli.CLI}' store load shop.flow users --rows <(cat users.jsonl)"],
            cwd=self.dir, capture_output=True, text=True, timeout=60,
        )
        self.assertEqual(done.stdout, "2 rows in data/users\n", done.stderr)
        os.mkfifo(self.dir / "fifo")
        writer = subprocess.Popen(["bash", "-c", "cat users.jsonl > fifo"], cwd=self.dir)
        self.load(rows="fifo")
        self.assertEqual(writer.wait(timeout=60), 0)

    def test_a_folder_of_somebody_else_stays(self):
        self.load()
        (self.dir / "data" / "users" / "RACEWAY").unlink()
        self.load(USAGE, "holds something else (it has no file RACEWAY)")
        self.ends(FINE, "store", "get", "data/users", "eve")

    def test_killed(self):
        process = subprocess.Popen(
            [str(cli.CLI), "store", "load", "shop.flow", "users", "--rows", "-"],
            cwd=self.dir, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not (self.dir / "data" / ".users.loading").exists():
            self.assertLess(time.monotonic(), deadline, "it did not begin to load")
            time.sleep(0.02)
        self.run_flow("tastes", [{"user": "eve"}], MACHINE_LACKS, says="store users: `data/users` is being loaded")
        process.kill()
        process.communicate()
        self.run_flow("tastes", [{"user": "eve"}], MACHINE_LACKS, says="`data/users` is not there")
        self.load()  # clears away what was left
        self.assertEqual(self.names(), ["users"])

    def test_stores_that_cannot_be_used(self):
        asks = [{"user": "eve"}]
        self.run_flow(
            "tastes", asks, MACHINE_LACKS,
            says=["store users: `data/users` is not there; `raceway store load` makes one", "shop.flow:11:18"],
        )
        self.load()
        self.write("shop.flow", SHOP.replace("f32[2], age: i64?", "f32[3], age: i64?"))
        self.ends(
            MACHINE_LACKS, "run", "shop.flow", "ages", "--rows", "asks.jsonl",
            says="has `taste: f32[2]`, the flow declares `f32[3]`",
        )
        self.write("shop.flow", SHOP)
        for file in (self.dir / "data" / "users").glob("*.sst"):
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        self.run_flow("tastes", asks, MACHINE_LACKS, says=["store users: `data/users`", "load it again"])
        self.ends(MACHINE_LACKS, "store", "stats", "data/users", says="load it again")
        shutil.rmtree(self.dir / "data")
        self.write("data/users", "a file")
        self.run_flow("tastes", asks, MACHINE_LACKS, says="is no folder of rows, but a file")

    def test_a_damaged_row_ends_its_own_request(self):
        rows = [{"user": f"user {i}", "taste": [i, i], "age": i} for i in range(5000)]
        self.write("users.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        self.load()
        largest = max((self.dir / "data" / "users").glob("*.sst"), key=lambda file: file.stat().st_size)
        content = bytearray(largest.read_bytes())
        content[len(content) // 3] ^= 1
        largest.write_bytes(content)
        asks = [{"user": f"user {i}"} for i in range(0, 5000, 50)]
        self.write("asks.jsonl", "".join(json.dumps(row) + "\n" for row in asks))
        done = self.call("run", "shop.flow", "tastes", "--rows", "asks.jsonl", "--json", "--per-row")
        failed = done.stderr.count("request failed")
        self.assertEqual(done.returncode, REQUEST_FAILED, done.stderr)
        self.assertIn("the row cannot be read (Corruption", done.stderr)
        self.assertTrue(0 < failed < 20, failed)
        self.assertEqual(len(self.rows_of(done)), len(asks) - failed)

    def test_several_processes_read_at_once(self):
        self.load()
        self.write("asks.jsonl", '{"user": "eve"}\n')
        words = [str(cli.CLI), "run", "shop.flow", "tastes", "--rows", "asks.jsonl", "--json"]
        processes = [
            subprocess.Popen(words, cwd=self.dir, stdout=subprocess.PIPE, text=True) for _ in range(3)
        ]
        for process in processes:
            out, _ = process.communicate(timeout=120)
            self.assertEqual(json.loads(out)["age"], 30)

    def test_the_nearest(self):
        self.write("places.jsonl", '{"vec": [1, 0], "name": "east"}\n{"vec": [0, 3], "name": "north"}\n'
                                   '{"vec": [-1, 0], "name": "west"}\n')
        done = self.run_flow("nearest", [{"vec": [5, 1]}, {"vec": [-0.1, 1]}])
        rows = self.rows_of(done)
        self.assertEqual([row["name"] for row in rows], [["east", "north"], ["north", "west"]])
        self.assertAlmostEqual(rows[0]["score"][0], 5 / 26**0.5, places=5)
        self.write("places.jsonl", '{"vec": [1, 0], "name": "east"}\n')
        self.run_flow("nearest", [{"vec": [5, 1]}], MACHINE_LACKS,
                      says="has 1 vectors, fewer than the 2 nearest that are wanted")

    def test_what_the_checker_says(self):
        def wrong(old, new, says):
            self.assertIn(old, SHOP)
            self.write("shop.flow", SHOP.replace(old, new))
            self.ends(FLOW_IS_WRONG, "check", "shop.flow", says=says)

        wrong("cache: 64MiB", "cache: 64", "`cache` wants an amount of memory, as `256MiB`")
        wrong("cache: 64MiB", "cache: 64ms", "`cache` wants an amount of memory")
        wrong("cache: 64MiB", "top: 3", "a store has no setting `top`")
        wrong("top: top }", "top: 3 }", "`top` is not how many rows the columns have")
        wrong("top: top }", "metric: near }", "`metric` is `cosine`, `dot` or `l2`")
        wrong("near(vec: f32[2])", "near(vec: string)", "an index is searched by a vector of one size")
        wrong("score: f32[top]", "score: f32", "an index gives a list of the nearest")
        wrong("name: string[top]", "name: string[top, 3]", "an index gives a list of the nearest")
        wrong("top: top }", "metric: l2 }", "metric `l2` gives a `distance`, no `score`")
        distances = SHOP.replace("score: f32[top]", "distance: f32[top]")
        self.write("shop.flow", distances.replace("top: top }", "metric: dot }"))
        self.ends(FLOW_IS_WRONG, "check", "shop.flow", says="metric `dot` gives a `score`, no `distance`")


if __name__ == "__main__":
    main()
