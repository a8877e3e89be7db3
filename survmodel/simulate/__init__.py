"""Seeded studies with known truth: SYNTHETIC patients in the canonical tables."""

from survmodel.simulate.study import SimulatedStudy as SimulatedStudy
from survmodel.simulate.study import simulate_study as simulate_study
from survmodel.simulate.truth import Truth as Truth
