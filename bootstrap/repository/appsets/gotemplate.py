"""Pure: parses Go's text/template, the language of ApplicationSets with `goTemplate: true`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any


class TemplateError(Exception):
    """What Go would reject: the template cannot be parsed, or its execution fails."""


@dataclass(frozen=True)
class Literal:
    """A constant: text, number, true, false or nil."""

    value: Any


@dataclass(frozen=True)
class Field:
    """`.a.b`, `$x.a` or `(…).a`: `start` is None for the dot, a variable's name, or a Pipe."""

    start: str | Pipe | None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Function:
    """A function's name."""

    name: str


@dataclass(frozen=True)
class Pipe:
    """Commands, each a list of operands; the result of one is the last argument of the next.

    `variables` are set to the result: declared with `:=`, or changed with `=`.
    """

    commands: tuple[tuple[Operand, ...], ...]
    variables: tuple[str, ...] = ()
    declares: bool = True


Operand = Literal | Field | Function | Pipe


@dataclass(frozen=True)
class Action:
    """`{{ pipe }}`: prints it, unless it sets a variable."""

    pipe: Pipe


@dataclass
class Block:
    """`if`, `with`, `range`, `define`, `template` or `block`, `break` or `continue`."""

    kind: str
    pipe: Pipe | None = None
    name: str = ""
    body: list[Node] = field(default_factory=list)
    otherwise: list[Node] = field(default_factory=list)


Node = str | Action | Block

_ACTION = re.compile(
    r"(?P<left>\s*\{\{-\s+|\{\{)(?P<comment>/\*.*?\*/(?:\s+(?=-))?)?"
    r"(?P<inner>(?(comment)|(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|'(?:\\.|[^'\\])*'|(?!\}\}|(?<=\s)-\}\}).)*))"
    r"(?P<right>(?<=\s)-\}\}\s*|\}\})",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:\\.|[^\"\\\n])*\"|`[^`]*`)|(?P<char>'(?:\\.|[^'\\])+')"
    r"|(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+))(?![\w.])"
    r"|(?P<declare>:=)|(?P<assign>=)|(?P<pipe>\|)|(?P<open>\()|(?P<close>\))|(?P<comma>,)"
    r"|(?P<variable>\$\w*)|(?P<field>\.\w*)|(?P<word>\w+))"
)
_BLOCKS = {"if", "with", "range", "define", "block"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@lru_cache(maxsize=1024)
def parse(text: str) -> list[Node]:
    """The nodes of a template; raises TemplateError for what Go does not parse."""
    pieces = list(_pieces(text))
    nodes, position, end = _nodes(pieces, 0)
    if end:
        raise TemplateError(f"unexpected {{{{{end}}}}}")
    assert position == len(pieces)  # noqa: S101 - what ends a list of nodes is in `end`
    return nodes


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Alternating (is an action, text); white space that actions trim is removed."""
    position = 0
    while True:
        match = _ACTION.search(text, position)
        if match is None:
            break
        if match.start() > position:
            yield False, text[position : match.start()]
        if match["comment"] is None:
            yield True, match["inner"].strip()
        position = match.end()
    rest = text[position:]
    if "{{" in rest:
        raise TemplateError("unclosed action")
    if rest:
        yield False, rest


def _nodes(pieces: list[tuple[bool, str]], position: int) -> tuple[list[Node], int, str]:
    """Nodes up to `end` or `else …`, which is also returned; "" at the template's end."""
    found: list[Node] = []
    while position < len(pieces):
        is_action, text = pieces[position]
        position += 1
        if not is_action:
            found.append(text)
            continue
        word = re.match(r"\w*", text)[0]  # type: ignore[index]  # always matches
        if word in ("end", "else"):
            return found, position, text
        if word in _BLOCKS:
            block, position = _block(pieces, position, word, text[len(word) :])
            found.append(block)
        elif word == "template":
            found.append(_named(word, text[len(word) :]))
        elif word in ("break", "continue"):
            found.append(Block(word))
        elif not text:
            raise TemplateError("missing value for command")
        else:
            found.append(Action(_pipe(text)))
    return found, position, ""


def _block(pieces: list[tuple[bool, str]], position: int, kind: str, rest: str) -> tuple[Block, int]:
    block = _named(kind, rest) if kind in ("define", "block") else Block(kind, _pipe(rest))
    block.body, position, end = _nodes(pieces, position)
    if end.startswith("else"):
        following = end[4:].strip()
        word = following.partition(" ")[0]
        if word in ("if", "with"):
            inner, position = _block(pieces, position, word, following[len(word) :])
            block.otherwise = [inner]
            return block, position
        block.otherwise, position, end = _nodes(pieces, position)
    if end != "end":
        raise TemplateError(f"unexpected {{{{{end}}}}} in {{{{{kind}}}}}" if end else f"unclosed {kind}")
    return block, position


def _named(kind: str, rest: str) -> Block:
    match = re.fullmatch(r"\s*(\"(?:\\.|[^\"\\])*\"|`[^`]*`)\s*(.*)", rest, re.DOTALL)
    if match is None:
        raise TemplateError(f"unexpected {rest.strip()!r} in {kind}")
    return Block(kind, _pipe(match[2]) if match[2] else None, unquoted(match[1]))


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    spaced: bool


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise TemplateError(f"unexpected {text[position:].strip()[:20]!r} in a command")
        token = match[match.lastgroup]
        found.append(_Token(match.lastgroup, token, match.start(match.lastgroup) > position or not position))
        position = match.end()
    return found


def _pipe(text: str) -> Pipe:
    tokens = _tokens(text)
    names: list[str] = []
    declares = True
    for number, token in enumerate(tokens):
        if token.kind in ("declare", "assign"):
            declared = tokens[:number]
            names = [one.text for one in declared if one.kind == "variable"]
            declares = token.kind == "declare"
            if [one.kind for one in declared] not in (["variable"], ["variable", "comma", "variable"]):
                raise TemplateError(f"unexpected {token.text!r} in a command")
            tokens = tokens[number + 1 :]
            break
        if token.kind not in ("variable", "comma"):
            break
    pipe, position = _commands(tokens, 0)
    if position < len(tokens):
        raise TemplateError(f"unexpected {tokens[position].text!r} in a command")
    return Pipe(pipe.commands, tuple(names), declares)


def _commands(tokens: list[_Token], position: int) -> tuple[Pipe, int]:
    commands: list[tuple[Operand, ...]] = []
    operands: list[Operand] = []
    while position < len(tokens) and tokens[position].kind != "close":
        token = tokens[position]
        position += 1
        if token.kind == "pipe":
            if not operands:
                raise TemplateError("missing value for command")
            commands.append(tuple(operands))
            operands = []
            continue
        if token.kind == "open":
            inner, position = _commands(tokens, position)
            if position >= len(tokens):
                raise TemplateError("unclosed left paren")
            position += 1
            operand: Operand = inner
        else:
            operand = _operand(token)
        position, operand = _chain(tokens, position, operand)
        operands.append(operand)
    if not operands:
        raise TemplateError("missing value for command")
    return Pipe((*commands, tuple(operands))), position


def _chain(tokens: list[_Token], position: int, operand: Operand) -> tuple[int, Operand]:
    """An operand with the fields that follow it without a space."""
    names: list[str] = []
    while position < len(tokens) and tokens[position].kind == "field" and not tokens[position].spaced:
        names.append(tokens[position].text[1:])
        position += 1
    if not names:
        return position, operand
    if isinstance(operand, Field):
        return position, Field(operand.start, (*operand.names, *names))
    if isinstance(operand, Pipe):
        return position, Field(operand, tuple(names))
    raise TemplateError(f"unexpected .{names[0]} after a term")


def _operand(token: _Token) -> Operand:
    text = token.text
    if token.kind == "field":
        return Field(None, (text[1:],) if len(text) > 1 else ())
    if token.kind == "variable":
        return Field(text)
    if token.kind == "string":
        return Literal(unquoted(text))
    if token.kind == "char":
        return Literal(ord(unquoted(f'"{text[1:-1]}"')))
    if token.kind == "number":
        return Literal(_number(text.replace("_", "")))
    if token.kind != "word":
        raise TemplateError(f"unexpected {text!r} in a command")
    constants = {"true": True, "false": False, "nil": None}
    return Literal(constants[text]) if text in constants else Function(text)


def _number(text: str) -> int | float:
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        return float(text) if re.search(r"[.eE]", text) else int(text, 8)
    except ValueError as error:
        raise TemplateError(f"bad number {text[:40]!r}") from error


def unquoted(text: str) -> str:
    """A Go string constant's value."""
    if text[0] == "`":
        return text[1:-1]

    def escape(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "xuU":
            return chr(int(code[1:], 16))
        return _ESCAPES.get(code, code)

    return re.sub(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", escape, text[1:-1])
