"""How long an editor waits for `raceway lsp`.

    tests/tools/lsp_speed_test.py build/release/bin/raceway
"""

import time
import unittest

import lsp_test


class SpeedTest(unittest.IsolatedAsyncioTestCase):
    """A change in a file of 2,000 lines: mistakes published and a hover answered."""

    LIMIT_MS = 50
    TRIES = 40

    @staticmethod
    def text():
        items = ["edition 1\n", "schema Row { id: i64, x: f32[8] }\n"]
        number = 0
        while sum(item.count("\n") for item in items) < 2000:
            number += 1
            items.append(
                f"""
/// The label of a row by model {number}.
model m{number}(x: f32[8]) -> (logits{number}: f32[5]) {{ source: "models/m{number}.pt" }}

flow f{number}(rows: Row) -> {{ id: i64, top: i64, conf: f32 }} {{
  let asked = rows
    |> map(m{number})
    |> derive(p = softmax(logits{number}), top = argmax(p), conf = max(p))
  let (sure, unsure) = asked |> split(conf >= 0.5)
  return union(sure, unsure |> filter(top != 0))
    |> select(id, top, conf)
}}
"""
            )
        return "".join(items)

    async def test_is_fast(self):
        s = lsp_test.Session()
        await s.start()
        text = self.text()
        self.assertGreaterEqual(text.count("\n"), 2000)
        self.assertEqual([], await s.open(text))
        took = []
        for i in range(self.TRIES):
            old, new = ("conf >= 0.5", "conf >= 0.25") if i % 2 == 0 else ("conf >= 0.25", "conf >= 0.5")
            begin = time.perf_counter()
            self.assertEqual([], await s.change(old, new))
            self.assertIn("conf: f32", await s.hover("s^plit(conf"))
            took.append((time.perf_counter() - begin) * 1000)
        took.sort()
        print(
            f"\na change of {text.count(chr(10))} lines ({len(text)} bytes): best {took[0]:.1f} ms, "
            f"median {took[len(took) // 2]:.1f} ms, worst {took[-1]:.1f} ms"
        )
        # Other work on the machine only makes it slower.
        self.assertLess(took[0], self.LIMIT_MS)
        self.assertEqual(0, await s.stop())


if __name__ == "__main__":
    lsp_test.main()
