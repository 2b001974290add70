"""Reports the result of `bootstrap image set -o json` to GitHub Actions: lines to read, and the outputs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def escaped(text: str) -> str:
    """A text, escaped for a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def report(result: dict[str, Any]) -> list[str]:
    """Print each image, or the error; returns the lines for the outputs."""
    if error := result.get("error"):
        where = f"{error['where']}: " if error.get("where") else ""
        text = f"{error['tried']}: {where}{error['found']}\nto do: {error['hint']}"
        print(f"::error title=bootstrap image set::{escaped(text)}")
        return []
    for image in result["images"]:
        now = (image["after"] or image["before"] or {}).get("reference", "")
        reason = f" ({image['reason']})" if image["reason"] else ""
        # Never at the beginning of a line, where `::` is a command to the runner.
        print("image " + escaped(f"{image['name']} in {image['file']}: {image['state']}{reason} {now}"))
    values = {
        "changed": str(bool(result["changed"])).lower(),
        "commit": result.get("commit") or "",
        "pull-request": result.get("pull_request") or "",
    }
    return [f"{name}={value}\n" for name, value in values.items()]


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    if text.strip():
        lines = report(json.loads(text))
        with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
            file.writelines(lines)
