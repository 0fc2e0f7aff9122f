#!/usr/bin/env python3
"""examples/recommender.flow finds what NumPy finds, from stores that it fills itself.

    .venv/bin/python tests/examples/recommender_test.py build/release/bin/raceway
"""

import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import numpy
import running
from running import ROOT

sys.path.insert(0, str(ROOT / "tools/models"))
sys.dont_write_bytecode = True

import recommender  # noqa: E402  (tools/models)

ASKS = [(user, shelf) for user in recommender.LIKES for shelf in recommender.SHELVES]
BEST = 5


class RecommenderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        recommender.main()
        cls.folder = Path(tempfile.mkdtemp(prefix="raceway-recommender-"))
        shutil.copy(ROOT / "examples/recommender.flow", cls.folder)
        (cls.folder / "models").mkdir()
        shutil.copytree(
            recommender.FOLDER, cls.folder / "models/recommender",
            ignore=shutil.ignore_patterns("users", "shelf", ".*"),
        )
        for store in ("users", "shelf"):
            rows = f"models/recommender/{store}.jsonl"
            running.call(
                "store", "load", "recommender.flow", store, "--rows", rows, folder=cls.folder
            )
        asks = [{"user": user, "category": shelf} for user, shelf in ASKS]
        running.write_rows(cls.folder / "asks.jsonl", asks)
        cls.got = cls.run_flow()
        cls.vectors, cls.names = recommender.vectors_and_names()
        cls.tastes = recommender.tastes(cls.vectors, cls.names)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def run_flow(cls, *words):
        return running.run_flow(
            "recommender.flow", "--rows", "asks.jsonl", *words, folder=cls.folder
        )

    def test_finds_what_numpy_finds(self):
        self.assertEqual([row["user"] for row in self.got], [user for user, _ in ASKS])
        for (user, shelf), row in zip(ASKS, self.got):
            with self.subTest(user=user, shelf=shelf):
                numbers = list(recommender.SHELVES[shelf])
                scores = self.vectors[numbers] @ self.tastes[user]
                numpy.testing.assert_allclose(row["s"], numpy.sort(scores)[::-1][:BEST], atol=1e-4)
                # Names by their own scores: of two that are all but equal either may be first.
                of_name = {self.names[number]: score for number, score in zip(numbers, scores)}
                numpy.testing.assert_allclose(
                    [of_name[name] for name in row["names"]], row["s"], atol=1e-4
                )
                self.assertEqual(len(set(row["names"])), BEST)

    def test_what_one_likes_is_on_top(self):
        rows = dict(zip(ASKS, self.got))
        for (user, shelf), row in rows.items():
            likes = set(recommender.LIKES[user])
            if likes <= {self.names[number] for number in recommender.SHELVES[shelf]}:
                with self.subTest(user=user):
                    self.assertEqual(set(row["names"][:2]), likes)
        self.assertIn("cup", rows[("ada", "things")]["names"])
        self.assertIn("tiger cat", rows[("bea", "animals")]["names"])

    def test_one_by_one_is_the_same(self):
        for one, all_ in zip(self.run_flow("--per-row"), self.got):
            numpy.testing.assert_allclose(one["s"], all_["s"], atol=1e-5)


if __name__ == "__main__":
    running.main()
