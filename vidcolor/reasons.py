"""What the system and libav report, in words that say what to do."""

from __future__ import annotations

import errno

import av

_OF_SYSTEM = {
    "ENOENT": ("no such file or folder", "check the name"),
    "EACCES": ("no permission", "change its rights or take another place"),
    "EPERM": ("no permission", "change its rights or take another place"),
    "EROFS": ("the disk can only be read", "take another place"),
    "EEXIST": ("something else has that name already", "remove it or take another name"),
    "ENOTDIR": ("a part of its path is a file, not a folder", "check the path"),
    "EISDIR": ("a folder, not a file", "name a file"),
    "ENOTEMPTY": ("the folder is not empty", "empty it or take another"),
    "ENOSPC": ("no space left on the disk", "make room and give the same command again"),
    "EDQUOT": ("the disk quota is used up", "make room and give the same command again"),
    "EFBIG": ("too large a file for its disk", "take another disk"),
    "ENAMETOOLONG": ("the name is too long", "take a shorter one"),
    "EINVAL": ("its disk does not take such a name or file", "take another"),
    "EILSEQ": ("its disk does not take such a name", "take another"),
    "EIO": ("the disk cannot be read or written there", "check it"),
    "ELOOP": ("a link that leads back to itself", "check the link"),
    "EMFILE": ("too many files are open", "raise the limit (ulimit -n)"),
    "ENFILE": ("too many files are open", "close other programs"),
    "ENOMEM": ("out of memory", "close other programs or take a smaller `size`"),
    "EBUSY": ("in use by another program", "close that first"),
    "ETXTBSY": ("in use by another program", "close that first"),
    "ESTALE": ("its network drive does not answer", "connect it again"),
    "ENOTCONN": ("its network drive does not answer", "connect it again"),
    "ETIMEDOUT": ("its network drive does not answer", "connect it again"),
    "ENXIO": ("not a regular file", "name another"),
    "ENODEV": ("not a regular file", "name another"),
}
_SYSTEM = {getattr(errno, name): words for name, words in _OF_SYSTEM.items() if hasattr(errno, name)}
_LIBAV: dict[type[Exception], tuple[str, str]] = {
    av.error.InvalidDataError: ("damaged, or not of the kind that its name says", "check that it plays"),
    av.error.EOFError: ("it ends too early", "copy it again"),
    av.error.DecoderNotFoundError: ("ffmpeg has no decoder for it here", "convert it to another kind first"),
    av.error.DemuxerNotFoundError: ("ffmpeg does not know this kind of file", "convert it to another kind first"),
    av.error.EncoderNotFoundError: ("ffmpeg has no such encoder here", "take another `codec`"),
    av.error.MuxerNotFoundError: ("ffmpeg cannot write this kind of file", "take another ending"),
    av.error.ProtocolNotFoundError: ("not a file on this machine", "copy it to this machine first"),
    av.error.PatchWelcomeError: ("of a kind that ffmpeg cannot handle", "convert it to another kind first"),
    av.error.NotImplementedError: ("of a kind that ffmpeg cannot handle", "convert it to another kind first"),
    av.error.PermissionError: ("ffmpeg cannot handle it", "convert it to another kind first"),  # EPERM: "no", mostly
    av.error.ArgumentError: ("ffmpeg cannot handle it", "convert it to another kind or take another `codec`"),
    av.error.ExternalError: ("a library of ffmpeg's failed on it", "take another `codec`"),
}


def reason(error: BaseException, remedy: str = "") -> str:
    """Why something failed, and the remedy: that of the caller where there is one. What has no words here is quoted."""
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
