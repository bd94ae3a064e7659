"""Templates as they were compiled, kept between runs: compiling all takes longer than rendering a tenant.

What is kept is code, which is why only a file is taken that nobody but its owner, who is who runs, could have
written; it lies beside the secrets, which say as much. A template whose text is another is compiled anew, and
all are when what they are compiled for has changed.
"""

from __future__ import annotations

import hashlib
import marshal
import sys
from functools import partial
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, BytecodeCache

import orchestrator.rendering
from orchestrator.cache_file import cache_is_off, read_cache, write_cache

_NAME = "templates"
_MAGIC = b"vpbx templates 1\n"


class CompiledTemplates(BytecodeCache):
    """The compiled templates of a project's cache. Args: folder: the cache's."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._head = _MAGIC + _version()
        self._known: dict[str, bytes] = {}
        self._new = False
        body = None if cache_is_off() else read_cache(self._path, self._head)
        if body is not None:
            self._known = marshal.loads(body)

    def environment(self) -> partial[jinja2.Environment]:
        """Makes what templates run in."""
        return partial(jinja2.Environment, bytecode_cache=self)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Rule: Jinja2, `BytecodeCache`; the bucket refuses what isn't of its template's text."""
        known = self._known.get(bucket.key)
        if known is not None:
            bucket.bytecode_from_string(known)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Rule: Jinja2, `BytecodeCache`."""
        self._known[bucket.key] = bucket.bytecode_to_string()
        self._new = True

    def save(self) -> None:
        """Write down what was compiled anew, if anything was."""
        if self._new and not cache_is_off():
            write_cache(self._path, self._head, marshal.dumps(self._known))


def _version() -> bytes:
    """Digest of what compiled code depends on beside its template: constants are folded with our filters."""
    digest = hashlib.sha256(f"{sys.version}\0{jinja2.__version__}\0".encode())
    for path in sorted(Path(orchestrator.rendering.__path__[0]).glob("*.py")):
        digest.update(f"{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.digest()
