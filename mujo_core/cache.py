"""Where results that are dear to compute are kept between runs."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def cache_dir() -> Path:
    """Return the user's cache folder: ``$MUJO_CACHE``, else ``$XDG_CACHE_HOME/mujo_ros``."""
    own = os.environ.get('MUJO_CACHE')
    if own:
        return Path(own).expanduser()
    shared = os.environ.get('XDG_CACHE_HOME')
    return (Path(shared) if shared else Path.home() / '.cache') / 'mujo_ros'


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that other processes see whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile's, which nobody else may read, whatever the umask says.
    working = path.with_name(f'.{path.name}.{secrets.token_hex(8)}')
    try:
        with working.open('xb') as file:
            file.write(data)
        os.replace(working, path)
    except OSError:
        working.unlink(missing_ok=True)
        raise
