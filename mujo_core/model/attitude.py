"""How a device turned within a window, found from its own samples: the level frame.

The gyroscope's turns are chained into an attitude relative to the first step; in that frame the
mean specific force points up, since a limb that ends near where it began has hardly any mean
acceleration. No filter state is needed, so that a window means the same wherever it was cut.
"""

from __future__ import annotations

import torch
from torch.nn import functional


def _hamilton() -> torch.Tensor:
    """Return (16, 4): what each product of two parts (w, x, y, z) adds to each part of one."""
    table = torch.zeros(4, 4, 4)
    for i in range(4):
        table[0, i, i] = table[i, 0, i] = 1.0
    for i, j, k in ((1, 2, 3), (2, 3, 1), (3, 1, 2)):
        table[i, i, 0] = -1.0
        table[i, j, k], table[j, i, k] = 1.0, -1.0
    return table.flatten(0, 1)


_HAMILTON = _hamilton()


def quaternion_product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the Hamilton product of (..., 4) quaternions (w, x, y, z)."""
    # Few operations, since for a window alone it is their number that takes time.
    return (a.unsqueeze(-1) * b.unsqueeze(-2)).flatten(-2) @ _HAMILTON.to(a)


def rotate(q: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Turn (..., 3) vectors by (..., 4) unit quaternions."""
    twice = 2.0 * torch.cross(q[..., 1:], v, dim=-1)
    return v + q[..., :1] * twice + torch.cross(q[..., 1:], twice, dim=-1)


def chain(rotation: torch.Tensor, rate: float) -> torch.Tensor:
    """Return (N, T, 4): the attitude at each step relative to the first, device to first device.

    Args:
        rotation: (N, T, 3) angular velocity in the device's axes, rad/s.
        rate: steps a second, Hz.
    """
    middle = torch.zeros_like(rotation)
    middle[:, 1:] = (rotation[:, 1:] + rotation[:, :-1]) / 2
    half = middle / (2.0 * rate)
    angle = half.norm(dim=-1, keepdim=True)
    q = torch.cat([angle.cos(), half * torch.sinc(angle / torch.pi)], dim=-1)
    # Prefix products by doubling: log2(T) products instead of T in a row.
    stride = 1
    while stride < q.shape[1]:
        q = torch.cat([q[:, :stride], quaternion_product(q[:, :-stride], q[:, stride:])], dim=1)
        stride *= 2
    return functional.normalize(q, dim=-1)


def level(
    acceleration: torch.Tensor, rotation: torch.Tensor, seen: torch.Tensor, rate: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return acceleration, rotation and the device's x axis in the level frame, (N, T, 3) each.

    z is up; x is the horizontal direction in which the device's x axis points on the whole, so
    that neither the heading of the body nor a turn of the device about its x axis (a strap that
    slipped around the limb) changes anything.

    Args:
        acceleration: (N, T, 3) with gravity, any unit, 0 where not seen.
        rotation: (N, T, 3) rad/s, 0 where not seen.
        seen: (N, T) bool.
        rate: steps a second, Hz.
    """
    attitude = chain(rotation, rate)
    x = torch.zeros_like(rotation)
    x[..., 0] = 1.0
    # All three at once: for a window alone it is the number of operations that takes time.
    parts = torch.stack([acceleration, rotation, x], dim=-2)
    found = rotate(attitude.unsqueeze(-2), parts)
    force, _, axis = found.unbind(dim=-2)
    weight = seen.unsqueeze(-1).to(force.dtype)
    up = functional.normalize((force * weight).sum(dim=1, keepdim=True), dim=-1)
    pointing = (axis * weight).sum(dim=1, keepdim=True)
    ahead = pointing - (pointing * up).sum(dim=-1, keepdim=True) * up
    ahead = functional.normalize(ahead, dim=-1)
    left = torch.cross(up, ahead, dim=-1)
    frame = torch.cat([ahead, left, up], dim=1)
    turned = (found.flatten(1, 2) @ frame.transpose(1, 2)).view_as(found)
    return turned[:, :, 0], turned[:, :, 1], turned[:, :, 2]
