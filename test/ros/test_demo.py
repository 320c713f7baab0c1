"""The whole demo, each part a process over real DDS."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from PIL import Image

HERE = Path(__file__).parent
FAKE_HAR_NODE = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
from fake_recognizer import FakeRecognizer
from mujo_ros.har_node import HarNode
from mujo_ros.run import run
sys.exit(run(lambda: HarNode(FakeRecognizer)))
"""
FIELDS = [
    'version', 'stamp', 'label', 'confidence', 'scores', 'unknown', 'modalities', 'coverage',
    'window', 'age', 'latency', 'event', 'person', 'video_time',
]  # fmt: skip


@pytest.fixture
def start(tmp_path):
    """Start the demo in a folder of its own; `har_node` is code that stands in for that node."""
    pytest.importorskip('mediapipe')
    processes = []

    def start(*arguments, har_node=''):
        script = tmp_path / 'fake_har_node.py'
        script.write_text(har_node)
        instead = f', har_node=[{str(script)!r}]' if har_node else ''
        code = (
            'import sys; from mujo_ros.demo.__main__ import main; '
            f'sys.exit(main(sys.argv[1:]{instead}))'
        )
        path = os.pathsep.join([str(HERE.parents[1]), os.environ.get('PYTHONPATH', '')])
        process = subprocess.Popen(
            [sys.executable, '-c', code, '--output', str(tmp_path / 'out'), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, 'PYTHONUNBUFFERED': '1', 'PYTHONPATH': path},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def left_in_domain(output):
    """Processes that still run in the domain that the demo named."""
    domain = re.search(r'ROS domain (\d+)', output).group(1)
    wanted = f'ROS_DOMAIN_ID={domain}'.encode()
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            variables = (folder / 'environ').read_bytes().split(b'\0')
            command = (folder / 'cmdline').read_bytes()
        except OSError:
            continue
        if wanted in variables and b'mujo_ros' in command:
            found.append(command)
    return found


def example():
    from mujo_ros.demo.source import sports2d_demo

    try:
        return sports2d_demo()
    except FileNotFoundError as error:
        pytest.skip(str(error))


def test_says_walk_and_ends_by_itself_with_all_results(start, tmp_path):
    example()
    process = start()
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    out = tmp_path / 'out'
    messages = [json.loads(line) for line in (out / 'activity.jsonl').read_text().splitlines()]
    assert len(messages) >= 30, errors
    for message in messages:
        assert list(message) == FIELDS
        assert 0.0 < message['video_time'] < 7.8
        start_of_video = message['stamp'] - message['video_time']
        assert start_of_video == pytest.approx(
            messages[0]['stamp'] - messages[0]['video_time'], abs=0.002
        )
    # The woman walks from 1.9 s to 6.0 s.
    walked = [m for m in messages if m['video_time'] - (m['stamp'] - m['window'][0]) >= 1.9]
    walked = [m['label'] for m in walked if m['video_time'] <= 6.0]
    assert len(walked) >= 5
    assert walked.count('walk') > 0.5 * len(walked)
    assert {'pose', 'imu'} == {m for message in messages for m in message['modalities']}

    summary = json.loads((out / 'summary.json').read_text())
    assert summary['messages'] == len(messages)
    assert sum(summary['labels'].values()) == len(messages)
    assert summary['frames'] == 230
    assert summary['rate_hz'] == pytest.approx(10.0, abs=1.0)
    latencies = sorted(message['latency'] for message in messages)
    assert latencies[0] <= summary['latency_s']['p50'] <= summary['latency_s']['p99']
    with av.open(str(out / 'annotated.mp4')) as video:
        assert video.streams.video[0].codec_context.name == 'h264'
        assert sum(1 for _ in video.decode(video=0)) == 230
    with Image.open(out / 'timeline.png') as picture:
        assert picture.size[0] > 1000
        assert len(picture.convert('RGB').getcolors(2**24)) > 1000

    for name in ('annotated.mp4', 'timeline.png', 'activity.jsonl', 'summary.json'):
        assert str(out / name) in output
    assert re.search(r'walk +\d\d%', output)
    assert errors == ''
    assert not left_in_domain(output)


def test_interrupted_it_keeps_what_it_has(start, tmp_path):
    process = start('--source', str(example()), har_node=FAKE_HAR_NODE)
    lines = []
    while not (lines and 'starting' in lines[-1]):
        lines.append(process.stdout.readline())
    frames = tmp_path / 'out' / 'log' / 'frames.txt'
    deadline = time.monotonic() + 240
    while not (frames.is_file() and len(frames.read_text().splitlines()) > 20):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert 20 < json.loads((tmp_path / 'out' / 'summary.json').read_text())['frames'] < 230
    assert not left_in_domain(''.join(lines) + output)


def test_a_process_that_dies_ends_it_with_one_line(start):
    example()
    process = start(har_node="import sys; sys.exit('the model is gone')")
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 1
    assert len(errors.splitlines()) == 1
    assert 'har_node ended with exit code 1, its last line: the model is gone' in errors
    assert not left_in_domain(output)


def test_a_source_that_is_no_video_is_refused_before_anything_starts(start, tmp_path):
    for name in ('missing.mp4', 'text.mp4'):
        (tmp_path / 'text.mp4').write_text('no video')
        process = start('--source', str(tmp_path / name))
        output, errors = process.communicate(timeout=200)
        assert process.returncode == 2
        assert name in errors.splitlines()[-1] and 'Traceback' not in errors
        assert 'starting' not in output
