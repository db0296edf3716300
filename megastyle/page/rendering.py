"""The templates of the page, rendered by Jinja2: every value is escaped, and a missing one is an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from megastyle.comparison import shown
from megastyle.page.heatmap import paint
from megastyle.page.names import short, split_extension

FOLDER = Path(__file__).parent
STYLESHEETS = [FOLDER / "result.css", FOLDER / "page.css"]
PRESS_ATTEMPT = (FOLDER / "attempts.js").read_text(encoding="utf-8")
ENVIRONMENT = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=select_autoescape(["html"]),  # the Markdown file gets constants only, never a visitor's text
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters.update(short=short, split_extension=split_extension, shown=shown, paint=paint)


def render(template: str, **values: Any) -> Markup:
    """A template of this folder, filled in. Its text is safe to stand in another template."""
    return Markup(ENVIRONMENT.get_template(template).render(values))  # noqa: S704 - the template escaped the values


def script(**constants: Any) -> str:
    """The page's JavaScript as one function for Gradio to run when the page loads, its constants filled in."""
    return f"() => ({(FOLDER / 'page.js').read_text(encoding='utf-8')})({json.dumps(constants)})"
