"""`mujo evaluate_bag`: score what is recognized in a bag against ground truth, offline."""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from mujo_core.cli.report import print_table, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument('bag', help='a folder with metadata.yaml, a .mcap or a .db3 file')
    parser.add_argument(
        '--truth',
        default='',
        metavar='FILE',
        help='start,end,label in seconds from the first header stamp, or '
        'start_stamp,end_stamp,label (default: BAG.labels.csv, else the topic)',
    )
    parser.add_argument(
        '--truth-topic', default='/truth', help='std_msgs/String that says it (default: /truth)'
    )
    parser.add_argument('--checkpoint', help='checkpoint folder (default: the packaged one)')
    parser.add_argument('--taught', metavar='FILE', help='of mujo teach, whose labels are said too')
    parser.add_argument('--skeleton', default='', help='topic (default: the first PointCloud2)')
    parser.add_argument(
        '--imu',
        nargs='+',
        default=[],
        metavar='PLACEMENT=TOPIC',
        help='of IMUs (default: every Imu topic, placement by its name)',
    )
    parser.add_argument(
        '--camera',
        default='',
        metavar='TOPIC',
        help='images for pose estimation where there is no skeleton, and for a checkpoint that '
        'sees video (default: the first such topic; off: none)',
    )
    parser.add_argument(
        '--horizontal-fov',
        type=float,
        default=1.15,
        metavar='RAD',
        help='of a camera without camera_info (default: 1.15)',
    )
    parser.add_argument('--layout', default='', help="the skeleton's (default: by its joints)")
    parser.add_argument('--up', default='auto', help="axis of the skeleton's frame, or auto")
    parser.add_argument('--camera-pitch', type=float, default=0.0, help='looks down so much, rad')
    parser.add_argument('--rate', type=float, default=10.0, help='ticks a second (default: 10)')
    parser.add_argument(
        '--against', metavar='FILE', help='/activity of a live run, a message a line: do both agree'
    )
    parser.add_argument('--report', metavar='DIR', help='write scores.json and pictures')
    parser.add_argument('--json', metavar='FILE', help='write the figures')


def run(options: argparse.Namespace, _: list[str]) -> int:
    """Play the bag, score it, print and write."""
    imus = _imus(options.imu)
    _check(options)
    # Before torch is loaded; how fast a bag is scored is said of one core.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    from mujo_core.evaluation.agreement import agreement, read_answers
    from mujo_core.evaluation.bag import describe_bag, read_bag
    from mujo_core.evaluation.bag_play import play
    from mujo_core.evaluation.bag_truth import truth_of
    from mujo_core.evaluation.track import make_track, score_track
    from mujo_core.evaluation.track_report import score_lines, score_rows, write_track
    from mujo_core.recognition.recognizer import Recognizer

    # A bag that cannot be played is refused before the model is loaded.
    describe_bag(options.bag, options.skeleton, imus, options.layout, options.camera)
    recognizer = Recognizer(options.checkpoint, taught=options.taught)
    recognizer.warm_up()
    taught = {name: found.label for name, found in recognizer.taught.items()}
    known = {**recognizer.checkpoint.labels, **taught}
    labels = [name for name, label in known.items() if not label.background]
    others = read_answers(options.against) if options.against else []

    started, worked = time.perf_counter(), time.process_time()
    bag = read_bag(
        options.bag, options.skeleton, imus, options.layout, options.truth_topic, options.camera
    )
    truth = truth_of(bag, options.truth, options.truth_topic, labels, set(known) - set(labels))
    bag = _seen(bag, recognizer, options)
    activities = list(play(bag, recognizer, options.rate, options.up, options.camera_pitch))
    seconds = bag.end - bag.start
    speed = seconds / (time.perf_counter() - started)
    core_speed = seconds / (time.process_time() - worked)

    answers = [(activity.stamp, activity.label) for activity in activities]
    said = [(stamp - bag.start, label) for stamp, label in answers]
    track = make_track(truth, said, labels, seconds, options.rate)
    scores = {
        'bag': str(options.bag),
        'checkpoint': options.checkpoint or 'default',
        'seconds': round(seconds, 3),
        'streams': {name: len(samples.stamps) for name, samples in bag.streams.items()},
        'unused_topics': list(bag.unused),
        'refused': {n: s.refused for n, s in bag.streams.items() if s.refused},
        'answers': len(answers),
        'times_real_time': round(speed, 1),
        'times_real_time_of_a_core': round(core_speed, 1),
        **score_track(track),
    }
    if options.against:
        scores['agreement'] = agreement(others, answers, 1.0 / options.rate)
    write_json(scores, options.json)
    title = f'{Path(options.bag).name}: {seconds:.1f} s of {", ".join(bag.streams)}'
    print_table(title, ['', 'precision', 'recall', 'F1'], score_rows(scores))
    for line in score_lines(scores):
        print(line)
    print(
        f'{len(answers)} answers, {speed:.0f} times as fast as real time '
        f'({core_speed:.0f} times by the CPU time it took)'
    )
    for topic in bag.unused:
        print(f'left out: {topic} (a second one of its stream, or no placement in its name)')
    if options.against:
        print(_agreement_line(scores['agreement']))
    if options.report:
        write_track(track, scores, options.report)
        print(f'report in {options.report}')
    return 0


def _seen(bag: Any, recognizer: Any, options: argparse.Namespace) -> Any:
    """The bag with what its camera gives: a skeleton where it has none, a model's frames."""
    from mujo_core.evaluation.bag_camera import add_frames, add_skeleton

    camera, view = options.camera, options.horizontal_fov
    if bag.images is not None:
        try:
            bag = add_skeleton(bag, camera, view)
        except ImportError as error:
            if camera or not bag.streams:
                raise
            print(f'left out: {bag.images.topic} ({error})')
            bag = replace(bag, images=None)
    settings = recognizer.settings
    if 'video' in settings.modalities and camera != 'off':
        bag = add_frames(bag, settings.video, settings.video_rate, camera, view)
    return bag


def _agreement_line(found: dict) -> str:
    share = 'nothing to compare' if found['share'] is None else f'{100 * found["share"]:.2f} %'
    return (
        f'same label as the live run: {share} of {found["compared"]} answers '
        f'({found["alone"]} at times of which only that run has one)'
    )


def _imus(given: list[str]) -> dict[str, str]:
    pairs = [pair.partition('=') for pair in given]
    for placement, equals, topic in pairs:
        if not (placement and equals and topic):
            raise ValueError(
                f'expected --imu PLACEMENT=TOPIC such as right_wrist=/watch/imu, '
                f'{placement + equals + topic!r} came'
            )
    return {placement: topic for placement, _, topic in pairs}


def _check(options: argparse.Namespace) -> None:
    from mujo_core.layouts import LAYOUTS
    from mujo_core.upright import AXES

    if options.layout and options.layout not in LAYOUTS:
        raise ValueError(
            f'expected --layout out of {", ".join(sorted(LAYOUTS))}, {options.layout!r} came'
        )
    if options.up != 'auto' and options.up not in AXES:
        raise ValueError(f'expected --up out of auto, {", ".join(AXES)}, {options.up!r} came')
    if not 0.1 <= options.horizontal_fov <= 3.0:
        raise ValueError(
            f'expected --horizontal-fov from 0.1 to 3.0 rad, {options.horizontal_fov:g} came'
        )
    if not 0.1 <= options.rate <= 100.0:
        raise ValueError(f'expected --rate from 0.1 to 100 Hz, {options.rate:g} came')
