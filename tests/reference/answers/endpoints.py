"""Answers about endpoints: times and events made of dates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
from reference.answers.subjects import Subject

from survmodel import KaplanMeier
from survmodel.outcome.endpoints import (
    Endpoint,
    EndpointResult,
    Unit,
)
from survmodel.outcome.standard_endpoints import standard_endpoint

ENDPOINTS = {"os": standard_endpoint("os"), "pfs": standard_endpoint("pfs")}


def apply(subject: Subject, name: str, unit: Unit) -> EndpointResult:
    dates = subject.table.drop(columns="id").apply(pd.to_datetime, format="%Y-%m-%d")
    endpoint: Endpoint = replace(ENDPOINTS[name], origin="scan_date", censor="last_contact", unit=unit)
    return endpoint.apply(dates)


def time(name: str, unit: Unit) -> Callable[[Subject], object]:
    return lambda subject: apply(subject, name, unit).outcome.time


def event(name: str) -> Callable[[Subject], object]:
    return lambda subject: apply(subject, name, "days").outcome.event


def zero_time_ids(subject: Subject) -> list[float]:
    audit = apply(subject, "pfs", "days").audit
    rows = sorted(row for finding in audit if finding.code == "E046" for row in finding.positions)
    return subject.table["id"].iloc[rows].tolist()


def median(subject: Subject) -> float:
    curve = KaplanMeier().fit(apply(subject, "pfs", "days").outcome)
    return float(curve.quantile(0.5)["estimate"].iloc[0])


ENDPOINT = {
    "os_days": time("os", "days"),
    "os_event": event("os"),
    "pfs_days": time("pfs", "days"),
    "pfs_event": event("pfs"),
    "os_months": time("os", "months"),
    "pfs_months": time("pfs", "months"),
    "zero_time_ids": zero_time_ids,
    "km_pfs_median_days": median,
}
