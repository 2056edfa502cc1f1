"""Every mistake a user can make, as a sentence the user can act on.

A `MedclsError` is for people: pages show it where the result would have stood, the command line
prints it on one line. A bug raises anything else. No message may carry patient data: no file
names, no DICOM values; the caller who knows the name adds it when showing the error to the same user.
"""


class MedclsError(Exception):
    """A mistake in what the user gave, with what was found, what is allowed and what to do.

    Args:
        what: What could not be done, as the start of a sentence without a final stop.
        found: What was found instead.
        allowed: What would have been accepted.
        do: What to do now, as an imperative.

    Example:
        >>> print(MedclsError("This file cannot be read", found="0 bytes", do="Export it again"))
        This file cannot be read: found 0 bytes. Export it again.
    """

    def __init__(self, what: str, *, found: str = "", allowed: str = "", do: str = "") -> None:
        self.what, self.found, self.allowed, self.do = what, found, allowed, do
        super().__init__(what, found, allowed, do)

    def __str__(self) -> str:
        details = ", ".join(
            part for part in (self.found and f"found {self.found}", self.allowed and f"allowed {self.allowed}") if part
        )
        sentence = f"{self.what}: {details}." if details else f"{self.what}."
        return f"{sentence} {self.do}." if self.do else sentence


class BadScan(MedclsError):
    """A file that cannot be read as a scan: broken, foreign, encrypted or empty."""


class TooLarge(MedclsError):
    """An input above a limit that can be set; found out before it is decoded."""


class BadTask(MedclsError):
    """A task that is unknown or whose file is wrong."""


class BadModel(MedclsError):
    """A model that is unknown, damaged, unsafe to load, or does not fit what is asked of it."""


class BadData(MedclsError):
    """A labelled collection that cannot be used as asked."""


class BadSplit(BadData):
    """A split that leaks: the same group, patient or picture on both sides."""


class BadSpec(MedclsError):
    """A run asked for with values that cannot work."""


class RunFailed(MedclsError):
    """A run that stopped for a reason the user can mend (not a number, memory, disk)."""


class Conflict(MedclsError):
    """Something that is already there or being used by another process."""
