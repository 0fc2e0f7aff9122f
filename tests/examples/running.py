"""What the tests of examples share: running a flow and reading its rows."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = sorted((ROOT / "examples/photos").glob("[!.]*"))
CLI = ROOT / "build/release/bin/raceway"


def run_flow(cli, flow, *words, folder=ROOT):
    """The rows that the command line prints, in their order."""
    command = [str(cli), "run", str(flow), *words, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
