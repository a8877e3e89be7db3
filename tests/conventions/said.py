"""What a result says about itself."""

from __future__ import annotations

from survmodel.result import Result


def says(result: Result, *words: str, column: str = "conventions") -> None:
    """Assert that the glance row of a result carries all the words."""
    text = str(result.glance()[column].iloc[0])
    for word in words:
        assert word in text, (word, text)
