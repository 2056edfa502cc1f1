"""medcls: several networks' answers on a medical scan, with what each answer is worth.

Importing this package loads neither torch nor streamlit; both cost seconds and most of the
library (reading models, evaluations and runs) needs neither.
"""

__version__ = "0.1.0"
