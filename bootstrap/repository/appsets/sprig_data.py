"""Pure: how Go prints and reads data: Printf, YAML and JSON, and the names of its types."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from bootstrap.repository.appsets.gotemplate import TemplateError
from bootstrap.repository.appsets.gotemplate_run import MISSING, Unknown, printed
from bootstrap.repository.appsets.sprig_numbers import plain, text


def go_quoted(value: str) -> str:
    out = value.replace("\\", "\\\\").replace('"', '\\"')
    for raw, code in (("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r"), ("\a", "\\a"), ("\b", "\\b")):
        out = out.replace(raw, code)
    return f'"{out}"'


def sprintf(form: Any, *values: Any) -> str:
    """fmt.Sprintf with the verbs that templates use."""
    rest = list(values)

    def verb(match: re.Match[str]) -> str:
        flags, width, precision, kind = match[1], match[2], match[3], match[4]
        if kind == "%":
            return "%"
        if not rest:
            return f"%!{kind}(MISSING)"
        value = rest.pop(0)
        return _padded(_verb(kind, flags, precision, value), flags, width)

    out = re.sub(r"%([-+# 0]*)(\d*)((?:\.\d*)?)([a-zA-Z%])", verb, text(form))
    if rest:
        extra = ", ".join(f"{_go_type(one)}={printed(one)}" for one in rest)
        out += f"%!(EXTRA {extra})"
    return out


_DIGITS = 5
"""The most digits of a width or a precision."""


def _padded(shown: str, flags: str, width: str) -> str:
    if not width:
        return shown
    if len(width) > _DIGITS:
        raise Unknown("printf with more characters than are evaluated")
    if "-" in flags:
        return shown.ljust(int(width))
    return shown.zfill(int(width)) if "0" in flags else shown.rjust(int(width))


def _verb(kind: str, flags: str, precision: str, value: Any) -> str:
    if kind == "v":
        return printed(value)
    if kind == "s":
        shown = value if isinstance(value, str) else printed(value)
        if not isinstance(value, str | list | dict):
            return f"%!s({_go_type(value)}={printed(value)})" if value is not None else "%!s(<nil>)"
        return shown[: int(precision[1:] or 0)] if precision else shown
    if kind == "q" and isinstance(value, str):
        return go_quoted(value)
    if kind == "t" and isinstance(value, bool):
        return printed(value)
    if isinstance(value, int) and not isinstance(value, bool) and kind in "dxXob":
        sign = "+" if "+" in flags and value >= 0 else ""
        return sign + format(value, kind)
    if isinstance(value, float) and kind in "feEgG":
        if len(precision) > _DIGITS:
            raise Unknown("printf with more digits than are evaluated")
        return format(value, f"{precision or ('.6' if kind in 'fe' else '')}{kind}")
    if kind == "T":
        return _go_type(value)
    return f"%!{kind}({_go_type(value)}={printed(value)})"


def _go_type(value: Any) -> str:
    if value is None or value is MISSING:
        return "<nil>"
    names = {bool: "bool", int: "int", float: "float64", str: "string"}
    names |= {dict: "map[string]interface {}", list: "[]interface {}"}
    return names[type(value)]


def _kind(value: Any) -> str:
    names = {bool: "bool", int: "int", float: "float64", str: "string", dict: "map", list: "slice"}
    return names.get(type(value), "invalid")


def _to_yaml(value: Any) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes like Go's library: double quotes if a plain text would be read as something else."""

    def scalar(dumper: yaml.SafeDumper, shown: str) -> yaml.ScalarNode:
        read = dumper.resolve(yaml.ScalarNode, shown, (True, False))  # type: ignore[no-untyped-call]
        style = "|" if "\n" in shown else '"' if read != "tag:yaml.org,2002:str" else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", shown, style)

    Dumper.add_representer(str, scalar)
    options: dict[str, Any] = {"default_flow_style": False, "allow_unicode": True, "width": 1_000_000_000}
    shown = yaml.dump(plain(value), Dumper=Dumper, **options)
    return str(shown).removesuffix("...\n").rstrip("\n")


def _from_yaml(kind: type) -> Callable[[Any], Any]:
    def load(value: Any) -> Any:
        from bootstrap.manifests.reader import parse

        parsed = parse(text(value).encode())
        if parsed.faults or len(parsed.documents) > 1:
            raise TemplateError("error converting YAML to JSON")
        found = parsed.documents[0].value if parsed.documents else None
        if found is not None and not isinstance(found, kind):
            raise TemplateError(f"json: cannot unmarshal into {kind.__name__}")
        return floats(found) if found is not None else kind()

    return load


def floats(value: Any) -> Any:
    """A value as Go reads it from JSON: every number is a float64, a time is its text."""
    if isinstance(value, dict):
        return {
            str(key) if not isinstance(key, bool) else printed(key): floats(one) for key, one in value.items()
        }
    if isinstance(value, list):
        return [floats(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value if value is None or isinstance(value, bool | float | str) else str(value)


def _to_json(value: Any, **options: Any) -> str:
    options.setdefault("separators", (",", ":"))
    shown = json.dumps(plain(value), sort_keys=True, ensure_ascii=False, **options)
    for sign, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        shown = shown.replace(sign, code)
    return shown


def _raw_json(value: Any) -> str:
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _from_json(value: Any) -> Any:
    try:
        return floats(json.loads(text(value)))
    except ValueError:
        return None


def sprint(values: tuple[Any, ...]) -> str:
    """fmt.Sprint: a space between two values that are both not strings."""
    out = ""
    for number, value in enumerate(values):
        before = values[number - 1] if number else ""
        out += " " if number and not isinstance(value, str) and not isinstance(before, str) else ""
        out += printed(value)
    return out


DATA: Mapping[str, Callable[..., Any]] = {
    "fromJson": _from_json,
    "fromYaml": _from_yaml(dict),
    "fromYamlArray": _from_yaml(list),
    "kindIs": lambda kind, value: _kind(value) == text(kind),
    "kindOf": _kind,
    "toJson": _to_json,
    "toPrettyJson": lambda value: _to_json(value, indent=2, separators=(",", ": ")),
    "toRawJson": _raw_json,
    "toYaml": _to_yaml,
    "typeIs": lambda kind, value: _go_type(value) == text(kind),
    "typeOf": _go_type,
}
