"""Pure: why a Git host refuses a push, and what helps.

The patterns are from the hosts' own messages: GitHub's codes and rule names, GitLab's push rules, Gitea's
and Bitbucket's.
"""

from __future__ import annotations

import re

SIGNATURE = "signature"
WHO = "who"
REVIEW = "review"
RIGHT = "right"
MESSAGE = "message"
SIGNED_OFF = "signed off"
SECRET = "secret"  # noqa: S105 - a reason
ARCHIVED = "archived"
STORE = "store"
LOST = "lost"
OTHER = "other"

# The first that matches decides: if a protected branch requires signatures, signatures are the reason.
_REASONS: tuple[tuple[str, str], ...] = (
    (STORE, r"No space left|unpacker error|unable to write|quota|exceed its size limit|storage limit"),
    (LOST, r"remote failed to report status"),
    (SIGNED_OFF, r"[Ss]igned-off-by|sign-off"),
    (SECRET, r"PUSH PROTECTION|contains? secrets|[Ss]ecrets? (was|were) (detected|found)"),
    (
        SIGNATURE,
        r"verified signature|must be signed|must have (a )?(valid |verified )?signatures?"
        r"|requires? signed commits"
        r"|not signed|unsigned|commit signatures? (is|are) required|signature verification",
    ),
    (
        WHO,
        r"GH007|private email|email '?[^ ']*'? is not verified|verified emails?|is not a member of team"
        r"|(author|committer)('s)? ?(email|name)?[^;]*does not follow"
        r"|(committer|author)[^;]*(must match|does not match|mismatch|not allowed|not recogni[sz]ed)"
        r"|cannot push commits for|expected (committer|author)|is not registered in your account"
        r"|forge (committer|author)|you (need|must) (to )?(be|have)[^;]*(committer|author)",
    ),
    (ARCHIVED, r"archived|is read-only|in maintenance|mirror(ed)? repository"),
    (
        MESSAGE,
        r"[Cc]ommit message[^;]*(does not follow|contains the forbidden|must|pattern)|missing Change-Id",
    ),
    (
        RIGHT,
        r"not allowed to upload code|not allowed to push code to this project|denied to|not authori[sz]ed"
        r"|insufficient (permission|scope)|does not have (write|push) access|marked as read only"
        r"|deploy keys? (is|are) not allowed|[Pp]ermission denied|access denied"
        r"|without `?workflows?`? (scope|permission)"
        r"|service not enabled|may not push|TF401027|[Yy]ou need the Git",
    ),
    (
        REVIEW,
        r"GH006|GH013|[Pp]rotected|through a pull request|pull requests? (is|are) required|by merge request"
        r"|only be modified through pull requests|[Rr]equired status check|rule violations"
        r"|not allowed to push|branch restriction|TF402455|prohibited by Gerrit",
    ),
)
_HINTS = {
    SIGNATURE: "the host accepts only signed commits: sign it with a key that the host knows (--sign)",
    WHO: "the host checks author and committer: give a name and an address it knows (--author 'NAME <EMAIL>',"
    " GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL)",
    SIGNED_OFF: "the host requires a Signed-off-by line: add it (--signoff, or in --message)",
    SECRET: "the host has found what looks like a secret in the commit: its message says where",
    ARCHIVED: "the repository accepts no changes: ask its owners",
    MESSAGE: "the host has a rule for commit messages: give one that follows it (--message)",
    RIGHT: "use a credential that may write to the repository: on GitLab a project access token or deploy key"
    " with write_repository (CI_JOB_TOKEN may not push by default); on GitHub one with Contents: write",
    REVIEW: "the branch is protected: push to another branch (--branch) and merge it by review,"
    " or have the rule on the host changed",
    STORE: "the Git host could not store the push: ask its operators",
    LOST: "it is unknown whether the host accepted it: look at the branch, then run again",
    OTHER: "push to another branch (--branch) and merge it by review, or have the rule on the host changed",
}


def reason_of(said: str) -> str:
    """Which of the reasons above the host's message means."""
    for reason, pattern in _REASONS:
        if re.search(pattern, said):
            return reason
    return OTHER


def hint_for(reason: str) -> str:
    """What helps, for any command."""
    return _HINTS[reason]
