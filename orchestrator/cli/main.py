"""The root command. Verbs are found by a table and loaded when they are called, one module each.

What only some verbs need is loaded by those: an operator waits for a start, and a shell on Tab.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from orchestrator.cli.log import LogFormat, LogLevel, in_journal, log_to_stderr
from orchestrator.cli.short_help import short_help
from orchestrator.errors import DefinitionsInvalid, OrchestratorError
from orchestrator.log import set_up_with_first_event
from orchestrator.project import Project

VERBS = {
    "apply": "orchestrator.cli.apply:apply",
    "balance": "orchestrator.cli.balance:balance",
    "billing": "orchestrator.cli.billing:billing",
    "calls": "orchestrator.cli.calls:calls",
    "charge": "orchestrator.cli.charge:charge",
    "charges": "orchestrator.cli.charges:charges",
    "completion": "orchestrator.cli.completion:completion",
    "confirm": "orchestrator.cli.confirm:confirm",
    "deck": "orchestrator.cli.deck:deck",
    "devices": "orchestrator.cli.devices:devices",
    "doctor": "orchestrator.cli.doctor:doctor",
    "employee": "orchestrator.cli.employee:employee",
    "explain-call": "orchestrator.cli.explain_call:explain_call",
    "forecast": "orchestrator.cli.forecast:forecast",
    "history": "orchestrator.cli.history:history",
    "hold": "orchestrator.cli.hold:hold",
    "init": "orchestrator.cli.init:init",
    "ledger": "orchestrator.cli.ledger:ledger",
    "lines": "orchestrator.cli.lines:lines",
    "listen": "orchestrator.cli.listen:listen",
    "pay": "orchestrator.cli.pay:pay",
    "plan": "orchestrator.cli.plan:plan",
    "portability": "orchestrator.cli.portability:portability",
    "purge": "orchestrator.cli.purge:purge",
    "rate": "orchestrator.cli.rate:rate",
    "reconcile": "orchestrator.cli.reconcile:reconcile",
    "recordings": "orchestrator.cli.recordings:recordings",
    "render": "orchestrator.cli.render:render",
    "rollback": "orchestrator.cli.rollback:rollback",
    "route": "orchestrator.cli.route:route",
    "schema": "orchestrator.cli.schema:schema",
    "show": "orchestrator.cli.show:show",
    "statement": "orchestrator.cli.statement:statement",
    "stats": "orchestrator.cli.stats:stats",
    "status": "orchestrator.cli.status:status",
    "storage": "orchestrator.cli.storage:storage",
    "switch": "orchestrator.cli.switch:switch",
    "tenant": "orchestrator.cli.tenant:tenant",
    "test": "orchestrator.cli.test:test",
    "try": "orchestrator.cli.trial:trial",
    "turn": "orchestrator.cli.turn:turn",
    "validate": "orchestrator.cli.validate:validate",
    "voicemail": "orchestrator.cli.voicemail:voicemail",
    "whatif": "orchestrator.cli.whatif:whatif",
}
"""A verb's name, and the module and command that are loaded for it."""

FAILED = 1
INTERRUPTED = 130
_NICENESS, _LISTENER_NICENESS = 10, 5
_STARTS_SWITCHES = frozenset({"switch", "try"})
_TRACEBACK = "VPBX_TRACEBACK"
_JOURNAL_ERROR = "<3>"


class Verbs(click.Group):
    """The verbs of the table whose module is there; only the one that is called is loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(name for name, place in VERBS.items() if _is_there(place))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = VERBS.get(cmd_name)
        if place is None or not _is_there(place):
            return None
        if ctx.resilient_parsing:
            return _outlined(place)
        return _loaded(place)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs that begin so, then the options; no verb is loaded."""
        names = (name for name in self.list_commands(ctx) if name.startswith(incomplete))
        found = [CompletionItem(name, help=self.one_line(ctx, name)) for name in names]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with what they do, out of their sources: none is loaded to be listed."""
        names = self.list_commands(ctx)
        width = formatter.width - 6 - max(len(name) for name in names)
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.one_line(ctx, name, width)) for name in names])

    def one_line(self, ctx: click.Context, name: str, width: int = 45) -> str:
        """What a verb does, in one line."""
        found = short_help(VERBS[name], width)
        if found is None:
            command = self.get_command(ctx, name)
            found = command.get_short_help_str(width) if command is not None else ""
        return found


def _loaded(place: str) -> click.Command:
    module, _, attribute = place.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    if not isinstance(command, click.Command):
        raise TypeError(f"{place} is no click command")
    return command


def _outlined(place: str) -> click.Command:
    """What completion needs of a verb; the verb itself where its source doesn't tell."""
    from orchestrator.cli.completion import completing
    from orchestrator.cli.outline import outline

    return completing(outline(place) or _loaded(place))


def _is_there(place: str) -> bool:
    return importlib.util.find_spec(place.partition(":")[0]) is not None


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("vpbx")
    except PackageNotFoundError:
        found = "unknown"
    click.echo(f"vpbx, version {found}")
    ctx.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C",
    "--project",
    "directory",
    type=click.Path(path_type=Path),
    default=Path(),
    envvar="VPBX_PROJECT",
    metavar="DIR",
    help="Project directory: by default VPBX_PROJECT in the environment, or the current one.",
)
@click.option(
    "--log-format",
    type=click.Choice([form.value for form in LogFormat]),
    default=LogFormat.AUTO.value,
    envvar="VPBX_LOG_FORMAT",
    help="Of the log on stderr. auto: text on a terminal, JSON elsewhere. Also VPBX_LOG_FORMAT.",
)
@click.option(
    "--log-level",
    type=click.Choice([level.value for level in LogLevel]),
    default=LogLevel.INFO.value,
    envvar="VPBX_LOG_LEVEL",
    help="The least grave events that are logged. Also VPBX_LOG_LEVEL.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def root(ctx: click.Context, directory: Path, log_format: str, log_level: str) -> None:
    """A multi-tenant virtual PBX over a real Asterisk.

    Example: vpbx -C examples validate
    """
    form, level = LogFormat(log_format), LogLevel(log_level)
    set_up_with_first_event(lambda: log_to_stderr(form, level))
    # The verb's module is loaded by now: one that logs in any case has loaded what logs.
    if "structlog" in sys.modules:
        log_to_stderr(form, level)
    ctx.obj = Project(directory.absolute())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Exits with 0; 1 for an error, told on stderr in one line and a hint; 2 for a wrong call; 130 for Ctrl-C;
    or what the verb says.
    """
    if arguments is None:
        _give_way(sys.argv[1:])
    sys.exit(_status(arguments))


def _give_way(arguments: Sequence[str]) -> None:
    """Let the switch on the same machine go first: a charge or a change can come a moment later.

    Not where a switch is started, which would have the same niceness. The listener must keep up with calls.
    """
    if _STARTS_SWITCHES.isdisjoint(arguments):
        niceness = _LISTENER_NICENESS if "listen" in arguments else _NICENESS
        if os.getpriority(os.PRIO_PROCESS, 0) < niceness:
            # A hardened service may not even do that; its unit says how nice it is.
            with suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, 0, niceness)


def _status(arguments: Sequence[str] | None) -> int:
    try:
        result = root.main(arguments, prog_name="vpbx", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of stdout is gone; what Python flushes at its end must not fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - no traceback ever reaches an operator
        if os.environ.get(_TRACEBACK):
            traceback.print_exc()
        _tell(error)
        return FAILED
    return result if isinstance(result, int) else 0


def _tell(error: Exception) -> None:
    from orchestrator.definitions.quoting import visible
    from orchestrator.definitions.show import show

    if isinstance(error, DefinitionsInvalid):
        click.echo(show(error.problems, lambda _: None), err=True, nl=False)
    if isinstance(error, OrchestratorError):
        message, hint = error.message, error.hint
    else:
        message = f"unexpected {type(error).__name__}: {error}"
        hint = f"this is a fault of vpbx; {_TRACEBACK}=1 in the environment shows where"
    # In the journal a line's priority is at its beginning: an error shows as one there.
    mark = _JOURNAL_ERROR if in_journal(sys.stderr, os.environ) else ""
    click.echo(f"{mark}vpbx: error: {visible(message)}", err=True)
    if hint:
        click.echo(f"{mark}hint: {visible(hint)}", err=True)


if __name__ == "__main__":
    main()
