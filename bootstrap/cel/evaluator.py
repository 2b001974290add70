"""Evaluates expressions in a child process: bounded in time and memory, without files, programs and network.

What does not finish in time ends the child, and the next request starts another. What cannot be evaluated is
`unknown`, with the reason: nothing is guessed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGPROF
from types import TracebackType
from typing import Any, Literal

from bootstrap.cel.process import Child, library, reason

SECONDS = 1.0
"""Seconds of processor time for all evaluations of one object."""
LOST = 10
"""Evaluations that may be ended by a limit in one run; after that, nothing is evaluated."""
_AT_ONCE = 200
"""Objects in one request."""

MISSING = "cel-expr-python is not installed: pip install 'gitops-bootstrap[cel]', on Python 3.11 or newer"
SPENT = "it was not evaluated: too many before it did not finish in time"


@dataclass(frozen=True)
class Evaluation:
    """An expression, and the values of its variables; `names` has the type of each ("dyn", "timestamp" …).

    `compile` does not evaluate: the answer is the name of the resulting type. `item`: the variable
    `object` is an index into the shared list `objects`.
    """

    expression: str
    names: Mapping[str, str]
    variables: Mapping[str, Any] = field(default_factory=dict)
    kind: Literal["compile", "value", "item"] = "value"


@dataclass(frozen=True)
class Answer:
    """`value`: evaluated. `refused`: an error that the API server has, too. `invalid`: it does not compile.

    `unknown`: it could not be evaluated; `late` when it took too long. `text` is the reason.
    """

    status: Literal["value", "refused", "invalid", "unknown"]
    value: Any = None
    text: str = ""
    line: int = 0
    column: int = 0
    late: bool = False


class Evaluator:
    """Starts a child at the first request; a context manager, which ends it."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = dict(os.environ) if environ is None else environ
        self._child: Child | None = None
        self._shared: Mapping[str, Any] | None = None
        self._told = True
        self._lost = 0
        self._stopped = ""
        self._late: dict[str, str] = {}
        self._library: Path | None = None

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def share(self, variables: Mapping[str, Any]) -> None:
        """Set variables for all later `item` evaluations: they are sent only once."""
        self._shared, self._told = variables, False

    @property
    def is_missing(self) -> bool:
        """Whether there is no library, so that everything is unknown."""
        return self._why_stopped() == MISSING

    def ask(self, groups: Sequence[Sequence[Evaluation]]) -> list[list[Answer]]:
        """The answers, group by group; a group has SECONDS. Raises process_group.Over.

        An expression that took too long once is not evaluated again.
        """
        found: list[list[Answer | None]] = [[None] * len(group) for group in groups]
        while open_ones := self._open(groups, found):
            self._ask_some(groups, open_ones, found)
        return [[answer for answer in answers if answer is not None] for answers in found]

    def _open(
        self, groups: Sequence[Sequence[Evaluation]], found: Sequence[list[Answer | None]]
    ) -> list[tuple[int, list[int]]]:
        """The next groups with something to evaluate, and the places in them; the others are answered."""
        stopped, chosen = self._why_stopped(), []
        for number, answers in enumerate(found):
            places = []
            for place, answer in enumerate(answers):
                if answer is not None:
                    continue
                if stopped:
                    answers[place] = Answer("unknown", text=stopped)
                elif reason := self._late.get(groups[number][place].expression):
                    answers[place] = Answer("unknown", text=reason, late=True)
                else:
                    places.append(place)
            if places:
                chosen.append((number, places))
            if len(chosen) == _AT_ONCE:
                break
        return chosen

    def _why_stopped(self) -> str:
        if not self._stopped and self._library is None:
            self._library = library()  # looked for once, and not before it is needed
            if self._library is None:
                self._stopped = MISSING
        if not self._stopped and self._lost >= LOST:
            self._stopped = SPENT
        return self._stopped

    def _ask_some(
        self,
        groups: Sequence[Sequence[Evaluation]],
        chosen: Sequence[tuple[int, Sequence[int]]],
        found: Sequence[list[Answer | None]],
    ) -> None:
        """Evaluate what was chosen; if the child ends, the rest is left to the next one."""
        data = [
            [
                (one.kind, one.expression, dict(one.names), dict(one.variables))
                for one in (groups[number][place] for place in places)
            ]
            for number, places in chosen
        ]
        number, place = chosen[0][0], chosen[0][1][0]
        try:
            child = self._running()
            child.say((SECONDS, None if self._told else self._shared, data))
            self._told = True
            for number, places in chosen:
                for place in places:
                    found[number][place] = _answer(child.answer())
        except (OSError, EOFError):
            answer = self._lose()
            found[number][place] = answer
            if answer.late:
                self._late[groups[number][place].expression] = answer.text

    def _running(self) -> Child:
        if self._child is None:
            if self._library is None:
                raise OSError(MISSING)
            self._child = Child(self._environ, self._library)
            self._told = self._shared is None
        return self._child

    def _lose(self) -> Answer:
        ended = self._child.end() if self._child is not None else 0
        self._child = None
        self._lost += 1
        return Answer("unknown", text=reason(ended), late=ended == SIGPROF)


def _answer(data: Mapping[str, Any]) -> Answer:
    """The child's answer; its form is not trusted."""
    if "value" in data and (data["value"] is None or isinstance(data["value"], bool | str)):
        return Answer("value", data["value"])
    if "type" in data:
        return Answer("unknown", text=f"it returns a {data['type']}")
    if "refused" in data:
        return Answer("refused", text=str(data["refused"]))
    if "invalid" in data:
        line, column = (data.get(key) if isinstance(data.get(key), int) else 1 for key in ("line", "column"))
        return Answer("invalid", text=str(data["invalid"]), line=line or 1, column=column or 1)
    return Answer("unknown", text=str(data.get("error") or "it returns nothing"))
