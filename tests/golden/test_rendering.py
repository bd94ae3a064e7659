"""A project and the exact files rendered from it. `--update-goldens` writes them anew; read the diff."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestrator import definitions
from orchestrator.candidate import choose_node
from orchestrator.model.credential import DeviceCredential
from orchestrator.model.platform import Definitions
from orchestrator.rendering.render import DeviceKey, Rendered, SwitchSecrets, device_keys, render
from orchestrator.rendering.sources import share_directory

HERE = Path(__file__).parent / "rendering"
EXAMPLES = Path(__file__).parents[2] / "examples"
CASES = {path.parent.name: path for path in sorted(HERE.glob("*/project"))} | {"examples": EXAMPLES}


def rendered(project: Path) -> Rendered:
    """A project rendered with made-up but fixed secrets."""
    loaded = definitions.load(project)
    node = choose_node(loaded, None)
    secrets = SwitchSecrets(
        systemname="s0123456789abcdef",
        ami={"listen": "secret-of-listen", "control": "secret-of-control"},
        devices={key: credential(key) for key in device_keys(loaded, node)},
        trunks=dict.fromkeys(loaded.platform.trunks, "secret-of-trunk"),
    )
    return render(loaded, node, secrets, share_directory())


def credential(key: DeviceKey) -> DeviceCredential:
    return DeviceCredential(f"d-{'-'.join(key)}", f"secret-of-{'-'.join(key)}")


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
