"""Pure: what an AppProject permits after a change that it did not permit before.

Projects permit by patterns, and by patterns that refuse, so two are compared by what Argo CD 3.6 would
answer (pkg/apis/application/v1alpha1/app_project_types.go) to questions that their rules make: with every `*`
replaced by some word, and with what one rule names where another has a pattern. A pattern that refuses
something permits all else, as it does there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, product
from typing import Any

from bootstrap.resources.index import IN_CLUSTER, Resource, mapping, mappings, sequence

_WORDS = ("some-other", "x0", "")
"""What stands for a `*` in a question."""
_MOST = 5000
"""Questions for each rule: a project with many rules has many combinations."""
_STARS = 8
_UNKNOWN = "https://cluster.invalid"
_KINDS = (
    ("clusterResourceWhitelist", "clusterResourceBlacklist", True),
    ("namespaceResourceWhitelist", "namespaceResourceBlacklist", False),
)

Rule = tuple[str, ...]
Asked = tuple[str, ...]


def grown(old: Resource | None, new: Resource) -> Iterator[str]:
    """The rights that are new, in words."""
    before, after = (mapping(one.spec) if one is not None else None for one in (old, new))
    assert after is not None  # noqa: S101 - the new project is there
    yield from _of_applications(before, after)
    yield from _new(_policies, _may, _role_in_words, before, after)
    yield from _new(_spaces, _holds, lambda rule: f"has Applications of namespace {rule[0]}", before, after)
    had, has = _groups(before), _groups(after)
    yield from (f"role {role} for {group}" for role, group in has if (role, group) not in had)


def wider(old: Resource, new: Resource) -> Iterator[str]:
    """What an Application may do in the project `new` that it may not do in `old`, in words."""
    yield from _of_applications(mapping(old.spec), mapping(new.spec))


def _of_applications(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[str]:
    yield from _new(_sources, _reads, lambda rule: f"reads {_but(rule[0])}", before, after)
    yield from _new(_destinations, _deploys, _in_words, before, after)
    for white, black, wide in _KINDS:
        yield from _kinds(before, after, white, black, wide)
    if before is not None:
        if before.get("permitOnlyProjectScopedClusters") and not after.get("permitOnlyProjectScopedClusters"):
            yield "deploys to clusters that are not the project's own"
        if before.get("signatureKeys") and not (after.get("signatureKeys") or after.get("sourceIntegrity")):
            yield "takes commits without a signature"


def _new(
    rules: Callable[[Mapping[str, Any]], Sequence[Rule]],
    permits: Callable[[Sequence[Rule], Asked], bool],
    words: Callable[[Rule], str],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
) -> Iterator[str]:
    """Each rule of which a question is answered with yes now, and was not."""
    had, has = rules(before) if before is not None else (), rules(after)

    def opens(rule: Rule) -> bool:
        asked = _questions(rule, (*had, *has))
        return any(permits(has, one) and not permits(had, one) for one in asked)

    found = [rule for rule in has if rule not in had and opens(rule)]
    yield from map(words, found)
    for rule in had:
        if rule not in has and any(part.startswith("!") for part in rule):
            inner = tuple(part.removeprefix("!") for part in rule)
            if inner not in found and opens(inner):
                yield f"{words(inner)}, which was refused"


def _questions(rule: Rule, others: Iterable[Rule]) -> Iterator[Asked]:
    """What a rule may be asked for: by its own patterns, and by those of other rules where they overlap.

    A part that refuses is asked for something else.
    """
    parts = []
    for part, beside in zip(rule, zip(*{rule, *others}, strict=True), strict=True):
        own = [f"x0-{word}" if part.startswith("!") else _example(part, word) for word in _WORDS]
        examples = sorted({_example(one.removeprefix("!"), _WORDS[0]) for one in beside})
        parts.append(dict.fromkeys([*own, *(one for one in examples if _matches(part, one))]))
    return islice(product(*parts), _MOST)


def _example(pattern: str, word: str) -> str:
    """A text that a pattern matches."""
    if len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
        return pattern
    text = re.sub(r"\{([^,}]*)[^}]*\}", r"\1", pattern)
    text = re.sub(r"\[!?([^\]-])[^\]]*\]", r"\1", text)
    return text.replace("**", word).replace("*", word).replace("?", "x")


@cache
def _expression(pattern: str, separators: str) -> re.Pattern[str]:
    """A pattern of Argo CD's as a regular expression; one with very many stars is only compared as text."""
    if pattern.count("*") > _STARS:
        return re.compile(re.escape(pattern))
    single = f"[^{re.escape(separators)}]" if separators else "."
    found, braces, at = "", 0, 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*" and pattern[at : at + 1] == "*":
            found, at = found + ".*", at + 1
        elif char in "*?":
            found += f"{single}*" if char == "*" else single
        elif char == "[" and (end := pattern.find("]", at + 1)) > 0:
            inside = pattern[at:end].replace("\\", "\\\\").replace("[", "\\[")
            found, at = f"{found}[{'^' + inside[1:] if inside[0] == '!' else inside}]", end + 1
        elif char == "{":
            found, braces = f"{found}(?:", braces + 1
        elif char == "," and braces:
            found += "|"
        elif char == "}" and braces:
            found, braces = f"{found})", braces - 1
        else:
            found += re.escape(char)
    try:
        return re.compile(found, re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))


def _match(pattern: str, text: str, separators: str = "") -> bool:
    return pattern == "*" or _expression(pattern, separators).fullmatch(text) is not None


def _matches(pattern: str, text: str, separators: str = "") -> bool:
    """As `_match`; a pattern that refuses matches everything else."""
    if pattern.startswith("!"):
        return not _match(pattern[1:], text, separators)
    return _match(pattern, text, separators)


def _texts(spec: Mapping[str, Any] | None, field: str) -> list[str]:
    return [str(one) for one in sequence((spec or {}).get(field))]


def _sources(spec: Mapping[str, Any]) -> list[Rule]:
    return [(one,) for one in _texts(spec, "sourceRepos")]


def _reads(rules: Sequence[Rule], asked: Asked) -> bool:
    found = False
    for (pattern,) in rules:
        if _matches(_url(pattern), _url(asked[0]), "/"):
            found = True
        elif pattern.startswith("!"):
            return False
    return found


def _url(text: str) -> str:
    return text.lower().removesuffix(".git")


def _spaces(spec: Mapping[str, Any]) -> list[Rule]:
    return [(one,) for one in _texts(spec, "sourceNamespaces")]


def _holds(rules: Sequence[Rule], asked: Asked) -> bool:
    """An expression in slashes is not looked into: it is new if it was not there."""
    return any(rule == asked or _match(rule[0], asked[0]) for rule in rules)


def _destinations(spec: Mapping[str, Any]) -> list[Rule]:
    """(server, name, namespace)."""
    fields = ("server", "name", "namespace")
    return [
        tuple(str(one.get(field) or "") for field in fields) for one in mappings(spec.get("destinations"))
    ]


def _deploys(rules: Sequence[Rule], asked: Asked) -> bool:
    server, name, namespace = asked
    if not server and not name:
        server = _UNKNOWN
    if server == IN_CLUSTER or name == "in-cluster":
        server, name = IN_CLUSTER, "in-cluster"
    found = False
    for to_server, to_name, to_namespace in rules:
        by_name = bool(name) and _matches(to_name, name)
        by_server = bool(server) and _matches(to_server, server)
        here = _matches(to_namespace, namespace)
        if (by_server or by_name) and here:
            found = True
        elif (
            (not by_name and to_name.startswith("!"))
            or (not by_server and to_server.startswith("!") and here)
            or (not here and to_namespace.startswith("!") and by_server)
        ):
            return False
    return found


def _in_words(rule: Rule) -> str:
    server, name, namespace = rule
    where = f"to namespace {_but(namespace)}" if namespace else "without a namespace to what is"
    return f"deploys {where} of {_but(server or name)}"


def _but(pattern: str) -> str:
    return f"everything but {pattern[1:]}" if pattern.startswith("!") else pattern


def _kinds(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], white: str, black: str, wide: bool
) -> Iterator[str]:
    """Of the kinds with a namespace, or without (`wide`): listed as permitted, or as refused."""

    def permits(spec: Mapping[str, Any] | None, asked: Asked) -> bool:
        if spec is None:
            return False
        every = not wide and spec.get(white) is None
        return (every or _listed(spec, white, asked, wide)) and not _listed(spec, black, asked, wide)

    listed = [
        one for spec in (before, after) for field in (white, black) for one in _rules(spec, field, wide)
    ]

    def opens(rule: Rule) -> bool:
        return any(permits(after, one) and not permits(before, one) for one in _questions(rule, listed))

    scope = "cluster-scoped " if wide else ""
    if not wide and before is not None and before.get(white) is not None and after.get(white) is None:
        yield "applies every kind that has a namespace"
    else:
        for rule in _rules(after, white, wide):
            if rule not in _rules(before, white, wide) and opens(rule):
                yield f"applies {scope}{_kind_in_words(rule)}"
    for rule in _rules(before, black, wide):
        if rule not in _rules(after, black, wide) and opens(rule):
            yield f"applies {scope}{_kind_in_words(rule)}, which was refused"


def _rules(spec: Mapping[str, Any] | None, field: str, wide: bool) -> list[Rule]:
    """(group, kind, name); only what has no namespace is named."""
    return [
        (
            str(one.get("group") or ""),
            str(one.get("kind") or ""),
            str(one.get("name") or "*") if wide else "*",
        )
        for one in mappings((spec or {}).get(field))
    ]


def _listed(spec: Mapping[str, Any], field: str, asked: Asked, wide: bool) -> bool:
    return any(
        all(_match(part, one, "/") for part, one in zip(rule, asked, strict=True))
        for rule in _rules(spec, field, wide)
    )


def _kind_in_words(rule: Rule) -> str:
    group, kind, name = rule
    return f"{group or 'core'} {kind}" + (f" {name}" if name != "*" else "")


def _policies(spec: Mapping[str, Any]) -> list[Rule]:
    """(role, resource, action, object, effect) of the roles, whatever they say in other ways."""
    found = []
    for role in mappings(spec.get("roles")):
        for line in _texts(role, "policies"):
            parts = [part.strip() for part in line.split(",")]
            if len(parts) >= 5 and parts[0] == "p":
                effect = parts[5] if len(parts) > 5 else "allow"
                object_ = parts[4]
                found.append((str(role.get("name")), parts[2], parts[3], object_, effect))
    return [
        (role, what, action, object_, "") if effect == "allow" else (f"!{role}", what, action, object_, "")
        for role, what, action, object_, effect in found
    ]


def _may(rules: Sequence[Rule], asked: Asked) -> bool:
    """Whether some policy of the role allows it, and none denies it."""
    found = False
    for role, *rule, _ in rules:
        if role.removeprefix("!") == asked[0] and all(map(_match, rule, asked[1:])):
            if role.startswith("!"):
                return False
            found = True
    return found


def _role_in_words(rule: Rule) -> str:
    role, what, action, object_, _ = rule
    return f"role {role} may {action} {what} {object_}"


def _groups(spec: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    roles = mappings((spec or {}).get("roles"))
    return [(str(one.get("name")), group) for one in roles for group in _texts(one, "groups")]
