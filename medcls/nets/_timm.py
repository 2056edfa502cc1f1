"""timm, loaded before any file that registers a network with it: without torch's compiler."""

from medcls.lean import load_timm

load_timm()
