"""The report as one HTML file that needs nothing else: pictures inside, no script, no address."""

from base64 import b64encode
from html import escape

import numpy as np

from medcls.exits import pictures
from medcls.exits.case import Case, Mode
from medcls.exits.sheet import Bar, Part, Sheet, sheet_of
from medcls.words import say

_STYLE = """
:root{color-scheme:light}
body{font:14px/1.4 system-ui,-apple-system,'Segoe UI','Noto Sans','Malgun Gothic',sans-serif;
max-width:60rem;margin:0 auto;padding:1rem;color:#22262b;background:#fff}
h1{font-size:1.25rem;margin:.2rem 0}h2{font-size:.95rem;margin:.9rem 0 .2rem}
.notice{background:#22262b;color:#fff;padding:.3rem .6rem;font-weight:600;
-webkit-print-color-adjust:exact;print-color-adjust:exact}
.pictures{display:flex;flex-wrap:wrap;gap:.6rem;background:#0b0d10;padding:.6rem;
-webkit-print-color-adjust:exact;print-color-adjust:exact}
figure{margin:0;flex:1 1 18rem}figure img{width:100%;height:auto;display:block}figcaption{color:#c9d1d9;font-size:.8rem}
.views{margin-top:.6rem}.views figure{flex:0 1 13rem}
.answer{font-size:1.6rem;font-weight:650}
.bar{display:grid;grid-template-columns:12rem 1fr 4rem;gap:.5rem;align-items:center}
.bar i{display:block;height:.6rem;background:#1f6f8b;-webkit-print-color-adjust:exact;print-color-adjust:exact}
ul{margin:0;padding-left:1.1rem}li{overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0}h2{break-after:avoid}figure{break-inside:avoid}}
"""


def make(case: Case, mode: Mode) -> bytes:
    """Return the report as one HTML file in UTF-8.

    Args:
        case: The case, having passed the gate.
        mode: `record` or `others`.
    """
    sheet = sheet_of(case, mode)
    body = "".join(
        (_head(sheet), _pictures(case), _answer(sheet), _views(case), *(_part(part) for part in sheet.parts))
    )
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(sheet.title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}<p class=notice>{escape(sheet.notice)}</p></body></html>\n"
    )
    return page.encode("utf-8")


def _head(sheet: Sheet) -> str:
    who = _part(sheet.patient) if sheet.patient else ""
    return f"<p class=notice>{escape(sheet.notice)}</p><h1>{escape(sheet.title)}</h1>{who}"


def _pictures(case: Case) -> str:
    heatmap = pictures.heatmap_picture(case)
    shown = [(say("exits.picture-scan"), pictures.scan_picture(case))]
    shown += [(say("exits.picture-heatmap"), heatmap)] if heatmap is not None else []
    return f"<div class=pictures>{''.join(_figure(caption, picture) for caption, picture in shown)}</div>"


def _views(case: Case) -> str:
    shown = "".join(_figure(caption, picture) for caption, picture in pictures.captioned_views(case))
    return f"<div class='pictures views'>{shown}</div>" if shown else ""


def _figure(caption: str, picture: np.ndarray) -> str:
    data = b64encode(pictures.to_png(picture)).decode("ascii")
    words = escape(caption)
    return f'<figure><img alt="{words}" src="data:image/png;base64,{data}"><figcaption>{words}</figcaption></figure>'


def _answer(sheet: Sheet) -> str:
    bars = "".join(_bar(bar) for bar in sheet.bars)
    return f"<p>{escape(sheet.lead)}<br><span class=answer>{escape(sheet.answer)}</span></p>{bars}"


def _bar(bar: Bar) -> str:
    return (
        f"<div class=bar><span>{escape(bar.name)}</span><i style='width:{100 * bar.share:.1f}%'></i>"
        f"<span>{escape(bar.shown)}</span></div>"
    )


def _part(part: Part) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in part.lines)
    return f"<h2>{escape(part.heading)}</h2><ul>{lines}</ul>"
