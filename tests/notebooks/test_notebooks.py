"""The notebooks run from top to bottom, show no missing number, and say in their prose what their cells show."""

import ast
import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
MOST_LINES = 10
#: Numbers in bold must stand in the output of the cells that follow.
QUOTED = re.compile(r"\*\*(-?\d[\d,]*(?:\.\d+)?)\*\*")
#: Steps of R's answers that the bold numbers of the real cohort come from, by cell.
STEPS = {
    "cohort-ask": "counts",
    "km-ask": "curve/os/sex",
    "logrank-ask": "logrank/os/sex",
    "grouped-ask": "logrank/os/mspike_group",
    "follow-up-ask": "follow_up/os",
    "incidence-ask": "incidence/malignancy",
    "too-high-ask": "incidence/malignancy",
    "by-mspike-ask": "incidence/malignancy/mspike_group",
    "cox-ask": "cox/malignancy",
    "cox-death-ask": "cox/death",
    "zph-ask": "proportional_hazards/death",
    "concordance-ask": "concordance/death",
}
#: Put before the first cell of the copy that is executed, and after the last: the kernel's own end may warn.
STRICT, LAX = "import warnings\nwarnings.simplefilter('error')", "warnings.resetwarnings()"


def read(path):
    return nbformat.read(path, as_version=4)


def text_of(output):
    """What a reader sees of an output, in plain text."""
    return output["text"] if output["output_type"] == "stream" else output["data"].get("text/plain", "")


def execute(path, folder):
    """Execute a copy beside the studies, warnings being errors, and name the cell where one fails."""
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("results", ".ipynb_checkpoints"), dirs_exist_ok=True)
    notebook = read(path)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT, id="strict"))
    notebook.cells.append(nbformat.v4.new_code_cell(LAX, id="lax"))
    running = []
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=lambda cell, cell_index: running.append(cell["id"]),
    )
    failed = ""
    try:
        client.execute()
    except CellExecutionError as error:
        failed = f"{path.name}, cell {running[-1]}: {error.ename}: {error.evalue}"
    if failed:
        pytest.fail(failed, pytrace=False)
    return notebook


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Each notebook, executed once."""
    done = {}

    def get(path):
        if path not in done:
            done[path] = execute(path, tmp_path_factory.mktemp(path.stem))
        return done[path]

    return get


def test_there_are_notebooks():
    assert {
        "01_cohort", "02_curves_and_tests", "03_cox_and_forest", "04_honest_validation", "05_added_value",
        "07_real_cohort", "09_planning",
    } <= set(NAMES)  # fmt: skip


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_is_stored_without_output(path):
    notebook = read(path)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs, cell.id
            assert cell.execution_count is None, cell.id
        assert not cell.metadata, cell.id


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_cells_have_ids_that_stay(path):
    stored = json.loads(path.read_text(encoding="utf-8"))
    ids = [cell["id"] for cell in stored["cells"]]
    assert len(set(ids)) == len(ids)
    # A word says what a cell is for; ids made by chance would change with every save by other tools.
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", one) for one in ids), ids
    assert path.read_text(encoding="utf-8") == nbformat.writes(read(path)).rstrip("\n") + "\n"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_cells_are_short_compile_and_have_prose_before_them(path):
    cells = read(path).cells
    assert cells[0].cell_type == "markdown"
    for before, cell in pairwise(cells):
        if cell.cell_type == "code":
            ast.parse(cell.source, filename=f"{path.name}:{cell.id}")
            assert len(cell.source.splitlines()) <= MOST_LINES, cell.id
            pair = [one.id for one in (before, cell)]
            assert before.cell_type == "markdown" or pair[1].startswith(f"{pair[0]}-") or "draw" in pair[1], pair


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_nothing_names_a_path_or_a_host(path):
    for cell in read(path).cells:
        found = re.search(r"(?<![\w.)\]<])/[a-z]+/|[A-Z]:\\|://|~/", cell.source)
        assert not found, (cell.id, found)
        assert "\u2014" not in cell.source, cell.id
        for target in re.findall(r"\]\(([^)]+)\)", cell.source):
            assert (FOLDER / target).exists(), (cell.id, target)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_runs_and_what_it_shows_reads_well(path, executed):
    for cell in executed(path).cells:
        for output in cell.get("outputs", []):
            assert output["output_type"] in ("stream", "execute_result", "display_data"), cell.id
            assert output.get("name") != "stderr", (cell.id, output)
            assert not re.search(r"\b(nan|NaN|NaT|<NA>)\b", text_of(output)), (cell.id, text_of(output))
            if output["output_type"] == "execute_result":
                kinds = set(output["data"])
                assert kinds & {"text/html", "image/png"}, (cell.id, kinds)
                assert "nan" not in re.sub(r"<[^>]*>", " ", output["data"].get("text/html", "")).lower().split()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_numbers_in_bold_stand_in_the_output_that_follows(path, executed):
    cells = executed(path).cells
    for place, cell in enumerate(cells):
        if cell.cell_type != "markdown":
            continue
        shown = ""
        for later in cells[place + 1 :]:
            if later.cell_type == "markdown":
                break
            shown += "".join(text_of(output) for output in later.outputs)
        numbers = {number.removesuffix(".0") for number in re.findall(r"-?\d+(?:\.\d+)?", shown)}
        for quoted in QUOTED.findall(cell.source):
            assert quoted.replace(",", "") in numbers, (cell.id, quoted, shown)


def test_numbers_in_bold_of_the_real_cohort_are_those_of_r():
    stored = json.loads((ROOT / "tests/reference/cohorts/mayo_plasma_cell.json").read_text(encoding="utf-8"))
    by_step: dict[str, list[float]] = {}
    for value in stored["values"]:
        by_step.setdefault(value["where"]["step"], []).extend(value["expect"].values())
    by_step["proportional_hazards/death"] += by_step["cox/death"]
    quoted = {cell.id: QUOTED.findall(cell.source) for cell in read(FOLDER / "07_real_cohort.ipynb").cells}
    assert {cell for cell, numbers in quoted.items() if numbers} == set(STEPS)
    for cell, step in STEPS.items():
        for number in quoted[cell]:
            decimals = len(number.partition(".")[2])
            assert number in {f"{value:.{decimals}f}" for value in by_step[step]}, (cell, number)
