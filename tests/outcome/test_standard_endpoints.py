"""Standard endpoints: each kind and each rule, worked by hand on one table of dates."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from survmodel import standard_endpoint
from survmodel.errors import ConfigError
from survmodel.outcome.endpoints import Endpoint
from survmodel.outcome.intercurrent import RULES, rearrange, rule_of
from survmodel.outcome.standard_endpoints import STANDARD_ENDPOINTS

NOBODY = None
#: Days after the scan, one column for each patient:
#:                              a: treated, then worse   b: dies alone  c: well   d: worse, dies  e: treated, lives
DAYS = {
    "cxcr4_scan_date": [0, 0, 0, 0, 0],
    "first_treatment_date": [10, NOBODY, NOBODY, 10, 30],
    "progression_date": [200, NOBODY, NOBODY, 100, NOBODY],
    "new_treatment_date": [150, NOBODY, NOBODY, NOBODY, 80],
    "transplant_date": [160, NOBODY, NOBODY, NOBODY, NOBODY],
    "death_date": [NOBODY, 120, NOBODY, 300, NOBODY],
    "last_assessment_date": [210, 110, 400, 290, 390],
    "last_contact_date": [220, 120, 410, 300, 395],
    "remission_date": [50, 60, NOBODY, 40, 70],
}
START = pd.Timestamp("2020-01-01")


def dates() -> pd.DataFrame:
    table = pd.DataFrame(DAYS, index=list("abcde"))
    return table.apply(lambda days: START + pd.to_timedelta(days.astype(float), unit="D"))


def outcome_of(spec: Endpoint) -> tuple[list[float], list[int]]:
    found = spec.apply(dates()).outcome
    return found.time.tolist(), found.event.tolist()


BY_HAND = [
    ("os", None, {}, [220, 120, 410, 300, 395], [0, 1, 0, 1, 0]),
    ("pfs", None, {}, [200, 120, 400, 100, 390], [1, 1, 0, 1, 0]),
    ("pfs24", None, {}, [200, 120, 400, 100, 390], [1, 1, 0, 1, 0]),
    ("pfs", None, {"new_treatment": "treatment_policy"}, [200, 120, 400, 100, 390], [1, 1, 0, 1, 0]),
    ("pfs", None, {"new_treatment": "hypothetical"}, [150, 120, 400, 100, 80], [0, 1, 0, 1, 0]),
    ("pfs", None, {"new_treatment": "composite"}, [150, 120, 400, 100, 80], [1, 1, 0, 1, 1]),
    ("pfs", None, {"new_treatment": "competing"}, [150, 120, 400, 100, 80], [2, 1, 0, 1, 2]),
    ("pfs", None, {"transplant": "hypothetical"}, [160, 120, 400, 100, 390], [0, 1, 0, 1, 0]),
    ("ttp", None, {}, [200, 120, 400, 100, 390], [1, 2, 0, 1, 0]),
    ("pod24", None, {}, [200, 120, 400, 100, 390], [1, 2, 0, 1, 0]),
    ("ttp", None, {"new_treatment": "hypothetical"}, [150, 120, 400, 100, 80], [0, 2, 0, 1, 0]),
    ("efs", None, {}, [150, 120, 400, 100, 80], [1, 1, 0, 1, 1]),
    ("efs24", None, {"new_treatment": "treatment_policy"}, [200, 120, 400, 100, 390], [1, 1, 0, 1, 0]),
    ("ttft", None, {}, [10, 120, 410, 10, 30], [1, 2, 0, 1, 1]),
    ("ttnt", None, {}, [150, 120, 410, 300, 80], [1, 2, 0, 2, 1]),
    # from the remission: patient c had none
    ("rfs", "remission_date", {}, [150, 60, 60, 320], [1, 1, 1, 0]),
    ("dor", "remission_date", {}, [150, 60, 60, 320], [1, 1, 1, 0]),
    ("rfs", "remission_date", {"new_treatment": "hypothetical"}, [100, 60, 60, 10], [0, 1, 1, 0]),
    ("cir", "remission_date", {}, [150, 60, 60, 320], [1, 2, 1, 0]),
    ("nrm", "remission_date", {}, [150, 60, 60, 320], [2, 1, 2, 0]),
]


@pytest.mark.parametrize(("kind", "origin", "rules", "time", "event"), BY_HAND)
def test_by_hand(kind: str, origin: str | None, rules: dict[str, str], time: list[float], event: list[int]) -> None:
    spec = standard_endpoint(kind, origin=origin, unit="days", intercurrent=rules)
    assert outcome_of(spec) == (time, event)


def test_every_kind_is_worked_by_hand() -> None:
    assert {row[0] for row in BY_HAND} == set(STANDARD_ENDPOINTS)


def test_every_variant_is_another_endpoint() -> None:
    for kind, one in STANDARD_ENDPOINTS.items():
        origin = "remission_date" if one.needs_origin else None
        plain = outcome_of(standard_endpoint(kind, origin=origin))
        others = [outcome_of(standard_endpoint(kind, origin=origin, intercurrent=rules)) for _, rules in one.variants]
        assert all(other != plain for other in others)
        assert len({str(other) for other in others}) == len(others)


@pytest.mark.parametrize(("unit", "horizon"), [("months", 24.0), ("years", 2.0), ("days", 730.5)])
def test_an_endpoint_of_two_years_is_read_there(unit: str, horizon: float) -> None:
    assert standard_endpoint("pod24", unit=unit).horizons == (horizon,)  # type: ignore[arg-type]
    assert standard_endpoint("pfs", unit=unit).horizons == ()  # type: ignore[arg-type]
    assert standard_endpoint("pod24", horizons=[12]).horizons == (12,)


def test_settings_arrive() -> None:
    lock = date(2021, 12, 31)
    spec = standard_endpoint("pfs", name="x", origin="diagnosis_date", entry="cxcr4_scan_date", data_lock=lock)
    assert (spec.name, spec.origin, spec.entry, spec.data_lock) == ("x", "diagnosis_date", "cxcr4_scan_date", lock)
    assert standard_endpoint("os").visit_gap_days is None
    assert spec.visit_gap_days is not None


def test_survival_is_not_censored_at_a_treatment() -> None:
    with pytest.raises(ConfigError, match="survival is not censored at a new therapy"):
        standard_endpoint("os", intercurrent={"new_treatment": "hypothetical"})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "pfss"}, "the endpoint 'pfss' is not known"),
        ({"kind": "dor"}, "duration of response begins at a response or remission"),
        ({"kind": "pfs", "intercurrent": {"holiday": "composite"}}, "no column dates 'holiday'"),
        ({"kind": "pfs", "intercurrent": {"new_treatment": "ignored"}}, "'ignored' is no rule of new treatment"),
        ({"kind": "pfs", "intercurrent": {"death": "hypothetical"}}, "death is no event that comes in between"),
        ({"kind": "ttnt", "intercurrent": {"new_treatment": "hypothetical"}}, "the rules leave no event"),
    ],
)
def test_refuses(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        standard_endpoint(**options)  # type: ignore[arg-type]


def test_a_rule_moves_an_event_from_where_it_was() -> None:
    columns = {"new_treatment": "t", "progression": "p"}
    parts = ("progression", "new_treatment", "death"), (), ("t",)
    assert rearrange(*parts, {"new_treatment": "competing"}, columns) == (
        ("progression", "death"),
        ("new_treatment",),
        (),
    )
    assert rearrange(*parts, {"new_treatment": "treatment_policy"}, columns) == (("progression", "death"), (), ())


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_that_was_given_is_the_rule_that_is_named(rule: str) -> None:
    columns = {"new_treatment": "t"}
    events, competing, censor_at = rearrange(("progression", "death"), (), (), {"new_treatment": rule}, columns)
    assert rule_of("new_treatment", events, competing, censored="t" in censor_at) == rule
