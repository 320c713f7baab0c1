"""What masked reconstruction hides of an input."""

from __future__ import annotations

import torch


def draw(
    shape: tuple[int, ...], like: torch.Tensor, generator: torch.Generator | None
) -> torch.Tensor:
    """Return uniform numbers on the device of `like`, 0..1."""
    device = generator.device if generator is not None else like.device
    return torch.rand(shape, generator=generator, device=device).to(like.device)


def hide_spans(
    present: torch.Tensor, share: float, spans: int, generator: torch.Generator | None
) -> torch.Tensor:
    """Hide stretches of time.

    Args:
        present: (..., T) bool, steps that may be hidden.
        share: of the time that the spans cover where they do not overlap, 0..1.
        spans: how many, of equal length.

    Returns:
        (..., T) bool, True where hidden.
    """
    *rows, steps = present.shape
    length = max(1, round(share * steps / spans))
    start = draw((*rows, spans), present, generator) * (steps - length + 1)
    at = torch.arange(steps, device=present.device)
    offset = at - start.floor().unsqueeze(-1)
    return ((offset >= 0) & (offset < length)).any(dim=-2) & present


def hide_parts(
    present: torch.Tensor, share: float, generator: torch.Generator | None
) -> torch.Tensor:
    """Hide whole parts (joints, devices) of a window, but never all that it has.

    Args:
        present: (B, P) bool, parts that the window has.
        share: of the parts, on average, 0..1.

    Returns:
        (B, P) bool, True where hidden.
    """
    number = draw(tuple(present.shape), present, generator).masked_fill(~present, -1.0)
    spared = number == number.max(dim=1, keepdim=True).values
    return (number < share) & present & ~spared
