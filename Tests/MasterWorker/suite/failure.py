"""How a check says that a promise is not kept."""


class Failed(Exception):
    """The subject does not keep the promise; the text says what was seen instead."""


class Unavailable(Exception):
    """This machine or user cannot try it; the text says what is missing."""


def expect(condition: object, seen: str) -> None:
    if not condition:
        raise Failed(seen)


def read(path: str) -> str:
    """The file's text, or nothing when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""
