"""Several people, cameras or robots: a `har_node` (and a `pose_node`) a namespace.

`ros2 launch mujo_ros several.launch.py namespaces:="left right"` runs them in one process on one
model; for processes of their own include `har.launch.py` with a namespace each.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.action import Action
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription

CONFIG = Path(get_package_share_directory('mujo_ros')) / 'config'

# name, default, description
ARGUMENTS = (
    ('namespaces', 'left right', 'Namespaces, with a space between them'),
    (
        'use_pose_nodes',
        'true',
        'Also a pose_node in each, which makes the skeleton from its camera',
    ),
    ('params_file', str(CONFIG / 'har.yaml'), 'YAML file with the parameters of all nodes'),
    ('use_sim_time', 'false', 'Take the time from /clock'),
    ('log_level', 'info', 'debug, info, warn or error'),
)


def start_nodes(context: LaunchContext) -> list[Action]:
    """Make the process from the arguments as they were given."""
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    pose = given['use_pose_nodes'].lower() in ('true', '1')
    return [
        Node(
            package='mujo_ros',
            executable='har_nodes',
            arguments=[*given['namespaces'].split(), *(['--pose'] if pose else [])],
            parameters=[
                given['params_file'],
                {'use_sim_time': given['use_sim_time'].lower() in ('true', '1')},
            ],
            ros_arguments=['--log-level', given['log_level']],
            output='screen',
        )
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the process."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, default, text in ARGUMENTS
            ),
            OpaqueFunction(function=start_nodes),
        ]
    )
