"""The one form of letters: nothing unseen in a text, one way to write a letter that keyboards write in several."""

import re
import unicodedata

# Marks of direction and joiners that cannot be seen, and what chooses how the letter before it is drawn.
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_AFTER_PLAIN = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d\ufe00-\ufe0f]+|[\u200c\u200d]+(?![^\x00-\x7f])")
# Letters that Arabic and Persian keyboards write in several ways; a dot over i that lower case leaves; ё.
_WRITTEN = str.maketrans({**dict.fromkeys("أإآٱ", "ا"), "ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه", "ـ": "", "ё": "е"})
_VOWELS = re.compile("[\u064b-\u0652\u0670\u093c]|(?<=i)\u0307")
_POINT_ZERO = re.compile(r"(\d+)\.0+")  # what a spreadsheet makes of a number
_ASCII = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})


def without_unseen(text: str) -> str:
    """Return a text without what cannot be seen; joiners that letters of other scripts need stay.

    Example:
        >>> without_unseen("benign\u200d"), len(without_unseen("خوش\u200cخیم"))
        ('benign', 7)
    """
    return text if text.isascii() else _AFTER_PLAIN.sub("", _UNSEEN.sub("", text))


def one_form(text: str) -> str:
    """Return a text in lower case with each letter in its one form: NFKC, wide letters as letters.

    Example:
        >>> one_form("İyi Huylu"), one_form("Ｔｅｓｔ") == "test", one_form("خبيث") == one_form("خبیث")
        ('iyi huylu', True, True)
    """
    if text.isascii():
        return text.lower()
    return _VOWELS.sub("", unicodedata.normalize("NFKC", text).casefold().translate(_WRITTEN))


def owner_form(name: str) -> str:
    """Return the one form of a patient's or a lesion's id, whatever its capitals, width and leading zeros.

    Example:
        >>> owner_form("Ｐ07") == owner_form("p07"), owner_form("007"), owner_form("7.0")
        (True, '7', '7')
    """
    form = one_form(name)
    form = number[1] if (number := _POINT_ZERO.fullmatch(form)) else form
    return form.lstrip("0") or "0" if form.isdecimal() else form


def ways_of_writing(word: str) -> frozenset[str]:
    """Return a word of Latin or Greek letters as it is, without its accents, and with `ae` for `ä`.

    Example:
        >>> sorted(ways_of_writing("bösartig")), sorted(ways_of_writing("złośliwy"))
        (['boesartig', 'bosartig', 'bösartig'], ['zlosliwy', 'złośliwy'])
    """
    word = one_form(word)
    if word.isascii() or not all(_has_accents(c) for c in word if c.isalpha()):
        return frozenset((word,))
    parted = unicodedata.normalize("NFD", word.translate(_ASCII))
    plain = "".join(c for c in parted if not unicodedata.combining(c))
    two = word.translate(_TWO_LETTERS)
    return frozenset((word, plain, *([two] if two.isascii() else [])))


def _has_accents(letter: str) -> bool:
    return "a" <= letter <= "z" or "\u00c0" <= letter <= "\u03ff" or "\u1e00" <= letter <= "\u1fff"
