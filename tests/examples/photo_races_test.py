#!/usr/bin/env python3
"""examples/cascade3.flow and examples/race.flow answer as the same networks do in plain Python.

    .venv/bin/python tests/examples/photo_races_test.py build/release/bin/raceway

The cascade: same labels, same deciding network, confidences to 1e-4. The race: whoever won, the
answer is that network's own and sure enough; where one network alone is sure, it is the winner.
"""

import unittest

import image_cascade_reference as reference
import running

THRESHOLD = 0.5  # image_cascade.flow's
SURE = 0.3  # race.flow's


class PhotoRacesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        labels = (running.ROOT / "examples/models/imagenet_labels.txt").read_text().splitlines()
        sizes = {"lite0": 224, "lite1": 240, "lite2": 260}
        networks = {
            name: reference.Classifier(f"efficientnet_{name}", size)
            for name, size in sizes.items()
        }
        cls.answers = []  # of each photograph: network -> (label, confidence)
        for photo in running.PHOTOS:
            image = reference.decode(photo)
            found = {name: network(image) for name, network in networks.items()}
            cls.answers.append({name: (labels[i], conf) for name, (i, conf) in found.items()})

    def run_on_photographs(self, flow, *words):
        rows = running.run_flow(flow, "--each", "image=examples/photos/*", *words)
        self.assertEqual([row["id"] for row in rows], list(range(1, len(self.answers) + 1)))
        return rows

    def assert_is_answer_of(self, name, row):
        label, confidence = self.answers[row["id"] - 1][name]
        self.assertEqual(row["label"], label)
        self.assertAlmostEqual(row["conf"], confidence, delta=1e-4)

    def test_the_cascade_answers_as_python_does(self):
        rows = running.run_flow("examples/cascade3.flow", "--each", "image=examples/photos/*")
        self.assertEqual(len(rows), len(self.answers))
        for row in rows:
            answers = self.answers[row["id"] - 1]
            decides = next(
                (name for name in ("lite0", "lite1") if answers[name][1] >= THRESHOLD), "lite2"
            )
            self.assertEqual(row["by"], decides, row)
            self.assert_is_answer_of(decides, row)
        self.assertEqual({row["by"] for row in rows} - {"lite1"}, {"lite0", "lite2"})

    def test_the_race_is_won_by_a_sure_answer(self):
        for row in self.run_on_photographs("examples/race.flow"):
            answers = self.answers[row["id"] - 1]
            sure = [name for name in ("lite0", "lite1") if answers[name][1] >= SURE]
            with self.subTest(photo=running.PHOTOS[row["id"] - 1].name, sure=sure):
                self.assertIn(row["by"], sure or ["else"])
                self.assert_is_answer_of("lite2" if row["by"] == "else" else row["by"], row)

    def test_where_one_network_alone_is_sure_it_wins_each_time(self):
        for _ in range(3):
            rows = self.run_on_photographs("examples/race.flow", "--set", "sure=0.7")
            for row in rows:
                answers = self.answers[row["id"] - 1]
                sure = [name for name in ("lite0", "lite1") if answers[name][1] >= 0.7]
                if len(sure) < 2:
                    self.assertEqual(row["by"], (sure or ["else"])[0], row)


if __name__ == "__main__":
    running.main()
