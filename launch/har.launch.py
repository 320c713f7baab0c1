"""Starts `har_node` and, for a camera, `pose_node`, both as lifecycle nodes.

`ros2 launch mujo_ros har.launch.py --show-args` lists the arguments.
"""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.action import Action
from launch.actions import (
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription

HERE = Path(__file__).parent
CONFIG = Path(get_package_share_directory('mujo_ros')) / 'config'

# name, default, description
ARGUMENTS = (
    ('params_file', str(CONFIG / 'har.yaml'), 'YAML file with the parameters of both nodes'),
    ('namespace', '', 'Namespace of nodes and topics, for one of several people or robots'),
    ('use_pose_node', 'true', 'Start pose_node, which makes the skeleton from the camera'),
    ('skeleton_topic', 'skeleton', 'Topic of the skeleton (sensor_msgs/PointCloud2)'),
    ('camera_topic', 'camera/image_raw', 'Topic of the camera (sensor_msgs/Image)'),
    ('autostart', 'true', 'Configure and activate the nodes; false for a lifecycle manager'),
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
    ('checkpoint', str, 'Folder of the checkpoint'),
    ('placements', list[str], "Where IMUs are worn, as a YAML list: ['right_wrist']"),
    ('layout', str, 'Joint list of the clouds on skeleton'),
    ('skeleton_up', str, "Axis of the skeleton's frame that points up, or auto"),
    ('camera_pitch', float, 'How far the camera looks down, rad'),
    ('rate', float, 'Answers a second, Hz'),
    ('device', str, 'Where the model runs: auto, cpu or cuda'),
    ('person', str, 'Name put into the field person of each answer'),
)


def start_nodes(context: LaunchContext) -> list[Action]:
    """Make the nodes from the arguments as they were given."""
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS + OVERRIDES}
    shared = {
        name: ParameterValue(LaunchConfiguration(name), value_type=bool)
        for name in ('use_sim_time', 'autostart')
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
            ('camera/image_raw', given['camera_topic']),
        ],
        'output': 'screen',
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
    if not {'true', '1'}.isdisjoint((viewers['rviz'].lower(), viewers['foxglove'].lower())):
        source = PythonLaunchDescriptionSource(str(HERE / 'view.launch.py'))
        actions.append(IncludeLaunchDescription(source, launch_arguments=viewers.items()))
    nodes = {'har_node': [given['params_file'], overrides, shared]}
    if given['use_pose_node'].lower() in ('true', '1'):
        nodes['pose_node'] = [given['params_file'], shared]
    for name, parameters in nodes.items():
        actions.append(
            LifecycleNode(
                executable=name,
                name=name,
                parameters=parameters,
                ros_arguments=ros_arguments(name),
                **common,
            )
        )
    return actions


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
