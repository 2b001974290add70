"""Where a repository's API is, from the URL that git is given."""

from __future__ import annotations

import pytest

from bootstrap.core.errors import InputError
from bootstrap.providers.address import project_path, split, web_address

URLS = [
    ("https://h/owner/name.git", "https://h/owner/name.git", "owner/name"),
    ("https://h/owner/name/", "https://h/owner/name/", "owner/name"),
    ("git@h:owner/name.git", "https://h/owner/name.git", "owner/name"),
    ("ssh://git@h:2222/group/sub/name.git", "https://h/group/sub/name.git", "group/sub/name"),
    ("https://h/owner/na%20me.git", "https://h/owner/na%20me.git", "owner/na me"),
]


@pytest.mark.parametrize(("url", "web", "path"), URLS)
def test_ssh_and_https_urls_name_the_same_repository(url: str, web: str, path: str) -> None:
    assert (web_address(url), project_path(url)) == (web, path)
    assert "/".join(split(url)) == "/".join(path.split("/")[-2:])


def test_a_folder_has_no_api() -> None:
    with pytest.raises(InputError, match="file:///srv/x"):
        web_address("file:///srv/x.git")
