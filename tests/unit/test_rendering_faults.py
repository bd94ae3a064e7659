"""A template that can't be rendered: the error names the template, the line and what is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rendered_cases import EXAMPLES, credential

from orchestrator import definitions
from orchestrator.candidate import choose_node
from orchestrator.errors import RenderFailed
from orchestrator.rendering.render import SwitchSecrets, device_keys, render
from orchestrator.rendering.sources import share_directory


@pytest.mark.parametrize(
    ("template", "added", "told"),
    [
        ("rtp.conf.j2", "{{ no_such_name }}", "'no_such_name' is undefined"),
        ("rtp.conf.j2", "{% if no_such_name %}{% endif %}", "'no_such_name' is undefined"),
        ("rtp.conf.j2", "{{ node.no_such_field }}", "has no attribute 'no_such_field'"),
        ("rtp.conf.j2", "{{ node }}", "a template printed a Node"),
        ("rtp.conf.j2", "{{ 'a\\x07b' }}", "control character U+0007"),
        ("rtp.conf.j2", "{% if %}", "Expected an expression"),
        ("tenant_pjsip.conf.j2", "{{ no_such_name }}", "'no_such_name' is undefined"),
    ],
)
def test_a_faulty_template_is_named_with_its_line(
    tmp_path: Path, template: str, added: str, told: str
) -> None:
    for part in ("templates", "dialplans"):
        shutil.copytree(share_directory() / part, tmp_path / part)
    path = tmp_path / "templates/asterisk" / template
    line = len(path.read_text().splitlines()) + 1
    path.write_text(f"{path.read_text()}{added}\n")
    loaded = definitions.load(EXAMPLES)
    node = choose_node(loaded, None)
    keys = {key: credential(key) for key in device_keys(loaded, node)}
    secrets = SwitchSecrets("s1", {"listen": "l", "control": "c"}, keys, {})
    with pytest.raises(RenderFailed) as raised:
        render(loaded, node, secrets, tmp_path)
    assert raised.value.message.startswith(f"templates/asterisk/{template}:{line}: ")
    assert told in raised.value.message
