"""Whatever stands in a file: problems and no exception. Loading is a function of what the files mean."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.definitions import check, kept, load, show
from orchestrator.definitions.deck import read_deck
from orchestrator.definitions.marked import _composed, _plain_tree, parse
from orchestrator.definitions.schema import KINDS
from orchestrator.definitions.shapes import Reading, Surroundings
from orchestrator.definitions.show import excerpt
from orchestrator.definitions.source import Source, read_source

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = ("platform.yaml", "tariffs/master.yaml", "tenants/acme.yaml", "decks/multifon-business.csv")
TEXTS = {file: (EXAMPLES / file).read_text("utf-8") for file in FILES}
YAML_ISH = st.text(st.sampled_from("abc01 \n:-{}[]\"'&*!|>%@#,?~<\t+.Яя"), max_size=200)


def trees() -> st.SearchStrategy[object]:
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=20)
        | st.sampled_from(["101", "sales", "+7"])
    )
    keys = st.sampled_from([field.name for kind in KINDS.values() for field in kind.fields]) | st.text(
        max_size=5
    )
    return st.recursive(
        leaves,
        lambda below: st.lists(below, max_size=4) | st.dictionaries(keys, below, max_size=6),
        max_leaves=30,
    )


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode) | YAML_ISH.map(str.encode))
@settings(max_examples=300, deadline=None)
def test_any_bytes_as_any_file_give_problems_and_no_exception(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for file in FILES:
            path = Path(folder) / file
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        definitions, problems = check(Path(folder))
        assert definitions is None
        assert problems
        assert show(problems, lambda file: _text(Path(folder), file))


def _text(root: Path, file: str) -> str | None:
    source = read_source(root, file)
    return source.text if isinstance(source, Source) else None


@given(st.text(max_size=300) | YAML_ISH)
@settings(max_examples=500, deadline=None)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    tree, problems = parse(text, "f.yaml")
    assert tree is not None or problems


@given(st.sampled_from(tuple(TEXTS.values())), st.data())
@settings(max_examples=300, deadline=None)
def test_the_quick_way_to_a_tree_leads_where_the_composer_does(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    changed = text[:start] + data.draw(YAML_ISH | st.text(max_size=5)) + text[start:]
    for each in (text, changed, data.draw(YAML_ISH)):
        tree, problems = _composed(each, "f.yaml")
        quick = _plain_tree(each, "f.yaml")
        assert quick in (None, tree)
        assert quick is None or not problems


def test_the_examples_take_the_quick_way() -> None:
    assert all(_plain_tree(text, file) for file, text in TEXTS.items() if file.endswith(".yaml"))


@given(trees())
@settings(max_examples=300, deadline=None)
def test_any_tree_as_any_kind_is_converted_or_refused(data: object) -> None:
    tree, _ = parse(yaml.safe_dump(data, allow_unicode=True), "f.yaml")
    if tree is None:
        return
    for kind in KINDS.values():
        reading = Reading("f.yaml", Surroundings())
        kind.convert(tree, (), reading)
        assert reading.problems


@given(st.sampled_from(FILES), st.data())
@settings(max_examples=200, deadline=None)
def test_the_example_with_any_cut_or_change_is_read_or_refused(file: str, data: st.DataObject) -> None:
    text = TEXTS[file]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    with tempfile.TemporaryDirectory() as folder:
        project = Path(shutil.copytree(EXAMPLES, Path(folder) / "project"))
        changed = text[:start] + data.draw(YAML_ISH | st.text(max_size=5)) + text[end:]
        (project / file).write_bytes(changed.encode("utf-8", "replace"))
        definitions, problems = check(project)
        assert (definitions is None) == bool(problems)
        assert show(problems, lambda name: _text(project, name)) or not problems


@given(st.lists(st.sampled_from(FILES), min_size=1, max_size=3), st.data())
@settings(max_examples=100, deadline=None)
def test_what_is_kept_between_runs_changes_nothing(files: list[str], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "KEPT_FROM", 0)
        project = Path(shutil.copytree(EXAMPLES, Path(folder) / "project"))
        check(project)
        for file in files:
            text = (project / file).read_bytes().decode("utf-8", "replace")
            start = data.draw(st.integers(0, len(text)))
            end = data.draw(st.integers(start, min(len(text), start + 40)))
            more = data.draw(YAML_ISH | st.sampled_from(("", text[start:end] * 2)))
            (project / file).write_bytes((text[:start] + more + text[end:]).encode())
            plain = check(project, cached=False)
            assert repr(check(project)) == repr(plain)
            assert repr(check(project)) == repr(plain)


@given(st.text(max_size=300))
@settings(deadline=None)
def test_any_text_as_a_deck_is_read_or_refused(text: str) -> None:
    deck, problems = read_deck(Source("decks/a.csv", text, "0" * 64))
    assert deck.rates or problems


@given(st.text(max_size=300), st.integers(1, 400))
@settings(deadline=None)
def test_an_excerpt_is_short_and_its_caret_within_reach(line: str, column: int) -> None:
    shown, caret = excerpt(line, column)
    assert len(shown) <= 4 * 102
    assert caret.strip() == "^"


def test_loading_twice_is_the_same() -> None:
    assert load(EXAMPLES) == load(EXAMPLES)


@given(st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_keys_means_nothing(order: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(shutil.copytree(EXAMPLES, Path(folder) / "project"))
        for path in (project / "platform.yaml", *project.glob("*/*.yaml")):
            tree = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)
            mixed = yaml.safe_dump(_mixed(tree, order), sort_keys=False, allow_unicode=True)
            path.write_text(mixed, "utf-8")
        assert load(project) == load(EXAMPLES)


def _mixed(data: object, order: random.Random) -> object:
    if isinstance(data, dict):
        keys = list(data)
        order.shuffle(keys)
        return {key: _mixed(data[key], order) for key in keys}
    if isinstance(data, list):
        return [_mixed(item, order) for item in data]
    return data
