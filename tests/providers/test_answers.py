"""What Git hosts send besides their data: errors in three forms, pages, limits."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from bootstrap.providers import answers

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"message": "Not Found"}, "Not Found"),
        (
            {
                "message": "Validation Failed",
                "errors": [{"resource": "Repository", "field": "name", "code": "already_exists"}],
            },
            "Validation Failed; name: already_exists",
        ),
        (
            {"message": "Validation Failed", "errors": [{"message": "No commits between main and x"}]},
            "Validation Failed; No commits between main and x",
        ),
        ({"message": {"path": ["has already been taken"]}}, "path: has already been taken"),
        ({"message": ["Another open merge request exists"]}, "Another open merge request exists"),
        (
            {"error": "invalid_token", "error_description": "Token is expired."},
            "invalid_token; Token is expired.",
        ),
        ({"message": "two\nlines"}, "two lines"),
        ({"message": "x" * 1000}, "x" * 300),
        ({}, ""),
        (["a"], ""),
        (None, ""),
    ],
)
def test_complaints_of_every_host_become_one_line(data: Any, said: str) -> None:
    assert answers.message(data) == said


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"Retry-After": formatdate(NOW + 30)}, 30.0),
        ({"Retry-After": formatdate(NOW - 30)}, 0.0),
        ({"Retry-After": "soon"}, 0.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 60)}, 60.0),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(NOW) + 5)}, 5.0),
        ({"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": str(int(NOW) + 60)}, 0.0),
        ({}, 0.0),
    ],
)
def test_patience_is_what_the_host_asks_for(headers: dict[str, str], seconds: float) -> None:
    assert answers.patience(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "headers", "said", "limit"),
    [
        (429, {}, "", True),
        (503, {}, "", True),
        (403, {"Retry-After": "1"}, "", True),
        (403, {"X-RateLimit-Remaining": "0"}, "", True),
        (403, {}, "You have exceeded a secondary rate limit", True),
        (403, {"X-RateLimit-Remaining": "12"}, "Resource not accessible by integration", False),
        (404, {"Retry-After": "1"}, "", False),
        (500, {}, "", False),
    ],
)
def test_limits_are_distinguished_from_refusals(
    status: int, headers: dict[str, str], said: str, limit: bool
) -> None:
    assert answers.is_limit(status, headers, said) is limit


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (
            {
                "Link": '<https://h/x?page=1&per_page=50>; rel="prev", '
                '<https://h/x?page=3&per_page=50>; rel="next", <https://h/x?page=9>; rel="last"'
            },
            {"page": "3", "per_page": "50"},
        ),
        ({"Link": '<https://h/x?cursor=a%3D%3D>; rel="next"'}, {"cursor": "a=="}),
        ({"Link": '<https://h/x?page=1>; rel="first"'}, {}),
        ({"X-Next-Page": "2"}, {"page": "2"}),
        ({"X-Next-Page": ""}, {}),
        ({}, None),
    ],
)
def test_next_page_is_the_one_that_the_host_names(
    headers: dict[str, str], query: dict[str, str] | None
) -> None:
    assert answers.next_query(headers) == query
