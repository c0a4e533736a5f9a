"""The one kind of error that a user sees: a single line, and exit code 2."""


class VidcolorError(Exception):
    """What is wrong, where, and the remedy, in one line.

    The command line prints it to stderr and exits with 2; the Python API lets it through.
    """


def warn(message: str) -> None:
    """Say `message` once on stderr as `vidcolor: ...`, above a running progress bar."""
    import sys

    from tqdm import tqdm

    if message not in _said:
        _said.add(message)
        tqdm.write(f"vidcolor: {message}", file=sys.stderr)


_said: set[str] = set()
