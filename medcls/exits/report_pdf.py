"""The report as a PDF, A4: one page where it fits, the notice at head and foot and across every page.

The same case and time give the same bytes: the only time in the file is the report's own.
"""

from importlib.resources import as_file, files

import numpy as np
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from PIL import Image

from medcls import __version__
from medcls.exits import pictures
from medcls.exits.case import Case, Mode
from medcls.exits.sheet import Part, Sheet, sheet_of
from medcls.words import say

_MARGIN_MM, _WIDTH_MM, _HEIGHT_MM = 12.0, 186.0, 297.0  # of A4 between the margins; the page's height
_PICTURES_MM, _VIEWS_MM, _VIEWS = 72.0, 40.0, 4  # heights of a row of pictures and of one of further views; views in it
_FONTS = (("sans", "", "sans"), ("sans", "B", "sans-bold"), ("other", "", "other"))  # family, style, file
_RARE = "hanja"  # family and file: Chinese characters of Korea's KS X 1001, and kana; read only where a text needs it
_NO_LETTER = "□"  # stands for a letter that no font here has
_SIZES = (1.0, 0.94, 0.88)  # of letters and pictures, tried until the report is one page: the last is 7 pt
_INK, _QUIET, _ACCENT, _BLACK = (34, 38, 43), (110, 116, 122), (31, 111, 139), (11, 13, 16)


def make(case: Case, mode: Mode) -> bytes:
    """Return the report as a PDF.

    Args:
        case: The case, having passed the gate.
        mode: `record` or `others`.
    """
    sheet = sheet_of(case, mode)
    first = _drawn(sheet, case, _SIZES[0])
    smaller = (_drawn(sheet, case, size) for size in _SIZES[1:]) if first.page_no() > 1 else ()
    pdf = next((one for one in smaller if one.page_no() == 1), first)
    return bytes(pdf.output())


def _drawn(sheet: Sheet, case: Case, size: float) -> "_Page":
    pdf = _Page(sheet, case, size)
    pdf.add_page()
    _title(pdf, sheet)
    _pictures(pdf, case)
    _answer(pdf, sheet)
    _views(pdf, case)
    for part in sheet.parts:
        _part(pdf, part)
    return pdf


class _Page(FPDF):
    """An A4 page with the notice at its head, at its foot and, faintly, all over it."""

    def __init__(self, sheet: Sheet, case: Case, size: float) -> None:
        super().__init__("P", "mm", "A4")
        self.sheet, self.size = sheet, size
        self.set_creation_date(case.made_at)
        self.set_title(sheet.title)
        self.set_producer(f"medcls {__version__}")
        self.set_lang("en")
        self.set_margins(_MARGIN_MM, _MARGIN_MM)
        self.set_auto_page_break(True, 16)
        self._letters: set[int] = set()
        for family, style, name in _FONTS:
            self._read_font(family, style, name)
        self.set_fallback_fonts(["other", "sans"], exact_match=False)

    def _read_font(self, family: str, style: str, name: str) -> None:
        with as_file(files("medcls.exits").joinpath(f"fonts/{name}.ttf")) as path:
            self.add_font(family, style, path)
        self._letters.update(self.fonts[family + style].cmap)  # type: ignore[union-attr]

    def known(self, text: str) -> str:
        """Return a text with a box for every letter that no font here has: none goes missing without a trace."""
        if _RARE not in self.fonts and any(not self._has(one) for one in text):
            self._read_font(_RARE, "", _RARE)
            self.set_fallback_fonts(["other", "sans", _RARE], exact_match=False)
        return "".join(one if self._has(one) else _NO_LETTER for one in text)

    def _has(self, letter: str) -> bool:
        return ord(letter) in self._letters or letter.isspace()

    def header(self) -> None:
        """Write the notice over the page and at its head."""
        self._across()
        self._notice(_MARGIN_MM - 5)
        self.set_y(_MARGIN_MM + 3)

    def footer(self) -> None:
        """Write the notice and the page's number at the foot."""
        self._notice(_HEIGHT_MM - 12)

    def _notice(self, y: float) -> None:
        self.set_xy(_MARGIN_MM, y)
        self.set_fill_color(*_INK)
        self.set_text_color(255, 255, 255)
        self.set_font("sans", "B", 8.5)
        self.cell(
            _WIDTH_MM,
            5.5,
            say("exits.page", {"notice": self.sheet.notice, "n": self.page_no(), "of": "{nb}"}),
            fill=True,
            align="C",
        )

    def _across(self) -> None:
        """Write the notice slanted and faint over the whole page: a cut-out takes a piece of it along."""
        self.set_font("sans", "B", 22)
        self.set_text_color(236, 238, 240)
        step = self.get_string_width(self.sheet.notice) + 20
        with self.rotation(35, _WIDTH_MM / 2, _HEIGHT_MM / 2):
            for row in range(-9, 20):
                for column in range(-2, 3):
                    self.text(column * step - (row % 2) * step / 2, 24.0 * row, self.sheet.notice)


def _title(pdf: _Page, sheet: Sheet) -> None:
    pdf.set_text_color(*_INK)
    pdf.set_font("sans", "B", 13)
    pdf.multi_cell(_WIDTH_MM, 6, pdf.known(sheet.title), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    if sheet.patient:
        _part(pdf, sheet.patient)
    pdf.ln(1)


def _pictures(pdf: _Page, case: Case) -> None:
    """Draw scan and heatmap side by side, each with its caption."""
    heatmap = pictures.heatmap_picture(case)
    shown = [(say("exits.picture-scan"), pictures.scan_picture(case))]
    shown += [(say("exits.picture-heatmap"), heatmap)] if heatmap is not None else []
    _row(pdf, shown, 2, _PICTURES_MM * pdf.size)


def _views(pdf: _Page, case: Case) -> None:
    """Draw further views, smaller, with the number that the words below call them by."""
    shown = pictures.captioned_views(case)
    for start in range(0, len(shown), _VIEWS):
        if pdf.get_y() + _VIEWS_MM > _HEIGHT_MM - 20:
            pdf.add_page()
        _row(pdf, shown[start : start + _VIEWS], _VIEWS, _VIEWS_MM)


def _row(pdf: _Page, shown: list[tuple[str, np.ndarray]], places: int, tall: float) -> None:
    """Draw pictures with captions in a row on black.

    Args:
        pdf: The page.
        shown: Caption and picture of each.
        places: How many fill the row.
        tall: The row's height, in mm.
    """
    top, wide = pdf.get_y(), _WIDTH_MM / places
    pdf.set_fill_color(*_BLACK)
    pdf.rect(_MARGIN_MM, top, wide * len(shown), tall, "F")
    for place, (caption, picture) in enumerate(shown):
        left, (height, width) = _MARGIN_MM + place * wide, picture.shape[:2]
        scale = min((wide - 4) / width, (tall - 8) / height)
        x, y = left + (wide - width * scale) / 2, top + 2 + (tall - 8 - height * scale) / 2
        pdf.image(Image.fromarray(picture), x, y, width * scale, height * scale, alt_text=caption)
        pdf.set_font("sans", "", 7.5)
        pdf.set_text_color(201, 209, 217)
        pdf.set_xy(left + 2, top + tall - 5.5)
        pdf.cell(wide - 4, 4, caption, align="C")
    pdf.set_y(top + tall + 2)


def _answer(pdf: _Page, sheet: Sheet) -> None:
    """Write the answer and a bar for each label beside it."""
    top = pdf.get_y()
    pdf.set_text_color(*_QUIET)
    pdf.set_font("sans", "", 9)
    pdf.cell(70, 4.5, sheet.lead, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_text_color(*_INK)
    pdf.set_font("sans", "B", 17)
    pdf.multi_cell(70, 8, pdf.known(sheet.answer), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    left, bottom = _MARGIN_MM + 75, pdf.get_y()
    for i, bar in enumerate(sheet.bars):
        y = top + 5.5 * i
        pdf.set_font("sans", "", 9)
        pdf.set_xy(left, y)
        pdf.cell(40, 5, bar.name)
        pdf.set_fill_color(*_ACCENT)
        pdf.rect(left + 41, y + 1.2, max(0.3, 50 * bar.share), 2.6, "F")
        pdf.set_xy(left + 93, y)
        pdf.cell(18, 5, bar.shown)
    pdf.set_xy(_MARGIN_MM, max(bottom, top + 5.5 * len(sheet.bars)) + 1)


def _part(pdf: _Page, part: Part) -> None:
    size = pdf.size
    if pdf.get_y() > _HEIGHT_MM - 28 and size == 1:  # no heading alone at the foot
        pdf.add_page()
    pdf.set_text_color(*_ACCENT)
    pdf.set_font("sans", "B", 8.5 * size)
    pdf.cell(_WIDTH_MM, 4.6 * size, part.heading, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_text_color(*_INK)
    pdf.set_font("sans", "", 8 * size)
    for line in part.lines:
        pdf.multi_cell(_WIDTH_MM, 3.7 * size, pdf.known(line), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.ln(0.8 * size)
