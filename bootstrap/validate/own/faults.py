"""Findings about a repository's own rules, at the line of the rule."""

from __future__ import annotations

from bootstrap.validate.rule import Rule

INVALID = Rule(
    "GB140",
    "own-rule-invalid",
    "error",
    "A rule in checks/ cannot be used: a key, a value or its expression is wrong.",
    "correct it as the message says (docs/checks.md)",
)
UNKNOWN = Rule(
    "GB141",
    "own-rule-not-evaluated",
    "warning",
    "A rule in checks/ could not be evaluated for some objects, so they were not checked with it.",
    "guard the expression with has(), or narrow the rule's match",
)
