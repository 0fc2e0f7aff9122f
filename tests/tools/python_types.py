"""What a type checker knows of the package: `mypy --strict` has nothing to say (python_test.py).

Never run. Each `type: ignore` is a mistake that has to be found: one that is not is an error.
"""

import asyncio
from concurrent.futures import Future
from pathlib import Path
from typing import Any, assert_type

import numpy
import raceway
import torch


def plans(path: Path) -> raceway.Plan:
    raceway.compile("a.flow", "main", params={"limit": 0.5, "name": "x"}, hints=["big.threads=2"])
    raceway.compile(path, base_dir=str(path))
    plan = raceway.Plan.load("a.plan")
    assert_type(plan.files, list[str])
    assert_type(plan.base_dir, Path)
    for table in plan.inputs + plan.results:
        for field in table.fields:
            assert_type(field.shape, tuple[int, ...])
    raceway.compile(7)  # type: ignore[arg-type]
    raceway.compile("a.flow", ["hint"])  # type: ignore[arg-type]
    return raceway.Plan.from_json(plan.to_json(), path)


def mistakes() -> list[str]:
    try:
        plans(Path())
    except raceway.CompileError as error:
        return [f"{note.where.line}" for one in error.diagnostics for note in one.notes]
    except raceway.RequestError as error:
        assert_type(error.row, int | None)
        return [error.code, error.stage]
    return []


def requests(plan: raceway.Plan) -> Future[dict[str, Any]]:
    cancel = raceway.CancelSource()
    with raceway.Engine(2) as engine:
        flow = engine.deploy(plan, check_files=False)
        row = {"id": torch.tensor([1]), "name": ["x"], "x": numpy.ones((1, 2), "f4")}
        assert_type(flow.run(row, timeout=0.5, cancel=cancel), dict[str, Any])
        flow.run({"left": row, "right": row})
        future = flow.submit(row)
        assert_type(future.cancel(), bool)
        asyncio.run(flow.submit_async(row, timeout=1))
        engine.replace(flow, plan)
        engine.undeploy(flow)
        engine.deploy("a.plan")  # type: ignore[arg-type]
        flow.run(row, 0.5)  # type: ignore[call-arg]
        flow.run([row])  # type: ignore[arg-type]
        plan.flow = 1  # type: ignore[assignment]
        engine.num_workers = 3  # type: ignore[misc]
    return future
