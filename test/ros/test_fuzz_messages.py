"""Messages of any content: converted or refused with a kind, and nothing else is raised."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / 'fuzz'))
from messages import CONVERTERS, attempt

EXAMPLES = int(os.environ.get('MUJO_FUZZ_EXAMPLES', '200'))


@pytest.mark.parametrize('name', CONVERTERS)
def test_any_message_is_converted_or_refused(name):
    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)
    @given(st.binary(max_size=600))
    def judge(data):
        attempt(name, data)

    judge()
