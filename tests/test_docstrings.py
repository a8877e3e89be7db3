"""Public docstrings say what a reader needs: parameters, returns, errors, an example that runs."""

import inspect
import re

import pytest

import survmodel
from survmodel.errors import SurvmodelError

NAMES = [name for name in survmodel.__all__ if name != "__version__"]


def public_callables():
    """Every public function, class and method that survmodel defines, by its dotted name."""
    for name in NAMES:
        thing = getattr(survmodel, name)
        if inspect.ismodule(thing):
            continue
        if inspect.isclass(thing) and issubclass(thing, SurvmodelError) and thing is not SurvmodelError:
            continue
        yield name, thing
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                if (not member.startswith("_") and callable(value)) or isinstance(value, classmethod):
                    yield f"{name}.{member}", getattr(thing, member)
    yield "indices.by_disease", survmodel.indices.by_disease
    for result in (
        "models.kaplan_meier_fit.KaplanMeierFit", "models.cox_fit.CoxFit", "markers.indices.contract.IndexResult",
        "markers.indices.contract.ClinicalIndex",
    ):  # fmt: skip
        module, cls = result.rsplit(".", 1)
        thing = getattr(__import__(f"survmodel.{module}", fromlist=[cls]), cls)
        for member, value in vars(thing).items():
            if not member.startswith("_") and inspect.isfunction(value):
                yield f"{cls}.{member}", value


CALLABLES = dict(public_callables())


def section(docstring: str, title: str) -> str:
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+$|\Z)", docstring, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def documented(text: str) -> set[str]:
    heads = re.findall(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: :.*)?$", text, re.MULTILINE)
    return {name.strip("*") for head in heads for name in head.split(", ")}


@pytest.mark.parametrize("name", CALLABLES)
def test_every_parameter_is_described(name):
    thing = CALLABLES[name]
    docstring = inspect.getdoc(thing) or ""
    parameters = set(inspect.signature(thing).parameters) - {"self", "cls"}
    assert parameters <= documented(section(docstring, "Parameters")), docstring


@pytest.mark.parametrize("name", [name for name, thing in CALLABLES.items() if inspect.isroutine(thing)])
def test_every_function_says_what_it_returns(name):
    docstring = inspect.getdoc(CALLABLES[name])
    nothing = inspect.signature(CALLABLES[name]).return_annotation == "None"
    assert nothing or section(docstring, "Returns") or section(docstring, "Yields"), docstring


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("Error") and name != "run_study"])
def test_every_public_name_has_an_example(name):
    assert ">>>" in (inspect.getdoc(getattr(survmodel, name)) or ""), name


@pytest.mark.parametrize("name", CALLABLES)
def test_no_function_hides_its_options(name):
    kinds = [parameter.kind for parameter in inspect.signature(CALLABLES[name]).parameters.values()]
    assert inspect.Parameter.VAR_KEYWORD not in kinds
