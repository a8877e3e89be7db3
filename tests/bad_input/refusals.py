"""A small cohort with identifiers that no message may show, and what every refusal has to hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from survmodel import Outcome, SurvmodelError

SECRET = "SECRET"
N = 60


def make_table() -> pd.DataFrame:
    rng = np.random.default_rng(2024)
    return pd.DataFrame(
        {
            "pid": [f"{SECRET}-{number:03d}" for number in range(N)],
            "months": np.round(rng.exponential(20, N), 1) + 0.1,
            "dead": rng.integers(0, 2, N),
            "age": np.round(rng.normal(60, 10, N)),
            "suv": np.round(rng.lognormal(1.5, 0.5, N), 1),
            "sex": rng.choice(["female", "male"], N),
        },
        index=[f"{SECRET} row {number}" for number in range(N)],
    )


def make_outcome(table: pd.DataFrame) -> Outcome:
    return Outcome.from_table(table, time="months", event="dead", id="pid", unit="months", endpoint="death")


def refusal(error: type[SurvmodelError], call: Callable[[], object], *said: str) -> SurvmodelError:
    """Run what must be refused; check the class, the words, that there is a way out, and that no identifier shows."""
    with pytest.raises(error) as caught:
        call()
    text = str(caught.value)
    assert type(caught.value) is error
    for words in said:
        assert words in text, f"{words!r} is not in: {text}"
    assert SECRET not in text, f"an identifier shows in: {text}"
    assert "nan" not in text.split(), text
    return caught.value


def warned(warnings: tuple[str, ...], *said: str) -> None:
    """Check that one warning holds all the words, and that none shows an identifier."""
    assert any(all(words in one for words in said) for one in warnings), f"{said} not in {warnings}"
    assert not any(SECRET in one for one in warnings)
