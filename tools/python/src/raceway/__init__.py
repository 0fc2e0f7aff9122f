"""Runs flows of models: compiled once, answered in milliseconds.

    plan = raceway.compile("examples/image_cascade.flow")
    with raceway.Engine() as engine:
        flow = engine.deploy(plan)
        rows = flow.run({"id": torch.tensor([1]), "image": [open("cat.png", "rb").read()]})
        print(rows["label"], rows["conf"])

A table is a dict of columns. A column is a tensor with the rows in dimension 0 (shared, not
copied), or a list with one value a row: tensors whose shapes may differ, str, bytes, nested lists
of str for tensors of strings, numbers; None where an optional column has no value. Results have
tensors where rows lie in one and all have a value, else lists.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch  # loads the one LibTorch of this process

from ._build import TORCH_VERSION

if torch.__version__.split("+")[0] != TORCH_VERSION:
    raise ImportError(
        f"raceway was built for torch {TORCH_VERSION}, this is torch {torch.__version__}: install "
        f"that one, or build raceway again (pip install --force-reinstall ./tools/python)"
    )

from . import _raceway  # noqa: E402

__version__ = _raceway.VERSION
__all__ = [
    "CancelSource", "CompileError", "Diagnostic", "Engine", "Error", "Field", "Flow", "Note",
    "Place", "Plan", "RequestError", "RequestFuture", "TableSpec", "compile",
]  # fmt: skip

# A column is what is said above; a type for it would refuse `rows = {…}` of columns that differ.
Column: TypeAlias = Any
Table: TypeAlias = Mapping[str, Column]
_Path: TypeAlias = str | os.PathLike[str]

_DTYPES = {
    "bool": torch.bool, "i8": torch.int8, "i16": torch.int16, "i32": torch.int32,
    "i64": torch.int64, "u8": torch.uint8, "u16": torch.uint16, "u32": torch.uint32,
    "u64": torch.uint64, "f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32,
    "f64": torch.float64, "timestamp": torch.int64, "duration": torch.int64,
}  # fmt: skip


class Error(Exception):
    """Something that did not succeed. `code` is "invalid argument", "failed", "cancelled",
    "deadline exceeded", "timeout", "unavailable", "unsupported" or "internal"."""

    def __init__(self, text: str, code: str = "invalid argument") -> None:
        super().__init__(text)
        self.code = code


class RequestError(Error):
    """A request that ended with an error: `stage` is where ("map(decode) at cascade.flow:12:5", may
    be empty), `row` the row that caused it, from 0 (in the text from 1), None if no single one
    did."""

    def __init__(self, code: str, message: str, stage: str, row: int, text: str) -> None:
        super().__init__(text, code)
        self.message = message
        self.stage = stage
        self.row = row if row >= 0 else None

    def __reduce__(self) -> tuple[Any, ...]:
        row = -1 if self.row is None else self.row
        return RequestError, (self.code, self.message, self.stage, row, str(self))


class Place(NamedTuple):
    """Lines and columns count from 1, columns in code points."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class Note(NamedTuple):
    where: Place
    message: str


class Diagnostic(NamedTuple):
    severity: str  # "note", "warning", "error"
    code: str  # "E0203"
    name: str  # "unknown-column"
    message: str
    where: Place
    notes: list[Note]
    help: str


class CompileError(Error):
    """A flow with mistakes. Its text is what `raceway check` prints."""

    def __init__(self, text: str, diagnostics: list[Diagnostic]) -> None:
        super().__init__(text)
        self.diagnostics = diagnostics

    def __reduce__(self) -> tuple[Any, ...]:
        return CompileError, (str(self), self.diagnostics)


class Field(NamedTuple):
    """A column as the flow declares it."""

    name: str
    type: str  # "u8[H, W, 3]?"
    dtype: str  # "u8"
    shape: tuple[int, ...]  # of a row; -1 for a size that rows decide
    optional: bool
    has_default: bool  # of a table that a flow takes: the column may be left out


class TableSpec(NamedTuple):
    name: str
    fields: tuple[Field, ...]


def _failed(code: str, message: str, stage: str, row: int, text: str) -> Error:
    return Error(text, code)


_raceway.raise_as(_failed)

CancelSource = _raceway.CancelSource


def _specs(tables: list[tuple[str, list[tuple[Any, ...]]]]) -> tuple[TableSpec, ...]:
    return tuple(TableSpec(name, tuple(Field(*field) for field in fields)) for name, fields in tables)


class Plan:
    """A compiled flow. `Plan.load` reads a `.plan` file, whose paths are relative to `base_dir`, by
    default its folder."""

    def __init__(self, native: _raceway.Plan) -> None:
        self._native = native
        self.flow: str = native.flow
        self.inputs = _specs(native.inputs())
        self.results = _specs(native.results())

    @staticmethod
    def load(file: _Path, base_dir: _Path | None = None) -> Plan:
        return Plan(_raceway.Plan.load(Path(file), None if base_dir is None else Path(base_dir)))

    @staticmethod
    def from_json(text: str, base_dir: _Path = "") -> Plan:
        return Plan(_raceway.Plan.from_json(text, Path(base_dir)))

    def to_json(self) -> str:
        """What a `.plan` file holds."""
        return self._native.to_json()

    @property
    def files(self) -> list[str]:
        """That it names, relative to `base_dir`."""
        return self._native.files

    @property
    def base_dir(self) -> Path:
        return self._native.base_dir

    def __repr__(self) -> str:
        return f"<raceway.Plan {self.flow}>"


def compile(
    source: _Path,
    flow: str | None = None,
    *,
    params: Mapping[str, object] | None = None,
    hints: Sequence[str] = (),
    base_dir: _Path = "",
) -> Plan:
    """Compiles a flow: of a file, or of a text, which is a str with more than one line and names
    files relative to `base_dir`.

    Raises CompileError for mistakes in the flow, Error for those in the call.
    """
    settings = [(name, _param(value)) for name, value in (params or {}).items()]
    if isinstance(source, str) and "\n" in source:
        plan, diagnostics, text = _raceway.compile_text(
            source, "<text>", Path(base_dir), flow or "", settings, list(hints)
        )
    else:
        path = Path(source)
        plan, diagnostics, text = _raceway.compile_file(path, flow or "", settings, list(hints))
    if plan is None:
        raise CompileError(text, [_diagnostic(*values) for values in diagnostics])
    return Plan(plan)


def _param(value: object) -> str:
    """As a flow writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _diagnostic(
    severity: str, code: str, name: str, message: str, where: Any, notes: Any, help_text: str
) -> Diagnostic:
    listed = [Note(Place(*place), note) for place, note in notes]
    return Diagnostic(severity, code, name, message, Place(*where), listed, help_text)


class RequestFuture(concurrent.futures.Future[dict[str, Any]]):
    """The answer to come. `cancel` stops the request, also one that is running."""

    def __init__(self) -> None:
        super().__init__()
        self._source = CancelSource()

    def cancel(self) -> bool:
        cancelled = super().cancel()
        if cancelled:
            self._source.cancel()
        return cancelled


class Flow:
    """A flow that an engine runs. Its functions may be called from any thread, several at once; the
    interpreter is free for others while a request runs.

    Where a flow takes or gives several tables, a dict of them by name takes the place of the table.
    `timeout` is in seconds. A request that fails raises RequestError.
    """

    def __init__(self, native: _raceway.Flow, plan: Plan, engine: Engine) -> None:
        self._native = native
        self._engine = engine  # which runs as long as somebody has a flow of it
        self.name = plan.flow
        self.inputs = plan.inputs
        self.results = plan.results

    def run(
        self, rows: Table, *, timeout: float | None = None, cancel: CancelSource | None = None
    ) -> dict[str, Any]:
        """Runs a request in this thread: the quickest way for one."""
        return self._answer(*self._native.run(self._tables(rows), timeout, cancel))

    def submit(self, rows: Table, *, timeout: float | None = None) -> RequestFuture:
        """Returns at once; the engine runs the request."""
        future = RequestFuture()

        def done(is_fine: bool, values: Any) -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                answer = self._answer(is_fine, values)
            except BaseException as error:  # whatever it is: somebody waits
                future.set_exception(error)
            else:
                future.set_result(answer)

        self._native.submit(self._tables(rows), timeout, future._source, done)
        return future

    async def submit_async(self, rows: Table, *, timeout: float | None = None) -> dict[str, Any]:
        """The same for asyncio. Cancelling the task stops the request."""
        return await asyncio.wrap_future(self.submit(rows, timeout=timeout))

    def _tables(self, rows: Any) -> list[dict[str, Any]]:
        if len(self.inputs) == 1:
            return [_columns(rows, self.inputs[0])]
        names = [spec.name for spec in self.inputs]
        if set(rows) != set(names):
            raise Error(f"`{self.name}` takes the tables {', '.join(names)}: a dict by their names")
        return [_columns(rows[spec.name], spec) for spec in self.inputs]

    def _answer(self, is_fine: bool, values: Any) -> dict[str, Any]:
        if not is_fine:
            raise RequestError(*values)
        tables: list[dict[str, Any]] = values
        if len(tables) == 1:
            return tables[0]
        return {spec.name: table for spec, table in zip(self.results, tables)}

    def __repr__(self) -> str:
        return f"<raceway.Flow {self.name}>"


def _columns(rows: Table, spec: TableSpec) -> dict[str, Any]:
    fields = {field.name: field for field in spec.fields}
    return {name: _column(name, values, fields.get(name)) for name, values in rows.items()}


def _column(name: str, values: Column, field: Field | None) -> Any:
    """A tensor, or (whether it is text, rows)."""
    if isinstance(values, torch.Tensor):
        return values
    dtype = None if field is None else _DTYPES.get(field.dtype)
    is_text = field is not None and dtype is None
    if hasattr(values, "__array_interface__") and not is_text:
        return torch.as_tensor(values)  # NumPy's, shared
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise TypeError(
            f"column `{name}` is {type(values).__name__}: a tensor or a list with one value a row"
        )
    if field is not None and is_text:
        return True, [_packed(name, row) if field.shape else row for row in values]
    values = [
        torch.as_tensor(row, dtype=dtype)
        if hasattr(row, "__array_interface__") and row.ndim > 0  # NumPy's, shared
        else row
        for row in values
    ]
    if not any(isinstance(row, torch.Tensor) for row in values):
        if not any(row is None for row in values):
            return torch.tensor(values, dtype=dtype)
        values = [None if row is None else torch.tensor(row, dtype=dtype) for row in values]
    return False, values


def _packed(name: str, row: Any) -> tuple[list[int], list[Any]] | None:
    """(shape, elements) of nested lists."""
    if row is None:
        return None
    shape, elements = [], [row]
    while isinstance(elements[0] if elements else "", list):
        sizes = {len(items) if isinstance(items, list) else -1 for items in elements}
        if len(sizes) > 1:
            raise ValueError(f"column `{name}`: nested lists of one row differ in length")
        shape.append(sizes.pop())
        elements = [item for items in elements for item in items]
    return shape, elements


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


@atexit.register
def _close_engines() -> None:
    """Completions need an interpreter that still runs."""
    for engine in list(_engines):
        engine.close()


class Engine:
    """Runs plans. `num_workers` threads run requests, besides those that call `Flow.run`; 0: one for
    each core. There are at most one less than TBB allows the process (by default as many as cores),
    and at least one: the property says how many. It waits for its requests when it is closed; leaving a `with` closes it.

    Not in a child that was forked from a process with an engine: use multiprocessing's "spawn".
    """

    def __init__(self, num_workers: int = 0) -> None:
        self._native = _raceway.Engine(num_workers)
        self._pid = os.getpid()
        _engines.add(self)

    def deploy(self, plan: Plan, *, check_files: bool = True) -> Flow:
        """Loads what the plan names. Raises Error where a file is missing or, unless told otherwise,
        another one than the plan was compiled with."""
        return Flow(self._native.deploy(plan._native, check_files), plan, self)

    def replace(self, flow: Flow, plan: Plan, *, check_files: bool = True) -> None:
        """Later requests to `flow` run by `plan`, which takes and gives the same tables; those in
        flight by the plan they began with."""
        self._native.replace(flow._native, plan._native, check_files)

    def undeploy(self, flow: Flow) -> None:
        """Later requests to `flow` raise RequestError; those in flight go on."""
        self._native.undeploy(flow._native)

    def close(self) -> None:
        """Waits for the requests in flight; later ones raise RequestError."""
        if self._pid == os.getpid():
            self._native.close()

    @property
    def num_workers(self) -> int:
        return self._native.num_workers

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
