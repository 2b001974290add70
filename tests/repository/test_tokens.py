"""Every kind of credential is recognised, although most strings are passed over at a glance."""

from __future__ import annotations

import pytest

from bootstrap.repository.tokens import TOKENS, token

EACH = {
    "a GitHub token": "ghp_" + "a1B2c3D4" * 5,
    "a GitLab token": "glpat-" + "a1B2c3D4" * 3,
    "an AWS access key": "AKIA" + "Q1W2E3R4T5Y6U7I8",
    "a Slack token": "xoxb-" + "123-abc-456-def",
    "a Google API key": "AIza" + "a1B2c3D" * 5,
    "a Stripe key": "sk_live_" + "a1B2c3D4" * 3,
    "an npm token": "npm_" + "a1B2c3D4e5F6" * 3,
    "a JSON Web Token": "eyJ" + "a1B2c3D4" * 2 + ".eyJ" + "a1B2c3D4" * 2 + "." + "a1B2c3D4" * 2,
    "a password in a URL": "postgres://app:Tr0ub4dor@db/app",
}


@pytest.mark.parametrize("kind", TOKENS)
def test_every_kind_of_token_is_found_within_other_text(kind: str) -> None:
    assert token(f"first: {EACH[kind]} \n") == kind
    assert token(EACH[kind]) == kind
    assert token("plain text: nothing; https://example.com/ghp") == ""
