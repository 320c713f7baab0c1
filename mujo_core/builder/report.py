"""A page by which a person judges a build: one file that needs nothing else."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from mujo_core.builder.drawing import histogram, signal_row, skeleton_row
from mujo_core.builder.shards import Stored
from mujo_core.builder.statistics import Statistics

_MOST_ROWS = 200
_POSES = 4
_PICTURE = 128  # pixels of a picture of a strip
_SHOWN_DEVICES = ('right_wrist', 'left_thigh', 'chest')
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:.6em 0}td,th{padding:.15em .8em .15em 0;text-align:left;
vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}
.sample{border-top:1px solid #ddd;padding:.8em 0}.sample img{height:128px;display:block}
.row{display:flex;flex-wrap:wrap;gap:.6em 1.6em}small{color:#666}svg{display:block}
"""
_MEANING = {
    'visible': 'share of joints seen',
    'bridged': 'share of joints bridged over a gap',
    'jitter': 'noise of a joint before smoothing, m',
    'bone_spread': 'spread of bone lengths, share',
    'height': 'height in the picture, pixels (0: motion capture)',
}


def report_page(content: dict[str, Any], statistics: Statistics) -> str:
    """Return the page as HTML.

    Args:
        content: what ``build.json`` holds.
    """
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f'<title>mujo build: {statistics.samples} clips</title><style>{_STYLE}</style>',
        f'<h1>{statistics.samples} clips, {statistics.seconds / 3600:.2f} hours</h1>',
        _table(_figures(content, statistics)),
        '<h2>Lengths and qualities</h2><div class="row">',
        _panel('length of a clip, s', statistics.lengths),
        *(_panel(_MEANING[name], values) for name, values in statistics.qualities.items()),
        '</div>',
        '<h2>Labels</h2>',
        _table([('label', 'clips', 'minutes')] + [
            (name or '(none)', str(count), f'{statistics.label_seconds[name] / 60:.1f}')
            for name, count in statistics.labels.most_common(_MOST_ROWS)
        ]),
        _more(len(statistics.labels)),
        '<h2>Samples</h2>',
        *(_sample(sample) for sample in statistics.shown),
        '<h2>Left out</h2>',
        _table([('reason (numbers taken out)', 'stretches')] + [
            (reason, str(count)) for reason, count in _reasons(content).most_common()
        ]),
        _table([('clip', 'from', 'to', 'reason')] + [
            (one['clip'], f'{one["start"]:.1f}',
             f'{one["end"]:.1f}' if one['end'] >= 0 else 'end', one['reason'])
            for one in content['left_out'][:_MOST_ROWS]
        ]),
        _more(len(content['left_out'])),
        '<h2>Failed</h2>',
        _table([('source or clip', 'reason')] + [
            (one['name'], one['reason']) for one in content['failures'][:_MOST_ROWS]
        ]) if content['failures'] else '<p>none</p>',
        _more(len(content['failures'])),
        '</html>\n',
    ]  # fmt: skip
    return '\n'.join(parts)


def _figures(content: dict[str, Any], statistics: Statistics) -> list[tuple[str, ...]]:
    ups = ', '.join(f'{count} by {name}' for name, count in statistics.ups.items() if name)
    return [
        ('sources', str(len(statistics.groups))),
        *((f'clips for {split}', str(count)) for split, count in statistics.splits.items()),
        *((f'clips of {kind.replace("_", " ")}', str(n)) for kind, n in statistics.kinds.items()),
        ('labels', str(sum(1 for name in statistics.labels if name))),
        ('words (different ones)', f'{statistics.words} ({len(statistics.vocabulary)})'),
        ('up direction found', ups or '-'),
        ('shards', str(len(content['shards']))),
        ('megabytes', f'{sum(shard["bytes"] for shard in content["shards"]) / 1e6:.1f}'),
        ('stretches left out', str(len(content['left_out']))),
        ('sources and clips that failed', str(len(content['failures']))),
    ]


def _sample(sample: Stored) -> str:
    facts, figures = sample.facts, sample.facts['quality']
    with np.load(io.BytesIO(sample.files['npz']), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if not name.startswith('video')}
    stamps, joints = arrays['skeleton/t'], arrays['skeleton/xyz']
    at = facts.get('strip') or list(np.linspace(0.1, 0.9, _POSES) * stamps[-1])
    poses = joints[np.clip(np.searchsorted(stamps, at), 0, len(stamps) - 1)]
    parts = [
        f'<div class="sample"><b>{escape(facts["words"] or "(no words)")}</b> '
        f'<small>{escape(facts["title"])}; label {escape(facts["label"] or "-")}; '
        f'{facts["end"] - facts["start"]:.1f} s of {escape(facts["file"])}, '
        f'person {facts["person"]}; '
        + ', '.join(f'{name} {figures[name]:.3g}' for name in figures)
        + f'</small><br><small>{escape(facts["description"])}'
        + (f' "{escape(" ".join(facts["captions"])[:300])}"' if facts['captions'] else '')
        + '</small><div class="row"><div>'
    ]
    if 'jpg' in sample.files:
        picture = base64.b64encode(sample.files['jpg']).decode()
        parts.append(f'<img alt="frames" src="data:image/jpeg;base64,{picture}">')
    # Each skeleton under its picture.
    width = _PICTURE * len(poses) if 'jpg' in sample.files else 4 * _PICTURE
    parts.append(skeleton_row(poses, width) + '</div>')
    for device in _SHOWN_DEVICES:
        if f'imu/{device}/t' in arrays:
            times = arrays[f'imu/{device}/t']
            parts.append(
                f'<div><small>{device}</small>'
                + signal_row(times, arrays[f'imu/{device}/acc'], 'm/s²', 300, 64)
                + signal_row(times, arrays[f'imu/{device}/gyro'], 'rad/s', 300, 64)
                + '</div>'
            )
    return ''.join(parts) + '</div></div>'


def _reasons(content: dict[str, Any]) -> Counter[str]:
    return Counter(
        ' '.join(
            word for word in one['reason'].split('(')[0].split() if not word[0].isdigit()
        ).strip()
        for one in content['left_out']
    )


def _panel(title: str, values: list[float]) -> str:
    low, middle, high = np.percentile(values, [10, 50, 90]) if values else (0.0, 0.0, 0.0)
    figures = f'{low:.3g}, {middle:.3g}, {high:.3g} (10th, 50th, 90th percentile)'
    return f'<div><small>{escape(title)}<br>{figures}</small>{histogram(values)}</div>'


def _more(count: int) -> str:
    return f'<p>... and {count - _MOST_ROWS} more in build.json</p>' if count > _MOST_ROWS else ''


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    cells = [
        '<tr>'
        + ''.join(
            f'<td class="n">{escape(cell)}</td>' if _is_number(cell) else f'<td>{escape(cell)}</td>'
            for cell in row
        )
        + '</tr>'
        for row in rows
    ]
    return f'<table>{"".join(cells)}</table>'


def _is_number(cell: str) -> bool:
    return cell.replace('.', '', 1).isdigit()
