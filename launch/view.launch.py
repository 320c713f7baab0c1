"""Shows what the nodes see: RViz with `config/mujo.rviz`, and a bridge for Foxglove.

In Foxglove connect to ws://localhost:8765 and import `config/foxglove.json` as a layout.
`ros2 launch mujo_ros har.launch.py rviz:=true foxglove:=true` includes this file.
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
    ('rviz', 'true', 'Start RViz'),
    ('foxglove', 'false', 'Start foxglove_bridge, which listens on port 8765 of this machine'),
    ('fixed_frame', '', 'Fixed frame of RViz; empty: camera_optical_frame'),
    ('namespace', '', 'Namespace of the nodes that are shown'),
    ('use_sim_time', 'false', 'Take the time from /clock'),
)
SHOWN = ('har_node/markers', 'har_node/overlay', 'skeleton')


def start_viewers(context: LaunchContext) -> list[Action]:
    """Make the viewers from the arguments as they were given."""
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    parameters = [{'use_sim_time': given['use_sim_time'].lower() in ('true', '1')}]
    space = given['namespace'].strip('/')
    actions: list[Action] = []
    if given['rviz'].lower() in ('true', '1'):
        arguments = ['-d', str(CONFIG / 'mujo.rviz')]
        if given['fixed_frame']:
            arguments += ['-f', given['fixed_frame']]
        actions.append(
            Node(
                package='rviz2',
                executable='rviz2',
                name='mujo_rviz',
                arguments=arguments,
                parameters=parameters,
                remappings=[(f'/{topic}', f'/{space}/{topic}') for topic in SHOWN if space],
            )
        )
    if given['foxglove'].lower() in ('true', '1'):
        actions.append(
            Node(
                package='foxglove_bridge',
                executable='foxglove_bridge',
                parameters=[*parameters, {'address': '127.0.0.1'}],
            )
        )
    return actions


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the viewers."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, default, text in ARGUMENTS
            ),
            OpaqueFunction(function=start_viewers),
        ]
    )
