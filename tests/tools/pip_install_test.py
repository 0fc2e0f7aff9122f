#!/usr/bin/env python3
"""`pip install ./tools/python` into a fresh environment, where no raceway is installed.

    .venv/bin/python tests/tools/pip_install_test.py

Builds all of the library in build/python: a quarter of an hour on two idle cores, unless it has been
built there before. The environment sees the torch of this one.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOW = """edition 1
flow more(rows: { x: f32[N] }) -> { x: f32[N] } { return rows |> filter(max(x) > 1.0) }
"""
CODE = f"""
import json, raceway, torch
with raceway.Engine(1) as engine:
    flow = engine.deploy(raceway.compile({FLOW!r}))
    print(json.dumps(flow.run({{"x": torch.tensor([[1.0, 0.5], [0.0, 3.0]])}})["x"].tolist()))
"""


def call(*words):
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=env)
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class PipInstallTest(unittest.TestCase):
    def test_it_is_built_and_imported(self):
        with tempfile.TemporaryDirectory(prefix="raceway-pip-") as name:
            call(sys.executable, "-m", "venv", name)
            python = Path(name) / "bin/python"
            (site,) = Path(name).glob("lib/python3*/site-packages")
            (site / "torch.pth").write_text(sysconfig.get_path("platlib") + "\n")
            # What pip would fetch to build it with is in the environment that it sees.
            call(python, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation",
                 ROOT / "tools/python")  # fmt: skip
            self.assertTrue((site / "raceway/__init__.py").exists())
            self.assertEqual([[0.0, 3.0]], json.loads(call(python, "-c", CODE)))


if __name__ == "__main__":
    unittest.main()
