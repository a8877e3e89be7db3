"""Tables as text and HTML: aligned, escaped, complete."""

from html.parser import HTMLParser

import pytest

from survmodel.table import Table, display_width

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "a & b",
    "$x_{1}$",
    "\u202eright to left",
    "tab\tand\nline",
    "x" * 300,
    "组别",
    "'\"",
]


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.cells, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


def test_text_is_aligned():
    table = Table(["group", "n"], [["low", "12"], ["intermediate", "9"]], "Caption", ["A note."])
    assert table.to_text().split("\n") == [
        "Caption",
        "group          n",
        "low           12",
        "intermediate   9",
        "A note.",
    ]


def test_wide_characters_take_two_columns():
    lines = Table(["group", "n"], [["组别", "12"], ["a", "9"]]).to_text().split("\n")
    assert len({display_width(line) for line in lines}) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_user_text_is_shown_as_text(text):
    table = Table([text, "n"], [[text, "1"]], text, [text])
    reader = Cells()
    reader.feed(table.to_html())
    assert {tag for tag, _ in reader.tags} <= {
        "figure",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "figcaption",
        "br",
    }
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert "\u202e" not in table.to_html()
    assert "\u202e" not in table.to_text()
    assert len(table.to_text().split("\n")) == 4


def test_headings_have_scope_and_numbers_stand_right():
    reader = Cells()
    reader.feed(Table(["a", "b"], [["x", "1"]]).to_html())
    assert [attributes.get("scope") for tag, attributes in reader.tags if tag == "th"] == ["col", "col", "row"]
    assert "text-align:right" in dict(reader.tags[-1][1])["style"]


def test_a_section_spans_the_table():
    assert 'colspan="2"' in Table(["a", "b"], [["Clinical", ""], ["age", "1"]]).to_html()


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"rows \[2\] do not have 2 cells"):
        Table(["a", "b"], [["x", "1"], ["y"]])


def test_a_table_is_frozen():
    with pytest.raises(AttributeError):
        Table(["a"], []).caption = "other"
