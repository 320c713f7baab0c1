"""The figures of a soak beside their limits."""

from __future__ import annotations

from typing import Any

GROWTH_LIMIT, CALLBACKS_LIMIT = 8.0, 10.0  # MiB, percent of a core
ANSWERS_MISSING = 0.002  # share: clocks differ
LATENCY_LIMIT, LATENCY_RATE = 5.0, 10.0  # ms over the forward alone, held up to so many Hz


def exceeded(report: dict[str, Any]) -> list[str]:
    """One line for each limit that a `summary` does not keep."""
    lines = []
    if report['memory_mib']['growth'] > GROWTH_LIMIT:
        lines.append(f'memory grew by {report["memory_mib"]["growth"]:.1f} MiB')
    if report['missed']:
        lines.append(f'{report["missed"]} of {report["ticks"]} ticks missed')
    missing = report['expected_answers'] - report['answers']
    if missing > ANSWERS_MISSING * report['expected_answers'] + 1:
        lines.append(f'{missing} of {report["expected_answers"]} answers did not come')
    least = report['forward_ms']['p99']
    if report['rate'] <= LATENCY_RATE and report['age_ms']['p99'] > least + LATENCY_LIMIT:
        lines.append(
            f'p99 newest sample to /activity is {report["age_ms"]["p99"]:.1f} ms, '
            f'a forward alone {least:.1f} ms'
        )
    if report['cpu_percent']['callbacks'] > CALLBACKS_LIMIT:
        lines.append(f'callbacks took {report["cpu_percent"]["callbacks"]:.1f} % of a core')
    return lines


def show(report: dict[str, Any]) -> None:
    """Print a `summary` for people."""
    memory, cpu = report['memory_mib'], report['cpu_percent']
    print(
        f'{report["seconds"]:.0f} s at {report["rate"]:g} Hz, {report["answers"]} answers '
        f'(expected {report["expected_answers"]})'
    )
    print(
        f'memory        {memory["start"]:.1f} to {memory["end"]:.1f} MiB, '
        f'grew {memory["growth"]:.1f} (limit {GROWTH_LIMIT:g})'
    )
    print(f'ticks missed  {report["missed"]} of {report["ticks"]} (limit 0)')
    for what, key in (
        ('newest sample to /activity', 'age_ms'),
        ('tick to /activity', 'latency_ms'),
        ('a forward alone', 'forward_ms'),
    ):
        values = report[key]
        print(
            f'{what}: p50 {values["p50"]:.1f}, p99 {values["p99"]:.1f}, max {values["max"]:.1f} ms'
        )
    print(
        f'CPU           {cpu["all"]:.1f} % of a core, callbacks {cpu["callbacks"]:.1f} %'
        f' (limit {CALLBACKS_LIMIT:g})'
    )


def one_line(report: dict[str, Any]) -> str:
    """A `summary` in one line, for a table."""
    memory, age, cpu = report['memory_mib'], report['age_ms'], report['cpu_percent']
    return (
        f'{report["seconds"]:.0f} s at {report["rate"]:g} Hz: memory {memory["growth"]:+.1f} MiB, '
        f'{report["missed"]} of {report["ticks"]} ticks missed, newest sample to /activity '
        f'p50 {age["p50"]:.1f} p99 {age["p99"]:.1f} ms (a forward alone p99 '
        f'{report["forward_ms"]["p99"]:.1f}), CPU {cpu["all"]:.1f} %, '
        f'callbacks {cpu["callbacks"]:.1f} %'
    )
