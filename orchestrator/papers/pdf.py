"""A page of HTML as a PDF for paper. It is made of that text alone: nothing else is read or fetched."""

from __future__ import annotations

from typing import NoReturn

from orchestrator.errors import PdfUnavailable


class Refused(ValueError):
    """A page referred to something beside itself."""


class RefusingFetcher:
    """Fetches nothing: neither from the network nor from files."""

    def fetch(self, url: str, *_: object, **__: object) -> NoReturn:
        raise Refused(f"{url.partition(':')[0]}: nothing is fetched for a PDF")

    __call__ = fetch


def pdf_of(html: str) -> bytes:
    """The PDF of a page. Raises: PdfUnavailable: the system lacks Pango, or has no font."""
    try:
        # Loads Pango, which is no Python package; no other verb waits for it.
        import weasyprint
        from weasyprint.text.fonts import FontConfiguration
    except OSError as error:
        raise PdfUnavailable(
            f"PDFs need the library Pango, which isn't there: {str(error).splitlines()[0]}",
            "apt install libpango-1.0-0 libpangoft2-1.0-0 fonts-dejavu-core",
        ) from error
    page = weasyprint.HTML(string=html, base_url=None, url_fetcher=RefusingFetcher())
    written: bytes = page.write_pdf(font_config=FontConfiguration())
    return written
