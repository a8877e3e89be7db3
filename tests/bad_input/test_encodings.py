"""Studies in files of other encodings: what is declared is read, and a wrong byte is named by its line."""

import pytest
from bad_input.study_files import (
    CURVE,
    DATA,
    PLAIN_HEAD,
    as_lines,
    completed,
    plain_rows,
    refused,
    refused_settings,
    write_plain,
)

from survmodel.study.preparation import build_cohort

HEAD = PLAIN_HEAD.replace("[column.sex]", '[column."性别"]').replace(
    '"f" = "female", "m" = "male"', '"女" = "female", "男" = "male"'
)
BY = CURVE.replace('by = "sex"', 'by = "性别"')


def chinese():
    """The plain study with a heading, levels and sites in Chinese."""
    rows = plain_rows()
    rows[0][-1] = "性别"
    for row in rows[1:]:
        row[-1] = {"f": "女", "m": "男"}[row[-1]]
        row[1] = {"north": "北京", "south": "上海"}[row[1]]
    return "\n".join(as_lines(rows)) + "\n"


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16", "utf-16"),
        ("utf-16", "gbk"),
        ("gbk", "gbk"),
        ("gbk", "gb18030"),
        ("gb18030", "gb18030"),
    ],
)
def test_a_study_in_chinese_is_read(tmp_path, capsys, encoding, declared):
    data = DATA + (f'encoding = "{declared}"\n' if declared else "")
    study = write_plain(tmp_path, chinese().encode(encoding), head=HEAD, data=data, more=BY)
    completed(study, capsys)
    # Of 40 rows two are of women, then two of men, and so on.
    assert build_cohort(study).table["性别"].value_counts().to_dict() == {"female": 20, "male": 20}


@pytest.mark.parametrize("encoding", ["gbk", "gb18030"])
def test_a_byte_of_an_undeclared_encoding_is_named_by_its_line(tmp_path, capsys, encoding):
    lines = chinese().split("\n")
    # Two lines in ASCII before the first one that is not.
    ascii_head = [*plain_rows()[:1], *plain_rows()[1:3]]
    content = "\n".join([*as_lines(ascii_head), *lines[3:]]).encode(encoding)
    (problem,) = refused(write_plain(tmp_path, content), capsys)
    assert (problem["code"], problem["rows"]) == ("D003", [4])
    assert "at line 4 is not utf-8" in str(problem["message"])
    assert "gb18030" in str(problem["remedy"])


def test_half_a_character_of_gb18030_is_named_by_its_line(tmp_path, capsys):
    content = chinese().encode("gb18030").replace("上海".encode("gb18030"), b"\xc9\xff", 1)
    (problem,) = refused(write_plain(tmp_path, content, head=HEAD, data=DATA + 'encoding = "gb18030"\n'), capsys)
    # The first patient of the south stands on line 3.
    assert (problem["code"], problem["rows"]) == ("D003", [3])
    assert "byte 0xC9 at line 3 is not gb18030" in str(problem["message"])


def test_half_a_character_of_utf_16_is_named_by_its_line(tmp_path, capsys):
    """The first half of a pair without the second; 上 holds the byte of a line feed and is none."""
    whole = chinese()
    at = whole.index("\n", whole.index("KEY-0004"))
    content = whole[:at].encode("utf-16") + b"\x00\xd8" + whole[at:].encode("utf-16-le")
    (problem,) = refused(write_plain(tmp_path, content, head=HEAD), capsys)
    assert (problem["code"], problem["rows"]) == ("D003", [6])


def test_an_unknown_encoding_is_refused_by_its_key(tmp_path, capsys):
    said = refused_settings(write_plain(tmp_path, data=DATA + 'encoding = "gb2312-80"\n'), capsys)
    assert "data.encoding: must be" in said
    assert "'gb18030'" in said
