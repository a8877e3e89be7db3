"""The README tells the truth: its example runs, its commands exist, its picture of the folders is the tree."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def run_example(monkeypatch) -> dict:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102 - our own README
    return names


def test_the_example_gives_the_numbers_of_r(monkeypatch):
    names = run_example(monkeypatch)
    stored = json.loads((ROOT / "tests/reference/cases/aml_northwest_england/expected.json").read_text())["values"]
    r = {name.removeprefix("main."): entry["value"] for name, entry in stored.items()}
    tidy, glance = names["fit"].tidy(), names["fit"].glance().iloc[0]
    assert tidy["estimate"].to_numpy() == pytest.approx(r["coef"], rel=1e-8)
    assert tidy["std_error"].to_numpy() == pytest.approx(r["se"], rel=1e-8)
    assert [glance["loglik_null"], glance["loglik"]] == pytest.approx([r["loglik_null"], r["loglik"]], rel=1e-12)
    assert names["proportional"].p_value == pytest.approx(r["zph_km"]["p"], rel=1e-8)
    assert [names["c"].estimate, names["c"].std_error] == pytest.approx(r["concordance"], rel=1e-8)


def test_results_read_well(monkeypatch):
    names = run_example(monkeypatch)
    for name in ("km", "test", "fit", "proportional", "c"):
        assert "nan" not in repr(names[name])
        assert names[name]._repr_html_().startswith("<div")
    assert names["figure"]._repr_png_().startswith(b"\x89PNG")


def test_every_make_target_named_in_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make ([a-z]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_picture_of_the_folders_is_the_tree():
    picture = README.split("survmodel/\n", 1)[1].split("```", 1)[0]
    for line in picture.splitlines():
        for name in re.findall(r"[a-z_]+(?:/|\.py)", line.split("   ")[0]):
            inside = ROOT / "survmodel" / name
            assert inside.exists() or (ROOT / name).exists(), name
    shown = set(re.findall(r"([a-z_]+)(?:/|\.py)", picture))
    real = {
        path.stem for path in (ROOT / "survmodel").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert {name for name in real if not name.startswith("__")} <= shown


def test_nothing_names_a_host_or_a_path_of_one_machine():
    for name in ("requirements.lock", "requirements-dev.lock", "Makefile", "pyproject.toml"):
        assert "://" not in (ROOT / name).read_text(encoding="utf-8"), name
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text()
        assert text.count("--hash=sha256:") > text.count("==")
