"""What a study file says about its models: Cox models and forests, their risk groups, how they are validated."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from survmodel.errors import list_values
from survmodel.models.forest_tuning import ForestTuning
from survmodel.models.risk_groups import SHARES, NamedCuts, RiskGroups
from survmodel.study.settings_base import Array, Names, Strict, Text

Whole = Annotated[int, Field(ge=1)]
#: Keys that belong to one kind of model only.
OF_COX = ("strata", "ties", "penalty")
#: Keys of a forest that are its settings as they are.
FOREST_FIELDS = ("n_trees", "mtry", "min_leaf", "min_events", "max_depth", "random_cuts", "missing")
OF_FOREST = (*FOREST_FIELDS, "tuning")


def _cuts(value: object) -> object:
    """Read the name of quantiles, or ascending numbers."""
    if isinstance(value, str) and value in SHARES:
        return value
    numbers = isinstance(value, list) and value
    if not numbers or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in value):  # type: ignore[attr-defined]
        raise ValueError(f"must be one of {list_values(list(SHARES))}, or numbers in ascending order")
    found = tuple(float(one) for one in value)  # type: ignore[attr-defined]
    if any(b <= a for a, b in itertools.pairwise(found)):
        raise ValueError("must be numbers in ascending order")
    return found


def _named(value: object) -> object:
    """Let the name of quantiles stand for the whole table."""
    return {"cuts": value} if isinstance(value, str) else value


class RiskGroupsEntry(Strict):
    """``risk_groups = "tertiles"``, or ``{ cuts = [0.2, 0.5], on = "risk", horizon = 24, source = "Smith 2020" }``.

    Groups are formed within disease, on the prognostic index or on the risk at a horizon; every patient is assigned by
    models that have not seen him.
    """

    cuts: Annotated[Any, PlainValidator(_cuts, json_schema_input_type=NamedCuts | list[float])] = "tertiles"
    on: Literal["index", "risk"] = "index"
    horizon: Annotated[float, Field(gt=0)] | None = None
    labels: Array[Text] | None = None
    source: str = ""

    @model_validator(mode="after")
    def _agrees(self) -> RiskGroupsEntry:
        problems = []
        if self.on == "risk" and self.horizon is None:
            problems.append('on = "risk" needs the horizon at which risk is meant')
        if self.on == "index" and self.horizon is not None:
            problems.append('horizon belongs to on = "risk"')
        if self.on == "index" and not isinstance(self.cuts, str):
            problems.append('numbers cut a risk: an index has no published scale; add on = "risk" and a horizon')
        if self.on == "risk" and not isinstance(self.cuts, str) and not 0 < self.cuts[0] <= self.cuts[-1] < 1:
            problems.append("cuts of a risk lie between 0 and 1")
        if self.source and isinstance(self.cuts, str):
            problems.append("source says where given cuts come from, and quantiles come from these data")
        n_groups = 1 + (len(SHARES[self.cuts]) if isinstance(self.cuts, str) else len(self.cuts))
        if self.labels is not None and (len(self.labels) != n_groups or len(set(self.labels)) < n_groups):
            problems.append(f"labels must be {n_groups} different names")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def spec(self) -> RiskGroups:
        """How an index or a risk is cut."""
        return RiskGroups(self.cuts, self.labels, self.source)


class TuningEntry(Strict):
    """``tuning = true``, or ``{ mtry = [1, 2], min_leaf = [5, 10], n_trees = 200 }``: out-of-bag C chooses a pair.

    What is left out is chosen from the number of columns and patients. The choice is made anew in each resample.
    """

    mtry: Array[Whole] | None = None
    min_leaf: Array[Whole] | None = None
    n_trees: Annotated[int, Field(ge=1, le=10_000)] | None = None


def _tuning(value: object) -> object:
    """Let true stand for the default grids, and false for none."""
    return ({} if value else None) if isinstance(value, bool) else value


class ModelEntry(Strict):
    """``[model.NAME]``: a Cox model, or a random survival forest.

    Without ``strata`` a Cox model is stratified by entity; ``strata = []`` is none. A forest has no strata: entities
    are columns of its formula. ``penalty = "firth"`` is for inference from few events, by custom fewer than 40: its
    estimates are finite where a group has no events, its limits and tests are those of the penalised likelihood.

    Of a forest: ``mtry`` columns tried at a split, ``min_leaf`` patients and ``min_events`` events at least in a leaf,
    ``max_depth`` splits at most above it, ``random_cuts`` cuts tried of a column instead of all; ``missing =
    "direction"`` keeps patients with missing values, which go the better way at each split.
    """

    kind: Literal["cox", "random_survival_forest"]
    endpoint: Text
    formula: Text
    strata: Names | None = None
    ties: Literal["efron", "breslow"] = "efron"
    penalty: Literal["firth"] | None = None
    n_trees: Annotated[int, Field(ge=1, le=10_000)] = 500
    mtry: Whole | None = None
    min_leaf: Whole | None = None
    min_events: Annotated[int, Field(ge=0)] = 1
    max_depth: Whole | None = None
    random_cuts: Whole | None = None
    missing: Literal["leave out", "direction"] = "leave out"
    tuning: Annotated[
        TuningEntry | None, BeforeValidator(_tuning, json_schema_input_type=TuningEntry | bool | None)
    ] = None
    risk_groups: Annotated[
        RiskGroupsEntry | None, BeforeValidator(_named, json_schema_input_type=RiskGroupsEntry | NamedCuts | None)
    ] = None
    label: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> ModelEntry:
        foreign = OF_COX if self.is_forest else OF_FOREST
        given = [key for key in foreign if key in self.model_fields_set]
        if given:
            other = "Cox models" if self.is_forest else "forests"
            raise ValueError(f"{list_values(given)} {'is' if len(given) == 1 else 'are'} for {other}")
        fixed = [key for key in ("mtry", "min_leaf") if self.tuning is not None and getattr(self, key) is not None]
        if fixed:
            raise ValueError(f"{list_values(fixed)} given and tuned: leave out one, or write the values into tuning")
        return self

    @property
    def forest_settings(self) -> dict[str, Any]:
        """What a forest is asked for, by the names of its fields."""
        asked = self.tuning
        tuning = None if asked is None else ForestTuning(asked.mtry, asked.min_leaf, asked.n_trees)
        return {**{key: getattr(self, key) for key in FOREST_FIELDS}, "tuning": tuning}

    @property
    def is_forest(self) -> bool:
        """Whether it is a random survival forest."""
        return self.kind == "random_survival_forest"


class ValidationEntry(Strict):
    """``[validation]``: how often models are refitted to find out what they would do in other patients.

    ``repeats`` bootstrap samples correct Cox models, ``forest_repeats`` score forests, ``imputed_repeats`` correct what
    stands behind multiple imputation, which is repeated in each of them; patients are assigned to risk
    groups by models fitted without their fold, ``folds`` folds dealt out ``fold_repeats`` times. ``compare =
    [["clinical", "clinical_cxcr4"]]`` validates models of one endpoint on the same patients and resamples.
    ``leave_out = "cxcr4_scanner"`` scores them in each scanner, or another group, when they were fitted to the others.
    """

    repeats: Annotated[int, Field(ge=50, le=100_000)] = 1000
    forest_repeats: Annotated[int, Field(ge=10, le=100_000)] = 25
    imputed_repeats: Annotated[int, Field(ge=25, le=100_000)] = 100
    folds: Annotated[int, Field(ge=2, le=100)] = 10
    fold_repeats: Annotated[int, Field(ge=1, le=1000)] = 5
    compare: Array[Names] = ()
    leave_out: Text | None = None

    @model_validator(mode="after")
    def _two_models(self) -> ValidationEntry:
        for names in self.compare:
            if len(set(names)) < len(names) or len(names) < 2:
                raise ValueError(f"compare names at least two different models, found {list_values(list(names))}")
        return self
