"""Figures of two tracers: points, bands and cells stand where the numbers are, and nothing tells who a patient is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from figures.drawn import HOSTILE, artist, artists, assert_texts_are_apart, texts

from survmodel import (
    ConfigError,
    DataError,
    draw_agreement,
    draw_correlations,
    draw_paired_uptake,
    draw_regions,
    draw_stage_migration,
    draw_uptake_change,
    limits_of_agreement,
    paired_uptake,
    rank_correlations,
    stage_migration,
    uptake_change,
)
from survmodel.figures.regions import STATES, region_states
from survmodel.formatting import format_p_equation

RANDOM = np.random.default_rng(8)
N = 40
CXCR4, FDG = np.exp(RANDOM.normal(2.2, 0.6, N)), np.exp(RANDOM.normal(1.9, 0.7, N))
PAIRS = pd.DataFrame({"cxcr4": CXCR4, "fdg": FDG, "group": ["myeloma", "lymphoma"] * (N // 2)})
STAGES = stage_migration([1] * 10 + [2] * 8 + [4] * 5, [1] * 6 + [2] * 3 + [3] + [2] * 5 + [1, 3, 4] + [4] * 5,
                         levels=[1, 2, 3, 4], names=("CT", "CXCR4 PET"))  # fmt: skip


class TestPairedUptake:
    def test_a_line_for_each_patient_with_both(self) -> None:
        table = PAIRS.copy()
        table.loc[[3, 8], "fdg"] = np.nan
        figure = draw_paired_uptake(table, "cxcr4", "fdg")
        lines = artists(figure, "pair-")
        known = table.dropna()
        assert len(lines) == N - 2
        assert [line.get_ydata()[0] for line in lines] == known["cxcr4"].tolist()
        assert [line.get_ydata()[1] for line in lines] == known["fdg"].tolist()
        assert figure.source_data[["cxcr4", "fdg"]].to_numpy().tolist() == known[["cxcr4", "fdg"]].to_numpy().tolist()
        assert "2 patients without both values" in " ".join(texts(figure, "note"))

    def test_the_comparison_is_the_public_one(self) -> None:
        mean, ranks = paired_uptake(CXCR4, FDG).tidy().to_dict("records")
        note = " ".join(texts(draw_paired_uptake(PAIRS, "cxcr4", "fdg"), "note"))
        assert f"{mean['estimate']:.2f} ({mean['conf_low']:.2f} to {mean['conf_high']:.2f})" in note
        assert f"signed-rank test {format_p_equation(ranks['p_value'])}" in note

    def test_medians_stand_at_the_medians(self) -> None:
        figure = draw_paired_uptake(PAIRS, "cxcr4", "fdg", group="group")
        for number, group in enumerate(["lymphoma", "myeloma"], start=1):
            own = PAIRS[PAIRS["group"] == group]
            drawn = [line.get_ydata()[0] for line in artists(figure, f"median-{number}")]
            assert drawn == pytest.approx([own["cxcr4"].median(), own["fdg"].median()])
        assert texts(figure, "n-") == ["n = 20", "n = 20"]

    def test_differences_may_be_of_zero_and_below(self) -> None:
        table = pd.DataFrame({"a": [0.0, 1, -2, 3], "b": [1.0, 0, 2, -1]})
        figure = draw_paired_uptake(table, "a", "b", log=False)
        assert "Mean difference" in " ".join(texts(figure, "note"))
        with pytest.raises(DataError, match="not above 0"):
            draw_paired_uptake(table, "a", "b")

    @pytest.mark.parametrize("width", [85, 174])
    def test_texts_are_apart(self, width: float) -> None:
        labels = {"cxcr4": HOSTILE[2], "fdg": HOSTILE[0], "lymphoma": HOSTILE[4], "value": HOSTILE[2]}
        group = "group" if width > 100 else None
        assert_texts_are_apart(
            draw_paired_uptake(PAIRS, "cxcr4", "fdg", group=group, labels=labels, width_mm=width, title="A title")
        )

    def test_refuses(self) -> None:
        with pytest.raises(ConfigError, match="draws a table"):
            draw_paired_uptake([1, 2], "a", "b")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="no column 'suv'"):
            draw_paired_uptake(PAIRS, "suv", "fdg")
        with pytest.raises(ConfigError, match="no room side by side"):
            draw_paired_uptake(PAIRS.assign(group=[f"g{i % 10}" for i in range(N)]), "cxcr4", "fdg", group="group")
        with pytest.raises(DataError, match="has both"):
            draw_paired_uptake(PAIRS.assign(fdg=np.nan), "cxcr4", "fdg", group="group")


class TestAgreement:
    @pytest.mark.parametrize("log", [True, False])
    def test_limits_are_those_of_the_public_call(self, log: bool) -> None:
        figure = draw_agreement(CXCR4, FDG, names=("CXCR4", "FDG"), log=log)
        expected = limits_of_agreement(CXCR4, FDG, log=log).tidy()["estimate"].tolist()
        assert [artist(figure, f"limit-{place}").get_ydata()[0] for place in (1, 2, 3)] == expected
        drawn = artist(figure, "apart")
        mean, apart = (np.sqrt(CXCR4 * FDG), CXCR4 / FDG) if log else ((CXCR4 + FDG) / 2, CXCR4 - FDG)
        np.testing.assert_allclose(drawn.get_xdata(), mean)
        np.testing.assert_allclose(drawn.get_ydata(), apart)
        assert artist(figure, "pairs").get_xdata().tolist() == FDG.tolist()
        assert figure.source_data["ratio" if log else "difference"].tolist() == pytest.approx(apart.tolist())

    def test_both_panels_are_of_one_size(self) -> None:
        first, second = (axes.get_position() for axes in draw_agreement(CXCR4, FDG).axes)
        assert (first.width, first.height, first.y0) == pytest.approx((second.width, second.height, second.y0))
        assert first.x1 < second.x0
        assert second.x1 <= 1

    def test_texts_are_apart(self) -> None:
        assert_texts_are_apart(draw_agreement(CXCR4, FDG, names=("CXCR4", "FDG"), labels={"FDG": HOSTILE[2]}))

    def test_refuses(self) -> None:
        with pytest.raises(DataError, match="three patients"):
            draw_agreement([1.0, 2.0], [2.0, 1.0])
        with pytest.raises(ConfigError, match="wider figure"):
            draw_agreement(CXCR4, FDG, width_mm=55)


class TestStageMigration:
    def test_bands_hold_their_patients(self) -> None:
        figure = draw_stage_migration(STAGES)
        counts = STAGES.table.counts
        drawn = {one.get_gid() for one in artists(figure, "band-")} - {"band-count"}
        assert drawn == {f"band-{i + 1}-{j + 1}" for i, j in zip(*np.nonzero(counts), strict=True)}
        heights = {}
        for i, j in zip(*np.nonzero(counts), strict=True):
            y = artist(figure, f"band-{i + 1}-{j + 1}").get_path().vertices[:, 1]
            heights[(i, j)] = y[0] - y[7]
        per = heights[(0, 0)] / counts[0, 0]
        assert all(height == pytest.approx(per * counts[place]) for place, height in heights.items())
        assert figure.source_data["n"].sum() == STAGES.table.n
        assert (figure.source_data["move"] == "higher").sum() == 4

    def test_stages_hold_their_bands(self) -> None:
        figure = draw_stage_migration(STAGES, labels={"1": "I"})
        names = texts(figure, "name-1") + texts(figure, "name-2")
        assert "I (10)" in names
        assert "4 (6)" in names
        # nobody has stage 3 by CT
        assert len(texts(figure, "name-1")) == 3

    def test_what_is_said(self) -> None:
        figure = draw_stage_migration(STAGES)
        assert "6 higher by CXCR4 PET, 1 lower, 16 the same" in figure.alt_text
        assert "exact sign test p = 0.12" in " ".join(texts(figure, "note"))

    @pytest.mark.parametrize("width", [85, 174])
    def test_texts_are_apart(self, width: float) -> None:
        labels = {"1": HOSTILE[2], "2": HOSTILE[1], "CT": HOSTILE[0]}
        assert_texts_are_apart(draw_stage_migration(STAGES, labels=labels, width_mm=width, title="Stages"))

    def test_refuses(self) -> None:
        with pytest.raises(ConfigError, match="draws a stage migration"):
            draw_stage_migration(CXCR4)  # type: ignore[arg-type]


class TestRegions:
    TABLE = pd.DataFrame(
        {"neck": ["both", "CXCR4 only", "neither", "both"], "spleen": ["neither", "both", None, "FDG only"],
         "marrow": ["CXCR4 only"] * 3 + ["not read"]},
        index=["KEY-1", "KEY-2", "KEY-3", "KEY-4"],
    )  # fmt: skip

    def test_counts_are_those_of_the_table(self) -> None:
        figure = draw_regions(self.TABLE)
        counts = figure.source_data.set_index("region")
        for region in self.TABLE:
            cells = self.TABLE[region].fillna("not read")
            assert counts.loc[region].to_dict() == {state: int((cells == state).sum()) for state in STATES}
        drawn = np.asarray(artist(figure, "cells").get_array()).astype(int)
        assert sorted(drawn.ravel().tolist()) == sorted(
            STATES.index(value) for value in self.TABLE.fillna("not read").to_numpy().ravel()
        )
        # most regions with findings first: marrow has three, as neck; the order of the table decides
        assert texts(figure, "column-") == ["neck", "marrow", "spleen"]

    def test_patients_stand_by_what_both_show(self) -> None:
        drawn = np.asarray(artist(draw_regions(self.TABLE), "cells").get_array()).astype(int)
        both = (drawn == 0).sum(axis=1)
        assert (np.diff(both) <= 0).all()

    def test_nobody_is_named(self) -> None:
        figure = draw_regions(self.TABLE)
        assert "KEY" not in " ".join([*texts(figure), figure.alt_text, figure.source_data.to_csv()])

    def test_states_of_two_reads(self) -> None:
        cxcr4 = pd.DataFrame({"a": [True, True, False, False, None], "x": [True] * 5}, index=list("pqrst"))
        fdg = pd.DataFrame({"a": [True, False, True, False, True]}, index=list("pqrst"))
        assert region_states(cxcr4, fdg)["a"].tolist() == ["both", "CXCR4 only", "FDG only", "neither", "not read"]
        assert list(region_states(cxcr4, fdg)) == ["a"]

    def test_texts_are_apart(self) -> None:
        labels = {"neck": HOSTILE[2], "spleen": HOSTILE[1]}
        assert_texts_are_apart(draw_regions(self.TABLE, labels=labels, title="Regions"))

    def test_refuses(self) -> None:
        with pytest.raises(ConfigError, match="patients and regions"):
            draw_regions([1])  # type: ignore[arg-type]
        with pytest.raises(DataError, match="none of the states"):
            draw_regions(pd.DataFrame({"neck": ["yes"]}))
        with pytest.raises(DataError, match="no patient has a region"):
            draw_regions(pd.DataFrame({"neck": []}))
        with pytest.raises(ConfigError, match="no room side by side"):
            draw_regions(pd.DataFrame({f"r{i}": ["both"] for i in range(60)}))


class TestUptakeChange:
    def test_bars_stand_at_the_changes(self) -> None:
        found = uptake_change([10.0, 10, 10, 10, 0, 10], [7.0, 13, 10, 2, 5, 45])
        figure = draw_uptake_change(found)
        assert figure.source_data["change_percent"].tolist() == [350.0, 30.0, 0.0, -30.0, -80.0]
        bars = {bar.get_x(): bar.get_height() for bar in artists(figure, "bar-")}
        assert [bars[x] for x in sorted(bars)] == [150.0, 30.0, 0.0, -30.0, -80.0]
        assert len(artists(figure, "bar-PMR")) == 2
        assert len(artists(figure, "bar-PMD")) == 2
        assert artist(figure, "cut").get_xdata().tolist() == [1.0]
        assert artist(figure, "boundary-response").get_ydata()[0] == -30
        note = " ".join(texts(figure, "note"))
        assert "the largest +350%" in note
        assert "1 patient not evaluable" in note

    def test_texts_are_apart(self) -> None:
        figure = draw_uptake_change(uptake_change(CXCR4, FDG), labels={"PMR": HOSTILE[2], "change": HOSTILE[2]})
        assert_texts_are_apart(figure)

    def test_refuses(self) -> None:
        with pytest.raises(ConfigError, match="draws a change"):
            draw_uptake_change(CXCR4)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="nobody could be evaluated"):
            draw_uptake_change(uptake_change([0.0, 0.0], [1.0, 2.0]))


class TestCorrelations:
    TABLE = pd.DataFrame(RANDOM.normal(size=(30, 5)) + RANDOM.normal(size=(30, 1)), columns=list("abcde"))

    def test_cells_hold_the_numbers(self) -> None:
        found = rank_correlations(self.TABLE[["a", "b"]], self.TABLE[["b", "c", "d"]])
        figure = draw_correlations(found, labels={"a": "SUVmax"})
        own = found.tidy().set_index(["variable", "reference"])["estimate"]
        expected = [own["a", "b"], own["a", "c"], own["a", "d"], own["b", "c"], own["b", "d"]]
        assert texts(figure, "rho") == [f"{value:.2f}" for value in expected]
        assert len(artists(figure, "cell")) == 6
        assert texts(figure, "row-") == ["SUVmax", "b"]

    def test_bold_where_the_adjusted_p_is_small(self) -> None:
        found = rank_correlations(self.TABLE[["a", "b"]], self.TABLE[["c", "d", "e"]])
        bold = [text.get_fontweight() == "bold" for text in artists(draw_correlations(found), "rho")]
        assert bold == (found.tidy()["p_adjusted"] < 0.05).tolist()
        assert any(bold)

    def test_what_is_not_given_has_a_dash(self) -> None:
        found = rank_correlations(self.TABLE[["a"]], self.TABLE[["b"]].assign(one=1.0))
        assert texts(draw_correlations(found), "rho")[1] == "—"

    def test_texts_are_apart(self) -> None:
        found = rank_correlations(self.TABLE[["a", "b"]], self.TABLE[["c", "d", "e"]])
        assert_texts_are_apart(draw_correlations(found, labels={"a": HOSTILE[2], "c": HOSTILE[2]}, title="A title"))

    def test_refuses(self) -> None:
        with pytest.raises(ConfigError, match="draws rank correlations"):
            draw_correlations(self.TABLE)  # type: ignore[arg-type]
