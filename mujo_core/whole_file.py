"""Files that are written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a path to write to, which becomes `path` once everything is written.

    Until then, and for good when the writing fails, `path` stays as it was; its folder is made.
    What is no regular file (``/dev/stdout``) is written to directly.

    Raises:
        OSError: it cannot be written; one line with its name and what to do.
    """
    path = Path(path)
    direct = path.exists() and not path.is_file()
    # Beside it, so that it can be renamed; with its suffix, by which writers choose the format.
    part = path if direct else path.with_name(f'.part.{path.name}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if not direct:
            part.replace(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise OSError(f'cannot write {path}: {why}; make room or name another place') from error
    finally:
        if not direct:
            part.unlink(missing_ok=True)
