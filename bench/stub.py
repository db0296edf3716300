"""app.py with the forward pass replaced by one that gives random features at once: everything else can be timed.

python bench/stub.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import app  # before torch: it imports spaces  # isort: skip
import torch


def forward(pixel_values: torch.Tensor) -> SimpleNamespace:
    """(k, 3, S, S) -> (k, d) random, where the model gives its own."""
    return SimpleNamespace(pooler_output=torch.randn(len(pixel_values), app.ENCODER.model.config.hidden_size))


app.ENCODER.model.forward = forward
app.main()
