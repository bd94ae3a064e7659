"""A page of HTML as a PDF for paper. It is made of that text alone: nothing else is read or fetched."""

from __future__ import annotations

import warnings

from orchestrator.errors import PdfUnavailable

_INSTALL = "apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"


def pdf_of(html: str) -> bytes:
    """The PDF of a page. Raises: PdfUnavailable: the system lacks Pango, or has no font."""
    try:
        with warnings.catch_warnings():
            # It looks for fonts when it is loaded; without any Pango goes on for ever, or crashes.
            warnings.filterwarnings("error", r".*ugly output", UserWarning)
            # Loads Pango, which is no Python package; no other verb waits for it.
            import weasyprint
            from weasyprint.urls import URLFetcher
    except OSError as error:
        raise PdfUnavailable(
            f"PDFs need the library Pango, which isn't there: {str(error).splitlines()[0]}", _INSTALL
        ) from error
    except UserWarning as error:
        raise PdfUnavailable("PDFs need a font, and the system has none", _INSTALL) from error
    nothing = URLFetcher(allowed_protocols=(), allow_redirects=False)
    page = weasyprint.HTML(string=html, base_url=None, url_fetcher=nothing)
    written: bytes = page.write_pdf()
    return written
