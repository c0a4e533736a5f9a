"""Errors of the system and of libav, in words that say what to do."""

from __future__ import annotations

import errno

import av

_OF_SYSTEM = {
    "ENOENT": ("no such file or folder", "check the name"),
    "EACCES": ("no permission", "change its permissions or choose another place"),
    "EPERM": ("no permission", "change its permissions or choose another place"),
    "EROFS": ("the disk is read-only", "choose another place"),
    "EEXIST": ("something else already has that name", "remove it or choose another name"),
    "ENOTDIR": ("part of its path is a file, not a folder", "check the path"),
    "EISDIR": ("a folder, not a file", "name a file"),
    "ENOTEMPTY": ("the folder is not empty", "empty it or choose another"),
    "ENOSPC": ("no space left on the disk", "free some space and run the same command again"),
    "EDQUOT": ("the disk quota is used up", "free some space and run the same command again"),
    "EFBIG": ("the file is too large for its disk", "use another disk"),
    "ENAMETOOLONG": ("the name is too long", "choose a shorter one"),
    "EINVAL": ("its disk does not allow such a name or file", "choose another"),
    "EILSEQ": ("its disk does not allow such a name", "choose another"),
    "EIO": ("the disk cannot be read or written there", "check the disk"),
    "ELOOP": ("a link that points back to itself", "check the link"),
    "EMFILE": ("too many files are open", "raise the limit (ulimit -n)"),
    "ENFILE": ("too many files are open", "close other programs"),
    "ENOMEM": ("out of memory", "close other programs or use a smaller `size`"),
    "EBUSY": ("in use by another program", "close that program first"),
    "ETXTBSY": ("in use by another program", "close that program first"),
    "ESTALE": ("its network drive does not answer", "reconnect it"),
    "ENOTCONN": ("its network drive does not answer", "reconnect it"),
    "ETIMEDOUT": ("its network drive does not answer", "reconnect it"),
    "ENXIO": ("not a regular file", "choose another"),
    "ENODEV": ("not a regular file", "choose another"),
}
_SYSTEM = {getattr(errno, name): words for name, words in _OF_SYSTEM.items() if hasattr(errno, name)}
_LIBAV: dict[type[Exception], tuple[str, str]] = {
    av.error.InvalidDataError: ("damaged, or not the kind of file that its name says", "check that it plays"),
    av.error.EOFError: ("it ends too early", "copy it again"),
    av.error.DecoderNotFoundError: ("ffmpeg has no decoder for it here", "convert it to another kind first"),
    av.error.DemuxerNotFoundError: ("ffmpeg does not know this kind of file", "convert it to another kind first"),
    av.error.EncoderNotFoundError: ("ffmpeg has no such encoder here", "use another `codec`"),
    av.error.MuxerNotFoundError: ("ffmpeg cannot write this kind of file", "choose another ending"),
    av.error.ProtocolNotFoundError: ("not a file on this machine", "copy it to this machine first"),
    av.error.PatchWelcomeError: ("a kind of file that ffmpeg cannot handle", "convert it to another kind first"),
    av.error.NotImplementedError: ("a kind of file that ffmpeg cannot handle", "convert it to another kind first"),
    av.error.PermissionError: ("ffmpeg cannot handle it", "convert it to another kind first"),  # EPERM: "no", mostly
    av.error.ArgumentError: ("ffmpeg cannot handle it", "convert it to another kind or use another `codec`"),
    av.error.ExternalError: ("a library that ffmpeg uses failed on it", "use another `codec`"),
}


def reason(error: BaseException, remedy: str = "") -> str:
    """Why something failed and what to do about it: `remedy`, or else the usual one. Errors unknown here are quoted."""
    words, usual = _words(error)
    return "; ".join(filter(None, [words, remedy or usual]))


def _words(error: BaseException) -> tuple[str, str]:
    number = getattr(error, "errno", None)
    if isinstance(error, av.FFmpegError):
        denied = isinstance(error, av.error.PermissionError) and number == errno.EACCES
        for kind, words in _LIBAV.items():
            if isinstance(error, kind) and not denied:
                return words
    if isinstance(error, OSError | av.FFmpegError) and number in _SYSTEM:
        return _SYSTEM[number]
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f'"{" ".join(str(said).split())}"' + (" (ffmpeg's words)" if isinstance(error, av.FFmpegError) else ""), ""
