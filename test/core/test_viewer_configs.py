"""RViz and Foxglove show topics that the nodes publish."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

CONFIG = Path(__file__).parents[2] / 'config'


@pytest.fixture
def published():
    """Topics that the nodes may publish, by the SROS 2 policy."""
    topics = set()
    for profile in ElementTree.parse(CONFIG / 'sros2' / 'policy.xml').getroot().iter('profile'):
        for rules in profile.iter('topics'):
            if rules.get('publish'):
                name = profile.get('node')
                topics |= {'/' + t.text.replace('~', name).lstrip('/') for t in rules}
    return topics


def test_rviz_shows_what_is_published(published):
    config = yaml.safe_load((CONFIG / 'mujo.rviz').read_text())
    shown = {
        display['Topic']['Value']
        for display in config['Visualization Manager']['Displays']
        if 'Topic' in display
    }
    assert shown == {'/har_node/markers', '/har_node/overlay', '/skeleton'} <= published


def panels(layout):
    """Names of the panels in a layout's tree."""
    if isinstance(layout, str):
        return {layout}
    return panels(layout['first']) | panels(layout['second'])


def test_foxglove_shows_what_is_published(published):
    text = (CONFIG / 'foxglove.json').read_text()
    config = json.loads(text)
    assert panels(config['layout']) == set(config['configById'])
    by_id = config['configById']
    shown = {
        *by_id['3D!markers']['topics'],
        by_id['Image!overlay']['imageMode']['imageTopic'],
        by_id['RawMessages!activity']['topicPath'].partition('.')[0],
        by_id['DiagnosticSummary!health']['topicToRender'],
        *(
            path['value'].partition('.')[0]
            for name in ('StateTransitions!label', 'Plot!confidence')
            for path in by_id[name]['paths']
        ),
    }
    assert shown <= published and '/activity/classification' in shown
