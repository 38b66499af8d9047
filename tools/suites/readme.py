"""The README and the changelog say what is true."""

from __future__ import annotations

import re
from typing import List

from tools.tally import Tally
from tools.workshop import Suite, Workshop


def changelog(shop: Workshop) -> Tally:
    """One heading for what is coming, and no release above the version of the workspace."""
    text = shop.need_path("CHANGELOG.md").read_text()
    headings: List[str] = re.findall(r"^## \[(.+?)\]", text, re.M)
    version = shop.members["tenure"]["version"]
    claims = {
        "the first heading is Unreleased": headings[:1] == ["Unreleased"],
        "Unreleased is there once": headings.count("Unreleased") == 1,
        f"the newest release is {version} or none": headings[1:2] in ([], [version]),
    }
    return Tally(passed=sum(claims.values()),
                 failures=[claim for claim, holds in claims.items() if not holds])


SUITES = [Suite("changelog", "the changelog fits the version", changelog)]
