"""The child process that evaluates: it reads a request and writes a line for each evaluation.

Started by process.py with the rights of an untrusted program. A request is (seconds, shared
variables, groups of evaluations); an evaluation is (kind, expression, names of variables, variables). The
kernel ends the process when a group takes more processor time than its seconds, whatever it is doing.
"""

from __future__ import annotations

import json
import marshal
import re
import signal
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, BinaryIO

from bootstrap.cel import library
from bootstrap.cel.functions.values import kind_of

LONGEST = 4000
"""Characters of a returned text."""
_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_MEANT = (
    (re.compile(r'Key not found in map : "?(.*?)"?$'), "no such key: {}"),
    (re.compile(r"Index error: index=(\S+) .*"), "index out of bounds: {}"),
    (re.compile(r"(divide|modulus) by zero.*"), "{} by zero"),
    (re.compile(r"cannot convert string to (\w+)"), "type conversion error from string to {}"),
    (re.compile(r"String to (\w+) [Cc]onversion failed.*"), "type conversion error from string to {}"),
    (re.compile(r"refused: (.*)"), "{}"),
)
"""Errors of the library that the API server also has, and how the API server words them."""
_LIMITS = {
    "std::bad_alloc": "it needs more memory than the 512 MB that all of them have",
    "Iteration budget exceeded": "it has more than 10,000 steps",
}
"""What the library calls its limits, and what that means."""
_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def main(cel: Any) -> None:
    """Answer requests until there are no more."""
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    evaluator = Evaluator(cel)
    while (size := incoming.read(8)) and len(size) == 8:
        seconds, shared, groups = marshal.loads(incoming.read(int.from_bytes(size, "big")))  # noqa: S302
        if shared is not None:
            evaluator.share(shared)
        evaluator.seconds = seconds
        for group in groups:
            signal.setitimer(signal.ITIMER_PROF, seconds)
            for evaluation in group:
                answer(outgoing, evaluator.evaluate(*evaluation))
            signal.setitimer(signal.ITIMER_PROF, 0)


def answer(stream: BinaryIO, value: Mapping[str, Any]) -> None:
    """Write one line."""
    stream.write(json.dumps(value).encode() + b"\n")
    stream.flush()


class Evaluator:
    """Compiles each expression once. `share` sets variables for every later evaluation."""

    def __init__(self, cel: Any) -> None:
        self._cel = cel
        self._kubernetes = _guarded(cel)
        self._environments: dict[tuple[tuple[str, str], ...], Any] = {}
        self._programs: dict[tuple[str, tuple[tuple[str, str], ...]], Any] = {}
        self._shared: dict[str, Any] = {}
        self._activations: dict[tuple[tuple[str, str], ...], Any] = {}
        self._at = 0
        self.seconds = 0.0

    def share(self, variables: dict[str, Any]) -> None:
        self._shared, self._activations = variables, {}

    def evaluate(
        self, kind: str, expression: str, names: Mapping[str, str], variables: Mapping[str, Any]
    ) -> dict[str, Any]:
        """`kind` is what to do: `compile`, `value`, or `item`, where `object` is a number of `objects`."""
        key = tuple(sorted(names.items()))
        try:
            program = self._program(expression, key)
        except Exception as error:
            return _not_compiled(str(error))
        if kind == "compile":
            return {"value": str(program.return_type().name()).lower()}
        try:
            if kind == "item":
                self._at = int(variables["object"])
                inner = tuple(one for one in key if one[0] != "object")
                whole = self._program(f"cel.bind(object, objects[objects_at()], (\n{expression}\n))", inner)
                value = whole.eval(activation=self._activation(inner))
            else:
                value = program.eval(data={name: _typed(names[name], one) for name, one in variables.items()})
            if value.type() == self._cel.Type.ERROR:
                return _failed(str(value.plain_value()))
            return _given(value.plain_value())
        except Exception as error:
            return _failed(str(error))

    def _program(self, expression: str, names: tuple[tuple[str, str], ...]) -> Any:
        if (expression, names) not in self._programs:
            self._programs[(expression, names)] = self._environment(names).compile(expression)
        return self._programs[(expression, names)]

    def _environment(self, names: tuple[tuple[str, str], ...]) -> Any:
        if names not in self._environments:
            cel = self._cel
            config = "name: kubernetes\nextensions:\n" + "".join(
                f"- name: {one}\n" for one in library.EXTENSIONS
            )
            at = cel.Overload(
                "objects_at", return_type=cel.Type.INT, parameters=[], is_member=False, impl=lambda: self._at
            )
            counted = cel.CelExtension("objects", [cel.FunctionDecl("objects_at", [at])])
            self._environments[names] = cel.NewEnv(
                config=cel.NewEnvConfigFromYaml(config),
                variables={name: _type(cel, kind) for name, kind in names},
                extensions=[self._kubernetes, counted],
            )
        return self._environments[names]

    def _activation(self, names: tuple[tuple[str, str], ...]) -> Any:
        """The shared variables, converted once; the conversion does not count as the expression's time."""
        if names not in self._activations:
            signal.setitimer(signal.ITIMER_PROF, 0)
            made = self._activations[names] = self._environment(names).Activation(data=self._shared)
            for name in self._shared:
                self._program(name, names).eval(activation=made)
            signal.setitimer(signal.ITIMER_PROF, self.seconds)
        return self._activations[names]


def _guarded(cel: Any) -> Any:
    """Kubernetes' functions, with a prefix on their refusals that distinguishes them from limits."""
    from bootstrap.cel.functions.values import Refused

    def guarded(call: Any) -> Any:
        def called(*arguments: Any) -> Any:
            try:
                return call(*arguments)
            except Refused as error:
                raise ValueError(f"refused: {error}") from None

        return called

    rows = library.FUNCTIONS
    library.FUNCTIONS = tuple((*row[:4], guarded(row[4])) for row in rows)
    try:
        return library.declared(cel)
    finally:
        library.FUNCTIONS = rows


def _type(cel: Any, kind: str) -> Any:
    types = {"timestamp": cel.Type.TIMESTAMP, "duration": cel.Type.DURATION, "bytes": cel.Type.BYTES}
    return types.get(kind, cel.Type.DYN)


def _typed(kind: str, value: Any) -> Any:
    """Times are given as seconds since 1970."""
    if kind == "timestamp":
        return _EPOCH + timedelta(seconds=value)
    return timedelta(seconds=value) if kind == "duration" else value


def _given(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"value": value[:LONGEST]}
    if value is None or isinstance(value, bool):
        return {"value": value}
    return {"type": kind_of(value) or type(value).__name__}


def _failed(text: str) -> dict[str, Any]:
    message = _STATUS.sub("", text.strip().split("\n")[0])
    message = _STATUS.sub("", message)
    for pattern, words in _MEANT:
        if match := pattern.match(message):
            return {"refused": words.format(match[1])[:LONGEST]}
    return {"error": _LIMITS.get(message, message)[:LONGEST]}


def _not_compiled(text: str) -> dict[str, Any]:
    if match := _PLACE.search(text):
        message = _STATUS.sub("", match[3]).replace(" (in container '')", "")
        return {"invalid": message[:LONGEST], "line": int(match[1]), "column": int(match[2])}
    return {"invalid": _STATUS.sub("", text.strip())[:LONGEST], "line": 1, "column": 1}
