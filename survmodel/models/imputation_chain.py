"""Chained equations: draws, cycles, and what is learnt for rows that are to be scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from survmodel.kernels.imputation import Coding, Equations, Learnt, complete_new, run_cycles
from survmodel.models.imputation_equations import (
    CodedRows,
    Equation,
    build_equations,
    lay_out,
    lay_out_column,
    pack,
)
from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Unsigned = npt.NDArray[np.uint64]

#: Streams of random numbers: rows that are learnt from, the same without their outcome, rows that are scored.
DEVELOPMENT, WITHOUT_OUTCOME, SCORED = 0, 1, 2
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """How often, how long and by which draws.

    Attributes
    ----------
    m, iterations, donors, seed : int
        Imputations, cycles, donors, seed of the draws.
    delta : mapping of int to float
        What is added to imputed values, by column.
    """

    m: int
    iterations: int
    donors: int
    seed: int
    delta: Mapping[int, float]


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """Completed rows.

    Attributes
    ----------
    states : list of ndarray, shape (n, n_columns)
        Completed rows of each imputation, as numbers.
    imputed : ndarray, shape (m, iterations, n_holes)
        Imputed values of each cycle.
    equations : list of Equation
        Whose holes follow one another in `imputed`.
    """

    states: list[Floats]
    imputed: Floats
    equations: list[Equation]


def outcome_columns(outcome: Outcome, group: Ints) -> Floats:
    """Turn an outcome into predictors: an indicator of each event, and its cumulative hazard within the disease.

    Parameters
    ----------
    outcome : Outcome
        Of the rows that are learnt from.
    group : ndarray of int64, shape (n,)
        Their diseases.

    Returns
    -------
    ndarray, shape (n, 2 * number of event codes)
        Centred and scaled; the hazard is that lived through, from entry to exit (Nelson-Aalen).

    References
    ----------
    White IR, Royston P (2009). Stat Med 28:1982-1998.
    """
    columns = []
    for code in np.unique(outcome.event[outcome.event > 0]):
        event = outcome.event == code
        hazard = np.empty(outcome.n)
        for one in np.unique(group):
            inside = np.flatnonzero(group == one)
            hazard[inside] = _lived(outcome, event, inside)
        columns += [event.astype(np.float64), hazard]
    if not columns:
        return np.empty((outcome.n, 0))
    matrix = np.column_stack(columns)
    ordered = np.sort(matrix, axis=0)
    spread = ordered.std(axis=0)
    scaled: Floats = (matrix - ordered.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return scaled


def _lived(outcome: Outcome, event: Bools, inside: Ints) -> Floats:
    """Give the cumulative hazard from entry to exit of some rows, estimated among them."""
    time = outcome.time[inside]
    at, deaths = np.unique(time[event[inside]], return_counts=True)
    risk = inside.size - np.searchsorted(np.sort(time), at, side="left")
    if outcome.entry is not None:
        risk = risk - (inside.size - np.searchsorted(np.sort(outcome.entry[inside]), at, side="left"))
    hazard = np.concatenate([[0.0], np.cumsum(deaths / np.maximum(risk, 1))])
    lived: Floats = hazard[np.searchsorted(at, time, side="right")]
    if outcome.entry is not None:
        lived = lived - hazard[np.searchsorted(at, outcome.entry[inside], side="right")]
    return lived


def run_chains(rows: CodedRows, ahead: Floats, settings: ChainSettings, stream: int) -> Chains:
    """Fill in all holes by chained equations, m times.

    Parameters
    ----------
    rows : CodedRows
        In an order that does not depend on the file.
    ahead : ndarray, shape (n, k)
        Columns of the outcome, none for rows to be scored.
    settings : ChainSettings
        How.
    stream : int
        Stream of random numbers.

    Returns
    -------
    Chains
        Completed rows.
    """
    holes = rows.holes
    targets = np.flatnonzero(holes.any(axis=0)).tolist()
    equations = build_equations(rows, ahead.shape[1], targets, settings.delta, holes)
    program = Program.of(rows, equations, ahead.shape[1])
    imputed = np.empty((settings.m, settings.iterations, program.packed.holes.size))
    base, states = lay_out(rows, ahead), []
    for number in range(settings.m):
        random = _generator(settings.seed, stream, number)
        state = rows.state.copy()
        for one in equations:
            drawn = random.integers(0, one.rows.size, one.holes.size)
            state[one.holes, one.target] = state[one.rows[drawn], one.target]
        if equations:
            design, filled = base.copy(), replace(rows, state=state)
            for column in targets:
                lay_out_column(filled, column, int(program.coding.first[column]), design)
            program.run(state, design, settings, random, imputed[number])
        states.append(state)
    return Chains(states, imputed, equations)


def _generator(*key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(key[0], spawn_key=key[1:]))


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Equations as arrays, made once for all imputations.

    Attributes
    ----------
    packed : Equations
        The equations.
    coding : Coding
        How columns stand in the design.
    start, freedom : ndarray
        Where estimates begin; residual degrees of freedom of each equation.
    """

    packed: Equations
    coding: Coding
    start: Floats
    freedom: Floats

    @classmethod
    def of(cls, rows: CodedRows, equations: Sequence[Equation], ahead: int) -> Program:
        """Pack equations; at least one degree of freedom is left, as in R's mice."""
        freedom = [max(one.rows.size - one.start.size, 1) for one in equations]
        start = np.concatenate([np.empty(0), *[one.start for one in equations]])
        return cls(pack(equations), rows.coding(ahead), start, np.array(freedom, dtype=np.float64))

    def run(
        self, state: Floats, design: Floats, settings: ChainSettings, random: np.random.Generator, kept: Floats
    ) -> Learnt:
        """Run as many cycles as `kept` has rows, and give what the last one learnt."""
        n_rows, cycles = self.packed.rows.size, len(kept)
        learnt = Learnt(self.start.copy(), np.zeros(self.start.size), np.zeros(n_rows), np.zeros(n_rows))
        normals = random.standard_normal((cycles, self.start.size))
        chi_squared = random.chisquare(self.freedom, (cycles, self.freedom.size))
        shuffling, uniforms = random.random((cycles, n_rows)), random.random((cycles, self.packed.holes.size))
        run_cycles(
            state, design, self.coding, self.packed, normals, chi_squared, shuffling, uniforms, settings.donors,
            learnt, kept,
        )  # fmt: skip
        return learnt


@dataclass(frozen=True, slots=True, eq=False)
class ScoringEquations:
    """Equations learnt from training rows without their outcome, for rows that are to be scored.

    Attributes
    ----------
    rows : CodedRows
        Training rows.
    settings : ChainSettings
        How they are completed.
    chains : list of Chains
        Training rows completed without their outcome, once that is needed.
    designs : list of ndarray
        Their designs.
    known : dict
        Equations of a column, and what each imputation learnt of it.
    """

    rows: CodedRows
    settings: ChainSettings
    chains: list[Chains] = field(default_factory=list)
    designs: list[Floats] = field(default_factory=list)
    known: dict[int, tuple[list[Equation], list[Learnt]]] = field(default_factory=dict)

    def learn(self, column: int) -> tuple[list[Equation], list[Learnt]]:
        """Learn the equations of a column from the completed training rows, with draws that are its own."""
        if column in self.known:
            return self.known[column]
        nothing = np.empty((len(self.rows.state), 0))
        if not self.chains:
            found_chains = run_chains(self.rows, nothing, self.settings, WITHOUT_OUTCOME)
            # Set at once, so that two threads that score by one fit do the work twice and not by halves.
            self.designs[:] = [lay_out(replace(self.rows, state=state), nothing) for state in found_chains.states]
            self.chains[:] = [found_chains]
        equations = build_equations(self.rows, 0, [column], self.settings.delta, self.rows.holes)
        empty = np.empty(0, dtype=np.int64)
        equations = [replace(one, holes=empty) for one in equations]
        found, program = [], Program.of(self.rows, equations, 0)
        for number, design in enumerate(self.designs):
            random = _generator(self.settings.seed, SCORED, number, column)
            state = self.chains[0].states[number]
            found.append(program.run(state, design, self.settings, random, np.empty((1, 0))))
        self.known[column] = equations, found
        return self.known[column]

    def complete(self, new: CodedRows) -> list[Floats]:
        """Complete new rows in m ways, each row by what it holds itself.

        Parameters
        ----------
        new : CodedRows
            Rows to be scored.

        Returns
        -------
        list of ndarray, shape (n, n_columns)
            Completed rows as numbers.
        """
        holes = new.holes
        columns = np.flatnonzero(holes.any(axis=0)).tolist()
        chosen = np.flatnonzero(holes.any(axis=1))
        learnt = [self.learn(column) for column in columns]
        equations = [one for found, _ in learnt for one in found]
        packed = pack(equations)
        some = new.take(chosen)
        of_row = np.full(some.state.shape, -1, dtype=np.int64)
        for place, one in enumerate(equations):
            inside = np.isin(some.group, one.groups)
            of_row[inside, one.target] = place
        coding, marks, base = some.coding(0), some.holes, lay_out(some, np.empty((chosen.size, 0)))
        states = []
        for number in range(self.settings.m):
            parts = [found[number] for _, found in learnt]
            joined = Learnt(*(np.concatenate([np.empty(0), *arrays]) for arrays in zip(*parts, strict=True)))
            state, uniforms = some.state.copy(), self._uniforms(some.state, number)
            complete_new(state, base.copy(), coding, packed, joined, self.settings.donors, of_row, marks, uniforms)
            whole = new.state.copy()
            whole[chosen] = state
            states.append(whole)
        return states

    def _uniforms(self, state: Floats, number: int) -> Floats:
        """Draw for each row by what it holds, so that a row is completed alike beside any other rows."""
        key = np.random.SeedSequence(self.settings.seed, spawn_key=(SCORED, number)).generate_state(1, np.uint64)
        bits = (np.where(np.isnan(state), np.nan, state) + 0.0).view(np.uint64)
        content = np.full(len(state), key[0])
        for column in range(state.shape[1]):
            content = _mix(content ^ bits[:, column])
        size = (self.settings.iterations + 1) * state.shape[1]
        steps = np.arange(1, size + 1, dtype=np.uint64) * GOLDEN
        mixed = _mix(content[:, np.newaxis] + steps)
        uniforms: Floats = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return uniforms.reshape(len(state), self.settings.iterations + 1, state.shape[1])


def _mix(values: Unsigned) -> Unsigned:
    """Scatter bits (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
