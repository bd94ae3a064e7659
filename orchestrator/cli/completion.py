"""`vpbx completion`: what a shell needs to complete verbs, options, tenants and nodes on Tab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

PROGRAM, VARIABLE = "vpbx", "_VPBX_COMPLETE"
_PLATFORM_LIMIT = 1024 * 1024


@click.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
def completion(shell: str) -> None:
    """Print the script with which a shell completes vpbx on Tab: verbs, options, tenants, nodes.

    \b
    Example:
        echo 'eval "$(vpbx completion bash)"' >> ~/.bashrc
        echo 'eval "$(vpbx completion zsh)"' >> ~/.zshrc
        vpbx completion fish > ~/.config/fish/completions/vpbx.fish
    """
    made = get_completion_class(shell)
    assert made is not None, shell
    click.echo(made(click.Command(PROGRAM), {}, PROGRAM, VARIABLE).source())


def completing(command: click.Command) -> click.Command:
    """The same command, whose arguments and options that name things of the project complete to them."""
    for param in command.params:
        values = _VALUES.get(param.name or "")
        if values is not None and isinstance(param.type, click.types.StringParamType):
            param._custom_shell_complete = _completer(values)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            completing(below)
    return command


def _completer(
    values: Callable[[Path], Iterator[str]],
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    def complete(ctx: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
        directory = Path(ctx.find_root().params.get("directory") or ".")
        return [CompletionItem(value) for value in values(directory) if value.startswith(begun)]

    return complete


def _tenants(directory: Path) -> Iterator[str]:
    """Tenants by the names of their files: nothing is read."""
    names = (path.stem for path in (directory / "tenants").glob("*.yaml"))
    return iter(sorted(name for name in names if not name.startswith(".")))


def _nodes(directory: Path) -> Iterator[str]:
    """Nodes of platform.yaml; none when it can't be read: a Tab gives no error."""
    import yaml

    try:
        with (directory / "platform.yaml").open("rb") as stream:
            loaded = yaml.load(stream.read(_PLATFORM_LIMIT), yaml.CBaseLoader)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return iter(())
    nodes = loaded.get("nodes") if isinstance(loaded, dict) else None
    return iter(sorted(nodes)) if isinstance(nodes, dict) else iter(())


_VALUES: Mapping[str, Callable[[Path], Iterator[str]]] = {"tenant": _tenants, "node": _nodes}
"""By name of the argument or option: what of the project it names."""
