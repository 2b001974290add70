"""Pure: fills an ApplicationSet's templates with parameters, in both template languages."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bootstrap.manifests.reader import parse
from bootstrap.repository.appsets.gotemplate import TemplateError
from bootstrap.repository.appsets.gotemplate_run import MissingKey, Unknown, execute
from bootstrap.repository.appsets.sprig import functions
from bootstrap.repository.appsets.sprig_data import floats
from bootstrap.resources.applications import FINALIZER
from bootstrap.resources.index import mapping, mappings, sequence

Values = dict[str, Any]

_TEMPLATED = re.compile(r"\{\{.*\}\}")
_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class Refused(Exception):
    """Argo CD generates no Application from the set; the text says why."""


@dataclass
class Language:
    """A set's template language; `unknown` collects what could not be evaluated, which stays as written."""

    go: bool
    missing_key: MissingKey = "default"
    unknown: list[str] = field(default_factory=list)

    @staticmethod
    def from_spec(spec: Mapping[str, Any]) -> Language:
        options = [str(one) for one in sequence(spec.get("goTemplateOptions"))]
        missing: MissingKey = "default"
        for option in options:
            if option in ("missingkey=error", "missingkey=zero"):
                missing = "error" if option.endswith("error") else "zero"
        return Language(bool(spec.get("goTemplate")), missing)

    def text(self, template: str, values: Values) -> str:
        """Fill one template; raises Refused for what Argo CD cannot evaluate."""
        if not self.go:
            return self._plain(template, values)
        if "{{" not in template:
            return template
        try:
            return execute(template, values, functions(), self.missing_key)
        except (TemplateError, ArithmeticError, ValueError) as error:  # such as a number that is too large
            raise Refused(f"its template {_short(template)} fails: {error}") from error
        except RecursionError:
            self._note("its template is nested too deeply to be evaluated here")
            return template
        except Unknown as error:
            self._note(f"its template uses {error}, which is not known from Git alone")
            return template

    def _plain(self, template: str, values: Values) -> str:
        """`{{name}}` becomes a parameter that is a string; what no generator sets stays as it is."""
        if not _TEMPLATED.search(template):
            return template
        if template.count("{{") > len(_TAG.findall(template)):
            raise Refused(f"its template {_short(template)} has no end")

        def replace(match: re.Match[str]) -> str:
            value = values.get(match[1].strip())
            if isinstance(value, str):
                return value
            self._note(f"no generator sets {match[0]}")
            return match[0]

        return _TAG.sub(replace, template)

    def _note(self, what: str) -> None:
        if what not in self.unknown:
            self.unknown.append(what)

    def fill(self, value: Any, values: Values) -> Any:
        """Fill a whole tree: strings and keys are templates, the rest stays as it is."""
        if isinstance(value, dict):
            return {self.text(str(key), values): self.fill(item, values) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item, values) for item in value]
        return self.text(value, values) if isinstance(value, str) else value


def _short(template: str) -> str:
    line = template.strip().splitlines()[0] if template.strip() else template
    return repr(line if len(line) <= 60 else f"{line[:57]}...")


def own_values(generator: Mapping[str, Any], values: Values, language: Language) -> Values:
    """The parameters with a generator's `values:`, which are templates over the others."""
    given = mapping(generator.get("values"))
    filled = {str(key): language.text(str(item), values) for key, item in given.items()}
    if language.go:
        return {**values, **({"values": filled} if filled else {})}
    return {**values, **{f"values.{key}": item for key, item in filled.items()}}


def check_depth(value: Mapping[str, Any], around: tuple[str, ...]) -> None:
    """Raise Refused for a matrix or merge within two others: Argo CD drops it, and has no generator there."""
    for generator in mappings(value.get("generators")):
        for kind in ("matrix", "merge"):
            if generator.get(kind) is not None and len(around) == 2:
                raise Refused(
                    f"it has a {kind} in a {around[1]} in a {around[0]}, but two levels are the most"
                )
            check_depth(mapping(generator.get(kind)), (*around, kind))


def application(
    body: Mapping[str, Any], template: Mapping[str, Any], values: Values, language: Language
) -> Any:
    """The Application that a template generates from some parameters, with the set's patch."""
    spec = mapping(body.get("spec"))
    made: Mapping[str, Any] = copy.deepcopy(dict(template))
    if values:
        made = language.fill(made, values)
        metadata = dict(mapping(made.get("metadata")))
        keeps = mapping(spec.get("syncPolicy")).get("preserveResourcesOnDeletion") is True
        if not keeps and not metadata.get("finalizers"):
            metadata["finalizers"] = [FINALIZER]
        made = {**made, "metadata": metadata}
    if isinstance(patch := spec.get("templatePatch"), str):
        made = patched(made, language.text(patch, values), language)
    space = mapping(body.get("metadata")).get("namespace")
    own = {**mapping(made.get("metadata")), "namespace": space}
    return {"apiVersion": body.get("apiVersion"), "kind": "Application", **made, "metadata": own}


def patched(made: Mapping[str, Any], patch: str, language: Language) -> Mapping[str, Any]:
    """An Application with a templatePatch; its project stays."""
    if language.go and "{{" in patch:
        return made  # it could not be evaluated, which is reported
    parsed = parse(patch.encode())
    value = parsed.documents[0].value if parsed.documents else None
    if any(fault.code != "duplicate" for fault in parsed.faults) or not isinstance(value, dict | None):
        raise Refused("its templatePatch is not a YAML mapping after it is filled in")
    result = dict(_merged(made, value or {}))
    project = mapping(made.get("spec")).get("project")
    result["spec"] = {**mapping(result.get("spec")), "project": project}
    return result


def _merged(value: Mapping[str, Any], patch: Mapping[str, Any]) -> Mapping[str, Any]:
    """A strategic merge: lists are replaced, except finalizers, and null removes a field."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: item for key, item in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    result = dict(value)
    for key, item in patch.items():
        if item is None:
            result.pop(key, None)
        elif isinstance(item, dict):
            result[key] = _merged(mapping(result.get(key)), item)
        elif key == "finalizers":
            before = sequence(result.get(key))
            result[key] = [*before, *(one for one in sequence(item) if one not in before)]
        else:
            result[key] = item
    return result


def interpolated(generator: Mapping[str, Any], values: Values, language: Language) -> Mapping[str, Any]:
    """A matrix's second generator with the first one's parameters; its `values:` as far as these allow."""
    if not values:
        return generator
    found = dict(generator)
    for key, item in generator.items():
        if isinstance(item, dict) and isinstance(item.get("values"), dict) and key in ("git", "clusters"):
            rest = language.fill({name: one for name, one in item.items() if name != "values"}, values)
            early = {name: _early(str(one), values, language) for name, one in item["values"].items()}
            found[key] = {**rest, "values": early}
        else:
            found[key] = language.fill(item, values)
    return found


def _early(template: str, values: Values, language: Language) -> str:
    """A value, as far as the first generator's parameters fill it; else unchanged, for the second's."""
    if not language.go:
        return Language(False).text(template, values)
    strict = Language(True, "error")
    try:
        return strict.text(template, values)
    except Refused as error:
        if re.search(r"map has no entry|nil data|can't evaluate field", str(error)):
            return template
        raise


def elements(text: str) -> list[Values]:
    """The items of a list generator's `elementsYaml`."""
    parsed = parse(text.encode())
    value = parsed.documents[0].value if parsed.documents else []
    if any(fault.code != "duplicate" for fault in parsed.faults) or not isinstance(value, list | None):
        raise Refused("its elementsYaml is not a YAML list of mappings")
    found = [floats(item) for item in value or []]
    if not all(isinstance(item, dict) for item in found):
        raise Refused("its elementsYaml is not a YAML list of mappings")
    return found
