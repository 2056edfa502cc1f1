"""A model, and the members of a mean, as one ZIP archive that `exchange.import_model` takes."""

import io
import zipfile

from medcls.exits.case import Mode
from medcls.exits.subjects import ModelFiles


def make(model: ModelFiles, mode: Mode) -> bytes:
    """Return a model's files as a ZIP archive; weights are stored as they are.

    Args:
        model: The files, having passed the gate.
        mode: `record` or `others`.

    Raises:
        OSError: If one of them cannot be read.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in model.folders:
            for name, text in model.texts[folder.id].items():
                archive.writestr(f"{folder.id}/{name}", text)
            for name, path in model.files[folder.id].items():
                stored = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
                archive.write(path, f"{folder.id}/{name}", stored)
    return out.getvalue()
