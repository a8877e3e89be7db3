"""The wheel holds what the package needs and nothing else, and the schema folder is found in it and in a checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_schema_fonts_templates_and_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "survmodel/data_schema/README.md" in names
    assert any(name.endswith("LiberationSans-Regular.ttf") for name in names)
    assert any(name.endswith("LICENSE-OFL.txt") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "notebooks/"))]


def test_the_schema_is_found_in_a_checkout_and_in_an_installed_wheel(wheel, tmp_path):
    from survmodel.data.schema_location import schema_folder

    assert (schema_folder() / "README.md").is_file()
    zipfile.ZipFile(wheel).extractall(tmp_path)
    ask = "from survmodel.data.schema_location import schema_folder; print(schema_folder())"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()) == tmp_path / "survmodel" / "data_schema"


def test_metadata_state_licence_and_python(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith("METADATA")]
    text = archive.read(metadata).decode()
    assert "License-Expression: GPL-3.0-or-later" in text
    assert "Requires-Python: >=3.11" in text
