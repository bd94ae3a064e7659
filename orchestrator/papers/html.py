"""A statement as an HTML page that needs nothing beside itself; PDF is made of it."""

from __future__ import annotations

from functools import cache

import jinja2

from orchestrator.errors import RenderFailed
from orchestrator.model.statement import Statement
from orchestrator.papers.sides import Sides
from orchestrator.papers.view import view_of
from orchestrator.rendering.sources import share_directory

_TEMPLATE = "statement.html.j2"


def statement_html(statement: Statement, sides: Sides) -> str:
    """The page. Raises: RenderFailed: the template isn't there, or asks for what there isn't."""
    try:
        return _environment().get_template(_TEMPLATE).render(view=view_of(statement, sides))
    except jinja2.TemplateError as error:
        raise RenderFailed(
            f"templates/statement/{_TEMPLATE}: {error}", "the template must come from this vpbx"
        ) from error


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(share_directory() / "templates" / "statement"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
