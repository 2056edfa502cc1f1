"""Heatmaps: where a network found evidence for a label, and how far to believe the picture.

`open_scan` runs the network once and keeps what one layer gave; `draw` turns that into a heatmap for any
label by any method of `METHODS`; `explain` and `predict_and_explain` do both. `faith` tests a heatmap,
`pointing` measures it against a lesion mask, `overlay` paints it.

Reading `METHODS` loads no torch: whoever lists the methods need not wait for it.
"""

from medcls.explain.method_table import METHODS, Method
from medcls.explain.watch import Stopped

__all__ = ["METHODS", "Method", "Stopped"]
