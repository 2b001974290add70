"""The text of a pull request's comment, and where it goes by what a CI system says."""

from __future__ import annotations

import pytest

from bootstrap.ci.comment import LIMIT, fitted, link_of, number_of, repository_of
from tests.conftest import Run

MARK = "<!-- bootstrap diff -->"
GITHUB = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "org/gitops",
    "GITHUB_REF": "refs/pull/12/merge",
    "GITHUB_RUN_ID": "42",
}
GITLAB = {
    "CI_MERGE_REQUEST_PROJECT_URL": "https://gitlab.example.com/platform/gitops",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_JOB_URL": "https://gitlab.example.com/platform/gitops/-/jobs/9",
}


def block(name: str, lines: int) -> str:
    body = "".join(f"+ {name} {number} {'x' * 60}\n" for number in range(lines))
    return f"<details><summary>change <code>{name}</code></summary>\n\n~~~~diff\n{body}~~~~\n</details>\n"


def test_a_short_text_is_kept_as_it_is_and_marked_once() -> None:
    text = f"### Changes\n\n{block('web', 3)}"
    once = fitted(text, MARK, None)
    assert once == f"{MARK}\n{text}"
    assert fitted(once, MARK, None) == once


def test_a_long_text_keeps_its_first_blocks_and_the_titles_of_the_others() -> None:
    text = "**Data at risk**\n\n" + "".join(block(f"web-{number}", 100) for number in range(40))
    cut = fitted(text, MARK, "https://git.example.com/run/1")
    assert len(cut.encode()) <= LIMIT
    assert cut.startswith(f"{MARK}\n**Data at risk**\n\n<details>")
    assert cut.count("<details>") == cut.count("</details>") > 3
    assert "\n- change <code>web-39</code>\n" in cut
    assert cut.endswith("[this run](https://git.example.com/run/1).\n")
    assert len(cut.encode()) > LIMIT - 10_000, "no more is left out than must be"


@pytest.mark.parametrize(
    "text",
    [
        "é" * LIMIT,
        "- line\n" * LIMIT,
        "```yaml\n" + "a: b\n" * LIMIT + "```\n",
        "<details><summary>x</summary>\n\n" + "a: b\n" * LIMIT,
        "".join(f"- change <code>{'n' * 80}-{number}</code>\n" for number in range(2000)),
    ],
)
def test_what_cannot_be_shortened_is_cut_where_no_block_is_open(text: str) -> None:
    cut = fitted(f"before\n\n{text}", MARK, "https://git.example.com/run/1")
    assert len(cut.encode()) <= LIMIT
    assert cut.startswith(f"{MARK}\nbefore\n")
    assert "```" not in cut
    assert "<details" not in cut
    assert "**Too long for a comment.**" in cut


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        (GITHUB, ("https://github.com/org/gitops", 12, "https://github.com/org/gitops/actions/runs/42")),
        ({**GITHUB, "GITHUB_REF": "refs/pull/12/head"}, None),  # Gitea's
        (GITLAB, (GITLAB["CI_MERGE_REQUEST_PROJECT_URL"], 7, GITLAB["CI_JOB_URL"])),
        ({"GITHUB_REF": "refs/heads/main"}, (None, None, None)),
        ({}, (None, None, None)),
    ],
)
def test_a_ci_system_says_where_the_comment_goes(
    environ: dict[str, str], found: tuple[str | None, int | None, str | None] | None
) -> None:
    expected = found or ("https://github.com/org/gitops", 12, "https://github.com/org/gitops/actions/runs/42")
    assert (repository_of(environ), number_of(environ), link_of(environ)) == expected


def test_what_nobody_says_is_asked_for(run: Run) -> None:
    ended = run("ci", "comment", "/dev/null", env={"GIT_TOKEN": "a-token"})
    assert ended.exit == 2
    assert "--repo" in ended.err
    ended = run(
        "ci", "comment", "/dev/null", "--repo", "https://git.example.com/org/x", env={"GIT_TOKEN": "t"}
    )
    assert ended.exit == 2
    assert "--number" in ended.err


def test_a_name_that_could_end_the_mark_is_refused(run: Run) -> None:
    ended = run("ci", "comment", "/dev/null", "--name", "a --> b", "--dry-run")
    assert ended.exit == 2
    assert "--name" in ended.err


def test_the_text_alone_is_printed(run: Run) -> None:
    ended = run("ci", "comment", "/dev/null", "--name", "plan", "--dry-run")
    assert (ended.exit, ended.out.strip()) == (0, "<!-- bootstrap plan -->")
