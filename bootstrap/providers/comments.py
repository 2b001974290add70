"""One comment of a pull request: written once, and kept up to date from then on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from bootstrap.providers.client import Client


@dataclass(frozen=True)
class Comment:
    """`url` is where people see it; "" where the host does not say."""

    url: str
    change: Literal["created", "updated", "same"]


@dataclass(frozen=True)
class Place:
    """Where a host's API has the comments of one pull request.

    `one` is the path of a comment without its id, `update` the method that changes it, and `name` the
    field with its author's name.
    """

    comments: str
    one: str
    update: Literal["PATCH", "PUT"]
    name: str


def ensure(client: Client, place: Place, authors: Collection[str], mark: str, body: str) -> Comment:
    """Update the comment of one of the `authors` that begins with `mark`, or write it.

    Somebody else's comment is never touched, whatever it begins with.
    """
    tried = "commenting on the pull request"
    nothing = frozenset[int]()
    listed = client.pages(place.comments, "listing the pull request's comments", nothing)
    mine = (one for one in listed if _is_by(one, place, authors) and str(one.get("body")).startswith(mark))
    found = next(mine, None)
    if found is None:
        made = client.request("POST", place.comments, tried, json={"body": body}, missing=nothing)
        return Comment(str(made.get("html_url") or ""), "created")
    url = str(found.get("html_url") or "")
    if str(found["body"]).strip() == body.strip():
        return Comment(url, "same")
    client.request(place.update, f"{place.one}/{found['id']}", tried, json={"body": body}, missing=nothing)
    return Comment(url, "updated")


def _is_by(comment: Any, place: Place, authors: Collection[str]) -> bool:
    author = comment.get("user") or comment.get("author") or {}
    return author.get(place.name) in authors
