"""Classes 37 to 45: dates by their declared format only."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel.data.columns import Column
from survmodel.data.dates import DateRule, compile_format, read_dates
from survmodel.data.findings import Place
from survmodel.errors import ConfigError

COLUMN = Column("scan_date", "date", declared_in="schema")


def read(cells, column=COLUMN, **rule):
    missing = np.array([cell == "" for cell in cells], dtype=bool)
    place = Place("scans.csv", tuple(range(2, len(cells) + 2)), "scans")
    series, findings = read_dates(column, cells, missing, place, DateRule(**rule))
    text = " ".join(map(str, findings))
    for cell in cells:
        assert not cell or cell not in text
    assert all(finding.column == "scan_date" for finding in findings)
    return series, findings


def codes(findings):
    return [(finding.code, finding.severity, finding.rows) for finding in findings]


def test_iso_dates_need_no_declaration():
    series, findings = read(["2016-02-29", "", "2016-3-1"])
    assert findings == []
    assert series.dtype == "datetime64[ns]"
    assert list(series) == [pd.Timestamp(2016, 2, 29), pd.NaT, pd.Timestamp(2016, 3, 1)]


@pytest.mark.parametrize(
    ("form", "cell"),
    [("%d.%m.%Y", "03.04.2016"), ("%m/%d/%Y", "4/3/2016"), ("%Y%m%d", "20160403"), ("%d %m %Y", "3 4 2016"),
     ("%Y/%m/%d", "2016/04/03"), ("%d-%m-%Y", "03-04-2016")],
)  # fmt: skip
def test_a_declared_format_is_followed(form, cell):
    series, findings = read([cell], format=form)
    assert (list(series), findings) == ([pd.Timestamp(2016, 4, 3)], [])


@pytest.mark.parametrize("form", ["", "%Y-%m", "%d.%m.%y", "%Y-%m-%d %H", "%Y-%m-%d-%d", "%B %d %Y", "%Y%%m%d", "%"])
def test_other_formats_are_refused(form):
    with pytest.raises(ConfigError, match="is not understood"):
        compile_format(form)


def test_an_unknown_date_system_is_refused():
    with pytest.raises(ConfigError, match="1900 or 1904"):
        DateRule(excel=1902)


@pytest.mark.parametrize(
    ("cells", "rule", "code", "rows", "words"),
    [
        (["03/04/2016", "05/06/2016"], {}, "D050", (2, 3), 'date_format = "%d/%m/%Y", date_format = "%m/%d/%Y"'),
        (["03/04/2016", "25/06/2016"], {}, "D050", (2, 3), 'declare date_format = "%d/%m/%Y".'),
        (["03.04.2016"], {"format": "%Y-%m-%d"}, "D050", (2,), "The format %Y-%m-%d"),
        (["2016/04/03"], {}, "D050", (2,), "%Y/%m/%d"),
        (["20160403"], {}, "D050", (2,), "%Y%m%d"),
        (["2016-04-03", "03.04.2016"], {}, "D051", (3,), "more than one format"),
        (["13/04/2016", "04/13/2016"], {}, "D051", (2, 3), "more than one format"),
        (["13/04/2016", "13.04.2016"], {}, "D051", (2, 3), "more than one format"),
        (["03.04.16", "3/4/68"], {}, "D052", (2, 3), "two digits"),
        (["2016-04-03", "42370"], {}, "D053", (3,), "excel_dates = 1900"),
        (["2015-02-29", "2016-04-31", "2016-13-01"], {}, "D054", (2, 3, 4), "calendar"),
        (["30.02.2016"], {"format": "%d.%m.%Y"}, "D054", (2,), "calendar"),
        (["1016-02-03", "2916-02-03"], {}, "D054", (2, 3), "a year before 1900"),
        (["2016-04-03", "2016-04-04"], {"lock": datetime.date(2016, 4, 3)}, "D055", (3,), "after the data lock"),
        (["2016-05", "2016", "05/2016", "2016-05-00", "2016-05-UN", "00.05.2016", "2016-05-??"], {}, "D059",
         (2, 3, 4, 5, 6, 7, 8), "unknown"),
        (["12 March 2016", "unknown", "12:30", "x" * 500, "٢٠١٦-٠١-٠١"], {}, "D060", (2, 3, 4, 5, 6), "not a date"),
    ],
)  # fmt: skip
def test_what_is_no_date_is_an_error(cells, rule, code, rows, words):
    _, findings = read(cells, **rule)
    assert codes(findings) == [(code, "error", rows)]
    assert words in str(findings[0])


def test_a_data_lock_is_not_the_clock():
    assert read(["2199-12-31"])[1] == []


@pytest.mark.parametrize(("system", "first"), [(1900, "2016-01-01"), (1904, "2020-01-02")])
def test_serial_dates_are_converted_where_declared(system, first):
    series, findings = read(["42370", "2016-02-03", "42370.5"], excel=system)
    assert list(series) == [pd.Timestamp(first), pd.Timestamp(2016, 2, 3), pd.Timestamp(first)]
    assert codes(findings) == [("D053", "warning", (2, 4))]


@pytest.mark.parametrize("cell", ["1900-01-01", "1111-11-11", "9999-12-31"])
def test_placeholders_are_missing_with_a_warning(cell):
    series, findings = read(["2016-02-03", cell])
    assert series.isna().tolist() == [False, True]
    assert codes(findings) == [("D056", "warning", (3,))]
    _, findings = read([cell], Column("scan_date", "date", required=True))
    assert codes(findings) == [("D056", "error", (2,))]


@pytest.mark.parametrize(
    "cell",
    [
        "2016-02-03 00:00:00",
        "2016-02-03T12:30",
        "2016-02-03T12:30:01.5Z",
        "2016-02-03 12:30 +01:00",
        "2016-02-03 1:30 PM",
    ],
)
def test_hours_are_left_out_with_a_note(cell):
    series, findings = read([cell])
    assert list(series) == [pd.Timestamp(2016, 2, 3)]
    assert codes(findings) == [("D057", "note", (2,))]


def test_zones_that_differ_are_an_error():
    _, findings = read(["2016-02-03T12:30Z", "2016-02-03T12:30+02:00"])
    assert codes(findings) == [("D058", "error", (2, 3))]
    assert codes(read(["2016-02-03T12:30Z", "2016-02-03T12:30+00:00"])[1]) == [("D057", "note", (2, 3))]


days = st.dates(datetime.date(1901, 1, 1), datetime.date(2199, 12, 31))


@settings(deadline=None, max_examples=200)
@given(st.lists(days, min_size=1, max_size=20), st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y%m%d"]))
def test_every_written_date_is_read_back(dates, form):
    text = form.replace("%Y", "{0:04d}").replace("%m", "{1:02d}").replace("%d", "{2:02d}")
    cells = [text.format(date.year, date.month, date.day) for date in dates]
    series, findings = read(cells, format=form)
    assert findings == []
    assert [stamp.date() for stamp in series] == dates


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text(alphabet="0123456789-/.: TZ+UN?aM", max_size=25), max_size=8))
def test_no_text_breaks_the_reader(cells):
    missing = np.array([not cell.strip() for cell in cells], dtype=bool)
    place = Place("a.csv", tuple(range(2, len(cells) + 2)))
    series, findings = read_dates(COLUMN, cells, missing, place, DateRule())
    assert len(series) == len(cells)
    refused = {row for finding in findings if finding.code not in {"D057"} for row in finding.rows}
    for row, (value, gone) in enumerate(zip(series, missing, strict=True), start=2):
        assert gone or not pd.isna(value) or row in refused
