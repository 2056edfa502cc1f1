"""Loading other people's libraries without the parts that they load at their head and that nothing here calls.

torchvision and timm load torch's compiler, which takes as long as torch itself; pytorch-grad-cam loads Matplotlib, and
scikit-learn with pandas. Every server, command and worker would wait two or three seconds for them.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

LOADING = threading.RLock()  # whoever loads one of these parts for itself holds it, lest it meet a stand-in


class _StandIn(ModuleType):
    """Stands in a module's place while others load: what they take from it loads the module when it is called."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return getattr(import_module(self.__name__), name)(*args, **kwargs)

        return call


@contextmanager
def without(*names: str) -> Iterator[dict[str, ModuleType]]:
    """Let stand-ins take the places of modules, for as long as others load.

    Args:
        names: Dotted names, a package before its modules. Where the first is loaded already, all stay as they are.

    Yields:
        The stand-ins by name; none where nothing needed to stand in.
    """
    with LOADING:
        placed = {} if names[0] in sys.modules else {name: _StandIn(name) for name in names}
        for name, module in placed.items():
            above, _, own = name.rpartition(".")
            if above in placed:
                setattr(placed[above], own, module)
        sys.modules.update(placed)
        try:
            yield dict(placed)
        finally:
            for name in placed:
                sys.modules.pop(name, None)


def load_timm() -> ModuleType:
    """Return timm, which registers its networks as it loads, without torch's compiler.

    The compiler loads when somebody asks for it, as an optimiser does.
    """
    import torch._compile

    with without("torch._dynamo", "torch._dynamo.utils") as placed:
        for module in placed.values():

            def disable(fn: Callable[..., Any], recursive: bool = True, **_: object) -> Callable[..., Any]:
                return torch._compile._disable_dynamo(fn, recursive)  # as torch itself puts it off

            module.disable = disable  # type: ignore[attr-defined]
        return import_module("timm")


def load_grad_cam() -> ModuleType:
    """Return pytorch-grad-cam without what only its figures and its factorisations use."""
    with without("sklearn", "sklearn.decomposition"), without("matplotlib", "matplotlib.pyplot", "matplotlib.lines"):
        return import_module("pytorch_grad_cam")
