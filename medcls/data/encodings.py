"""The text of a table in whatever encoding it was saved: by its mark, its words, and the names of files it holds."""

from medcls.core.note import Note
from medcls.data.column_names import role_of
from medcls.data.labels import diseases_by_name
from medcls.data.lexicon import NEGATION
from medcls.data.separators import split_rows
from medcls.data.vocabulary import disease_of, words_of
from medcls.errors import BadData

_HEAD_CHARS = 4096
_SAMPLE_CHARS, _NAMES_CHARS = 30_000, 10_000  # of each encoding tried
# Encodings tried where a table is neither UTF-8 nor UTF-16, likelier first; rare ones only where words speak for them.
_ENCODINGS = ("cp949", "cp932", "gb18030", "big5", "cp1252", "cp1251", "cp1250", "cp1254", "cp1253", "cp1256", "cp874")
_RARE = (
    *("euc_jp", "koi8_r", "mac_roman", "cp850", "cp866", "cp852", "cp437", "iso8859_2", "iso8859_7", "iso8859_8"),
    *("cp1255", "cp1258", "iso8859_5", "iso8859_6", "iso8859_9", "johab", "mac_cyrillic", "cp857", "cp737"),
)
_ESCAPED = {b"\x1b$)C": "iso2022_kr", b"\x1b$": "iso2022_jp_2"}  # what turns to another alphabet, in mail of old
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def decode(data: bytes, encoding: str, named: frozenset[str] = frozenset()) -> tuple[str, tuple[Note, ...]]:
    """Return a table's text, and how it was read where that is not plain.

    Args:
        data: The file.
        encoding: Its encoding; empty finds out.
        named: Words beyond ASCII that it may hold, each in its one form: they speak for an encoding.

    Raises:
        BadData: If it is not in the encoding that was asked for, or in none.
    """
    if encoding:
        try:
            return data.decode(encoding).removeprefix("\ufeff").replace("\0", ""), ()
        except (LookupError, UnicodeDecodeError) as error:
            raise BadData("data.encoding-wrong", found=encoding[:40]) from error
    for mark, name in _MARKS:
        if data.startswith(mark):
            noted = () if name == "utf-8-sig" else (Note("data.table-encoding", encoding=name.upper()),)
            return data.decode(name, "replace"), noted
    if data[:2000].count(0) > len(data[:2000]) // 20:
        name = "utf-16-le" if data[1:2000:2].count(0) >= data[:2000:2].count(0) else "utf-16-be"
        return data.decode(name, "replace"), (Note("data.table-encoding", encoding="UTF-16"),)
    data = data.replace(b"\0", b"")
    for escape, name in _ESCAPED.items():
        if escape in data[:_HEAD_CHARS]:
            return data.decode(name, "replace"), (Note("data.table-encoding", encoding=name),)
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        return _guess(data, named)


def _guess(data: bytes, named: frozenset[str]) -> tuple[str, tuple[Note, ...]]:
    """Decode a table of an old encoding: the one in which its words are words, else the likeliest by its letters."""
    fitting = {}
    for name in (*_ENCODINGS, *_RARE):
        try:
            fitting[name] = data.decode(name)
        except UnicodeDecodeError:
            continue
    if not fitting:
        raise BadData("data.encoding-unknown")
    known = {name: _known_words(text) + _named_words(text, named) for name, text in fitting.items()}
    likeliest = "" if any(known.values()) else _likeliest(data, tuple(name for name in fitting if name not in _RARE))
    best = max(fitting, key=lambda name: (known[name], name == likeliest))  # the first of several
    return fitting[best], (Note("data.table-encoding-guessed", encoding=best),)


def _known_words(text: str) -> int:
    """Count the cells of a table that are words of a label in letters other than ASCII."""
    cells = {cell.strip(' "') for row in split_rows(text[:_SAMPLE_CHARS])[0][:2000] for cell in row}
    odd = [cell for cell in cells if cell and not cell.isascii() and len(cell) < 40]
    whole = diseases_by_name({cell: cell for cell in odd})
    words = {word for cell in odd for word in words_of(cell) if not word.isascii()}
    return sum(whole[cell] is not None and _is_told(cell) for cell in odd) + sum(map(_is_known, words))


def _named_words(text: str, named: frozenset[str]) -> int:
    """Count the words of files' names that a text holds."""
    return len(named.intersection(words_beyond_ascii(text[:_NAMES_CHARS]))) if named else 0


def words_beyond_ascii(text: str) -> set[str]:
    """Return the words of a text that are not of ASCII letters alone, each in its one form."""
    return {word for word in words_of(text) if not word.isascii()}


def _is_told(cell: str) -> bool:
    """Return whether what a cell says is not said by its words of ASCII letters alone."""
    plain = (words_of(piece) for piece in cell.split() if piece.isascii() or not piece.isalpha())
    return disease_of(" ".join(word for words in plain for word in words if word.isascii())) is None


def _is_known(word: str) -> bool:
    return word in NEGATION or disease_of(word) is not None or bool(role_of(word))


def _likeliest(data: bytes, names: tuple[str, ...]) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:100_000], cp_isolation=list(names)).best()
    return best.encoding if best else "cp1252"
