"""Pure: executes a parsed Go template like text/template, with the given functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from typing import Literal as Choice

from bootstrap.repository.appsets.gotemplate import (
    Action,
    Block,
    Function,
    Literal,
    Node,
    Operand,
    Pipe,
    TemplateError,
    parse,
)


class Unknown(Exception):
    """A function whose result is not known from Git (random, time, keys), or that is not implemented here."""


class _Missing:
    """A missing key of a map: Go's invalid value, printed as `<no value>`."""

    def __repr__(self) -> str:
        return "<no value>"


MISSING = _Missing()
MissingKey = Choice["default", "zero", "error"]
Functions = Mapping[str, Callable[..., Any]]


def execute(
    text: str, data: Mapping[str, Any], functions: Functions, missing_key: MissingKey = "default"
) -> str:
    """What a template prints for some data; raises TemplateError if Go fails, Unknown if it is not known."""
    nodes = parse(text)
    run = _Run(functions, missing_key, {})
    run.define(nodes)
    try:
        run.nodes(nodes, data, [{"$": data}])
    except (_Break, _Continue) as error:
        raise TemplateError("{{break}} or {{continue}} outside {{range}}") from error
    return "".join(run.printed)


def printed(value: Any) -> str:
    """A value as Go's `%v` prints it."""
    if value is MISSING or value is None:
        return "<no value>" if value is MISSING else "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{printed(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(printed, value)) + "]"
    return str(value)


def _float(value: float) -> str:
    """Like strconv's shortest `%g`: an exponent below -4, and from 6 digits before the point."""
    shortest = repr(value)
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}[shortest]
    if value == 0:
        return shortest.removesuffix(".0")
    exponent = int(f"{value:.16e}".partition("e")[2])
    sign = "-" if value < 0 else ""
    if "e" in shortest:
        digits = shortest.partition("e")[0].lstrip("-").replace(".", "")
    else:
        digits = shortest.lstrip("-").replace(".", "").lstrip("0")
    digits = digits.rstrip("0") or "0"
    if exponent < -4 or exponent >= 6:
        mantissa = digits[0] + (f".{digits[1:]}" if digits[1:] else "")
        return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    return shortest.removesuffix(".0")


def is_true(value: Any) -> bool:
    """Whether a value is true in Go: not zero, not empty, not nil."""
    return value is not MISSING and bool(value)


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


MOST_TEXT = 1_000_000
"""The most characters that a function, or a whole template, may produce."""
_DEEPEST = 200
_MOST = 100_000
"""The most steps of a template: more are not intended, and not waited for."""


class _Run:
    """One execution; variables are looked up from the innermost scope outwards."""

    def __init__(
        self, functions: Functions, missing_key: MissingKey, templates: dict[str, list[Node]]
    ) -> None:
        self.functions, self.missing_key, self.templates = functions, missing_key, templates
        self.printed: list[str] = []
        self.depth = 0
        self.steps = 0
        self.size = 0

    def define(self, nodes: Sequence[Node]) -> None:
        """Register what `define` and `block` name, before anything is run."""
        for node in nodes:
            if isinstance(node, Block):
                if node.kind in ("define", "block"):
                    self.templates[node.name] = node.body
                self.define([*node.body, *node.otherwise])

    def nodes(self, nodes: Sequence[Node], dot: Any, scopes: list[dict[str, Any]]) -> None:
        for node in nodes:
            self.steps += 1
            if self.steps > _MOST:
                raise Unknown("more steps than are evaluated")
            if isinstance(node, str):
                self.put(node)
            elif isinstance(node, Action):
                value = self.pipe(node.pipe, dot, scopes)
                if not node.pipe.variables:
                    self.put("<no value>" if value is None else printed(value))
            else:
                self.block(node, dot, scopes)

    def put(self, text: str) -> None:
        self.size += len(text)
        if self.size > MOST_TEXT:
            raise Unknown("more characters than are evaluated")
        self.printed.append(text)

    def block(self, block: Block, dot: Any, scopes: list[dict[str, Any]]) -> None:
        if block.kind == "define":
            return
        if block.kind in ("template", "block"):
            self.template(block, dot, scopes)
            return
        if block.kind in ("break", "continue"):
            raise _Break if block.kind == "break" else _Continue
        assert block.pipe is not None  # noqa: S101 - the parser sets it for the others
        inner = [*scopes, {}]
        if block.kind == "range":
            self.range(block, dot, inner)
            return
        value = self.pipe(block.pipe, dot, inner)
        if is_true(value):
            self.nodes(block.body, value if block.kind == "with" else dot, inner)
        else:
            self.nodes(block.otherwise, dot, inner)

    def template(self, block: Block, dot: Any, scopes: list[dict[str, Any]]) -> None:
        body = self.templates.get(block.name)
        if body is None:
            raise TemplateError(f"template {block.name!r} not defined")
        value = self.pipe(block.pipe, dot, scopes) if block.pipe is not None else MISSING
        self.depth += 1
        if self.depth > _DEEPEST:
            raise TemplateError("exceeded maximum template depth")
        self.nodes(body, value, [{"$": value}])
        self.depth -= 1

    def range(self, block: Block, dot: Any, scopes: list[dict[str, Any]]) -> None:
        assert block.pipe is not None  # noqa: S101
        value = self.pipe(Pipe(block.pipe.commands), dot, scopes)
        items: list[tuple[Any, Any]]
        if isinstance(value, dict):
            items = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, list | tuple):
            items = list(enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            if value > _MOST:
                raise Unknown("more steps than are evaluated")
            items = [(number, number) for number in range(value)]
        elif value is None or value is MISSING:
            items = []
        else:
            raise TemplateError(f"range can't iterate over {printed(value)}")
        names = block.pipe.variables
        for key, item in items:
            values = (key, item) if len(names) == 2 else (item,)
            scope = dict(zip(names, values, strict=False))
            try:
                self.nodes(block.body, item, [*scopes, scope])
            except _Continue:
                continue
            except _Break:
                break
        if not items:
            self.nodes(block.otherwise, dot, scopes)

    def pipe(self, pipe: Pipe, dot: Any, scopes: list[dict[str, Any]]) -> Any:
        value: Any = _NONE
        for command in pipe.commands:
            value = self.command(command, dot, scopes, value)
        for name in pipe.variables:
            holder = scopes[-1]
            if not pipe.declares:
                found = next((scope for scope in reversed(scopes) if name in scope), None)
                if found is None:
                    raise TemplateError(f"undefined variable {name!r}")
                holder = found
            holder[name] = value
        return value

    def command(
        self, command: tuple[Operand, ...], dot: Any, scopes: list[dict[str, Any]], final: Any
    ) -> Any:
        first = command[0]
        if isinstance(first, Function):
            if first.name in ("and", "or"):
                return self.shortcut(first.name, command[1:], dot, scopes, final)
            arguments = [self.operand(one, dot, scopes) for one in command[1:]]
            arguments += [] if final is _NONE else [final]
            return self.call(first.name, arguments)
        if isinstance(first, Literal) and first.value is None:
            raise TemplateError("nil is not a command")
        if len(command) > 1 or final is not _NONE:
            raise TemplateError(f"can't give argument to non-function {first}")
        return self.operand(first, dot, scopes)

    def shortcut(
        self, name: str, rest: tuple[Operand, ...], dot: Any, scopes: list[dict[str, Any]], final: Any
    ) -> Any:
        """`and` and `or` evaluate no more than they need."""
        value: Any = MISSING
        for one in rest:
            value = self.operand(one, dot, scopes)
            if is_true(value) == (name == "or"):
                return value
        if final is not _NONE:
            return final
        if not rest:
            raise TemplateError(f"wrong number of args for {name}: want at least 1 got 0")
        return value

    def operand(self, operand: Operand, dot: Any, scopes: list[dict[str, Any]]) -> Any:
        if isinstance(operand, Literal):
            return operand.value
        if isinstance(operand, Function):
            return self.call(operand.name, [])
        if isinstance(operand, Pipe):
            return self.pipe(operand, dot, scopes)
        if isinstance(operand.start, Pipe):
            value = self.pipe(operand.start, dot, scopes)
        elif operand.start is None:
            value = dot
        else:
            scope = next((one for one in reversed(scopes) if operand.start in one), None)
            if scope is None:
                raise TemplateError(f"undefined variable {operand.start!r}")
            value = scope[operand.start]
        for name in operand.names:
            value = self.field(value, name)
        return value

    def field(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            if name in value:
                return value[name]
            if self.missing_key == "error":
                raise TemplateError(f'map has no entry for key "{name}"')
            return MISSING if self.missing_key == "default" else None
        if value is MISSING:
            if self.missing_key == "error":
                raise TemplateError(f'nil data; no entry for key "{name}"')
            return MISSING
        if value is None:
            raise TemplateError(f"nil pointer evaluating interface {{}}.{name}")
        raise TemplateError(f"can't evaluate field {name} in {printed(value)}")

    def call(self, name: str, arguments: list[Any]) -> Any:
        function = self.functions.get(name)
        if function is None:
            raise TemplateError(f"function {name!r} not defined")
        try:
            made = function(*arguments)
            if isinstance(made, str | list) and len(made) > MOST_TEXT:  # a loop could double it again
                raise Unknown(f"{name} with more characters than are evaluated")
            return made
        except (TemplateError, Unknown):
            raise
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, ArithmeticError) as error:
            raise TemplateError(f"error calling {name}: {error}") from error


_NONE = object()
"""In place of the previous command's value, if there is none."""
