"""A project and the exact files rendered from it. `--update-goldens` writes them anew; read the diff."""

from __future__ import annotations

import shutil

import pytest
from rendered_cases import CASES, EXAMPLES, HERE, credential, rendered

from orchestrator import definitions
from orchestrator.candidate import choose_node
from orchestrator.model.platform import Definitions
from orchestrator.rendering.render import SwitchSecrets, device_keys, render
from orchestrator.rendering.sources import share_directory


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_project_renders_to_exactly_these_files(case: str, update_goldens: bool) -> None:
    expected = HERE / case / "expected"
    files = {path: file.text for path, file in rendered(CASES[case]).files.items() if "/blocks/" not in path}
    if update_goldens:
        shutil.rmtree(expected, ignore_errors=True)
        for path, text in files.items():
            (expected / path).parent.mkdir(parents=True, exist_ok=True)
            (expected / path).write_text(text)
    on_disk = {
        str(path.relative_to(expected)): path.read_text() for path in expected.rglob("*") if path.is_file()
    }
    assert on_disk, f"no golden files in {expected}: run with --update-goldens"
    assert files == on_disk


@pytest.mark.parametrize("case", sorted(CASES))
def test_rendering_twice_gives_the_same_bytes(case: str) -> None:
    assert rendered(CASES[case]) == rendered(CASES[case])


def test_the_order_of_tenants_makes_no_difference() -> None:
    loaded = definitions.load(EXAMPLES)
    turned = Definitions(loaded.platform, loaded.tariffs, dict(reversed(loaded.tenants.items())))
    node = choose_node(loaded, None)
    secrets = SwitchSecrets(
        "s1", {"listen": "l", "control": "c"}, {key: credential(key) for key in device_keys(loaded, node)}, {}
    )
    assert render(loaded, node, secrets, share_directory()) == render(
        turned, node, secrets, share_directory()
    )


def test_secrets_are_only_in_files_that_nobody_else_may_read() -> None:
    files = rendered(EXAMPLES).files
    holding = {path for path, file in files.items() if "secret-of-" in file.text}
    assert holding
    assert {files[path].mode for path in holding} == {0o600}
