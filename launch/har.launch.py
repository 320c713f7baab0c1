"""Starts `har_node` and, for a camera, `pose_node`, and brings them up by lifecycle events.

`ros2 launch mujo_ros har.launch.py --show-args` lists the arguments.
"""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.action import Action
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    IncludeLaunchDescription,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessStart
from launch.events import matches_action
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

from launch import LaunchContext, LaunchDescription

HERE = Path(__file__).parent
CONFIG = Path(get_package_share_directory('mujo_ros')) / 'config'

# name, default, description
ARGUMENTS = (
    ('params_file', str(CONFIG / 'har.yaml'), 'YAML file with the parameters of both nodes'),
    ('namespace', '', 'Namespace of nodes and topics, for one of several people or robots'),
    ('use_pose_node', 'true', 'Start pose_node, which makes the skeleton from the camera'),
    ('skeleton_topic', 'skeleton', 'Topic of the skeleton (sensor_msgs/PointCloud2)'),
    ('camera_topic', 'camera/image_raw', 'Topic of the camera; compressed images are below it'),
    ('camera_info_topic', '', 'Topic of its calibration; empty: camera_info beside camera_topic'),
    ('image_transport', '', 'Images of the camera: raw or compressed; empty: as in params_file'),
    ('autostart', 'true', 'Configure and activate the nodes; false for a lifecycle manager'),
    ('respawn', 'false', 'Start and bring up a node anew, 2 s after its process has ended'),
    ('use_sim_time', 'false', 'Take the time from /clock'),
    ('enclaves', '', 'Where the SROS 2 enclaves of the nodes are, such as /mujo_ros'),
    ('rviz', 'false', 'Show skeleton, label and overlay in RViz'),
    ('foxglove', 'false', 'Start foxglove_bridge; its layout is config/foxglove.json'),
    ('log_level', 'info', 'debug, info, warn or error'),
    (
        'dds_profile',
        str(CONFIG / 'fastdds_shm.xml'),
        "Fast DDS profile with shared memory large enough for images; '' for Fast DDS as it comes",
    ),
)

# name, type, description: parameters of har_node that win over params_file when they are given
OVERRIDES = (
    ('checkpoint', str, 'Folder of the checkpoint, or the name of a packaged one'),
    ('placements', list[str], "Where IMUs are worn, as a YAML list: ['right_wrist']"),
    ('layout', str, 'Joint list of the clouds on skeleton'),
    ('skeleton_up', str, "Axis of the skeleton's frame that points up, or auto"),
    ('camera_pitch', float, 'How far the camera looks down, rad'),
    ('rate', float, 'Answers a second, Hz'),
    ('device', str, 'Where the model runs: auto, cpu or cuda'),
    ('smoothing', float, 'Time constant of the running mean over scores, s'),
    ('person', str, 'Name put into the field person of each answer'),
)


def start_nodes(context: LaunchContext) -> list[Action]:
    """Make the nodes from the arguments as they were given."""
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS + OVERRIDES}
    # Here it is events that bring the nodes up.
    shared = {
        'use_sim_time': ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool),
        'autostart': False,
    }
    overrides = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind, _ in OVERRIDES
        if given[name]
    }
    common = {
        'package': 'mujo_ros',
        'namespace': given['namespace'],
        'remappings': [
            ('skeleton', given['skeleton_topic']),
            *(
                (f'camera/image_raw{below}', given['camera_topic'] + below)
                for below in ('', '/compressed', '/compressedDepth')
            ),
            ('camera/camera_info', given['camera_info_topic'] or info_topic(given['camera_topic'])),
        ],
        'output': 'screen',
        'respawn': is_true(given['respawn']),
        'respawn_delay': 2.0,
    }

    def ros_arguments(node: str) -> list[str]:
        enclave = ['--enclave', f'{given["enclaves"]}/{node}'] if given['enclaves'] else []
        return ['--log-level', given['log_level'], *enclave]

    actions: list[Action] = []
    if given['dds_profile']:
        old = os.environ.get('ROS_DISTRO') in ('humble', 'iron', 'jazzy')
        variable = f'{"FASTRTPS" if old else "FASTDDS"}_DEFAULT_PROFILES_FILE'
        actions.append(SetEnvironmentVariable(variable, given['dds_profile']))
    viewers = {name: given[name] for name in ('rviz', 'foxglove', 'namespace', 'use_sim_time')}
    if is_true(viewers['rviz']) or is_true(viewers['foxglove']):
        source = PythonLaunchDescriptionSource(str(HERE / 'view.launch.py'))
        actions.append(IncludeLaunchDescription(source, launch_arguments=viewers.items()))
    parameters = {'har_node': [given['params_file'], overrides]}
    if is_true(given['use_pose_node']):
        parameters['pose_node'] = [given['params_file']]
    if given['image_transport']:
        for name, values in parameters.items():
            parameter = 'camera' if name == 'har_node' else 'image_transport'
            values.append({parameter: given['image_transport']})
    nodes = [
        LifecycleNode(
            executable=name,
            name=name,
            parameters=[*values, shared],
            ros_arguments=ros_arguments(name),
            **common,
        )
        for name, values in parameters.items()
    ]
    if is_true(given['autostart']):
        # Before the nodes, whose start they wait for.
        actions += [handler for node in nodes for handler in bring_up(node)]
    return [*actions, *nodes]


def info_topic(camera_topic: str) -> str:
    """Where drivers publish the calibration of a camera: beside its images."""
    return '/'.join([*camera_topic.split('/')[:-1], 'camera_info'])


def is_true(value: str) -> bool:
    """Read a launch argument as launch itself does."""
    return value.lower() in ('true', '1')


def bring_up(node: LifecycleNode) -> list[Action]:
    """Configure a node whenever its process starts, and activate it once it is configured."""

    def change(transition: int) -> EmitEvent:
        event = ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition)
        return EmitEvent(event=event)

    def when_configured(state: str, action: Action) -> RegisterEventHandler:
        return RegisterEventHandler(
            OnStateTransition(
                target_lifecycle_node=node,
                start_state='configuring',
                goal_state=state,
                entities=[action],
            )
        )

    refused = (
        'a node was not configured: change the parameter that it names above, then '
        'ros2 lifecycle set NODE configure, and activate'
    )
    configure = change(Transition.TRANSITION_CONFIGURE)
    return [
        RegisterEventHandler(OnProcessStart(target_action=node, on_start=[configure])),
        when_configured('inactive', change(Transition.TRANSITION_ACTIVATE)),
        when_configured('unconfigured', LogInfo(msg=refused)),
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the nodes."""
    arguments = [
        *ARGUMENTS,
        *((name, '', f'{text}; empty: as in params_file') for name, _, text in OVERRIDES),
    ]
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, default, text in arguments
            ),
            OpaqueFunction(function=start_nodes),
        ]
    )
