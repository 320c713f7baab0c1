"""When silence is said, and that it is said once."""

from mujo_ros.health import Finding, StreamHealth
from mujo_ros.silence import SilenceWatch


class Bench:
    """Two streams, a watch, and what it said."""

    def __init__(self):
        self.pose = StreamHealth('pose', 'skeleton', 0.2)
        self.imu = StreamHealth('imu/right_wrist', 'imu/right_wrist', 0.1)
        self.warnings, self.infos = [], []
        self.watch = SilenceWatch(
            {h.name: h for h in (self.pose, self.imu)},
            lambda health, now: Finding('silent', health.topic),
            self.warnings.append,
            self.infos.append,
            patience=3.0,
            now=0.0,
        )

    def run(self, start, end, *live):
        """Ticks at 10 Hz from `start` to before `end` while `live` deliver."""
        data = []
        for step in range(round((end - start) * 10)):
            now = start + step / 10
            for health in live:
                health.accept(now, now)
            data.append(self.watch.has_data(now))
        return data


def test_data_as_long_as_a_stream_delivered_within_a_second():
    bench = Bench()
    assert all(bench.run(1.0, 3.0, bench.pose))
    assert bench.run(3.0, 3.85) == [True] * 8
    assert bench.run(3.95, 5.0) == [False] * 10


def test_total_silence_is_one_warning_until_data_was_back():
    bench = Bench()
    bench.run(0.0, 2.0, bench.pose, bench.imu)
    bench.run(2.0, 60.0)
    assert bench.warnings == ['no data, so nothing is published: skeleton; imu/right_wrist']
    bench.run(60.0, 62.0, bench.imu)
    assert bench.infos == ['data again: imu/right_wrist']
    bench.run(62.0, 70.0)
    assert len(bench.warnings) == 2


def test_one_silent_stream_among_others_is_one_info_until_it_was_back():
    bench = Bench()
    bench.run(0.0, 2.0, bench.pose, bench.imu)
    bench.run(2.0, 30.0, bench.pose)
    assert bench.infos == ['going on without imu/right_wrist']
    bench.run(30.0, 32.0, bench.pose, bench.imu)
    bench.run(32.0, 40.0, bench.pose)
    assert bench.infos == ['going on without imu/right_wrist'] * 2
    assert bench.warnings == []


def test_publishers_may_take_five_seconds_to_start():
    bench = Bench()
    bench.run(0.0, 4.9)
    assert bench.warnings == []
    bench.run(4.9, 10.0)
    assert len(bench.warnings) == 1


def test_data_without_an_answer_is_said_once_when_it_lasts():
    bench = Bench()
    for step in range(100):
        bench.watch.answered(False, step / 10)
    assert len(bench.warnings) == 1 and 'too little data' in bench.warnings[0]
    bench.watch.answered(True, 10.0)
    bench.watch.answered(False, 10.1)
    bench.watch.answered(False, 13.0)
    assert len(bench.warnings) == 1
    bench.watch.answered(False, 13.2)
    assert len(bench.warnings) == 2


def test_gaps_delay_and_empty_samples():
    health = StreamHealth('pose', 'skeleton', 0.2)
    for stamp in (1.0, 1.1, 1.5, 1.3):  # the last one out of order: no gap
        health.accept(stamp, stamp + 0.25)
    assert (health.accepted, health.gaps, health.newest) == (4, 1, 1.5)
    assert abs(health.largest_gap - 0.4) < 1e-9 and abs(health.delay - 0.25) < 1e-9
    health.accept(2.0, 2.0, empty=True)
    health.accept(2.1, 2.1, empty=True)
    assert health.empty_since == 2.0
    health.accept(2.2, 2.2)
    assert health.empty_since is None
