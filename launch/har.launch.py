"""Starts `har_node`, and on demand `pose_node` for a camera, both as lifecycle nodes.

`ros2 launch mujo_ros har.launch.py --show-args` lists the arguments.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue

CONFIG = Path(get_package_share_directory('mujo_ros')) / 'config'

# name, default, description
ARGUMENTS = (
    ('params_file', str(CONFIG / 'har.yaml'), 'YAML file with the parameters of the nodes'),
    ('namespace', '', 'Namespace of nodes and topics, one for each person or robot'),
    ('checkpoint', '', 'Folder of the checkpoint; empty: the one that comes with mujo'),
    ('placements', "['right_wrist']", "Where IMUs are worn, as a YAML list; [''] for none"),
    ('layout', 'mediapipe33', 'Joint list of the clouds on skeleton'),
    ('rate', '10.0', 'Answers a second, Hz'),
    ('device', 'cpu', 'Where the model runs: cpu, cuda or cuda:N'),
    ('skeleton_topic', 'skeleton', 'Topic of the skeleton (sensor_msgs/PointCloud2)'),
    ('camera_topic', 'camera/image_raw', 'Topic of the camera (sensor_msgs/Image)'),
    ('use_pose_node', 'true', 'Start pose_node, which makes the skeleton from the camera'),
    ('use_sim_time', 'false', 'Take time from /clock'),
    ('autostart', 'true', 'Configure and activate the nodes; false for a lifecycle manager'),
    ('log_level', 'info', 'debug, info, warn or error'),
    (
        'dds_profile',
        str(CONFIG / 'fastdds_shm.xml'),
        'Fast DDS profile: shared memory on one computer, so that images are not lost; '
        "'' for the default, which other computers can reach",
    ),
)


def generate_launch_description() -> LaunchDescription:
    """Describe the nodes; each argument of the command line wins over `params_file`."""
    value = {name: LaunchConfiguration(name) for name, _, _ in ARGUMENTS}
    profile_is_given = IfCondition(["'", value['dds_profile'], "' != ''"])
    shared = {
        'use_sim_time': ParameterValue(value['use_sim_time'], value_type=bool),
        'autostart': ParameterValue(value['autostart'], value_type=bool),
    }
    remappings = [
        ('skeleton', value['skeleton_topic']),
        ('camera/image_raw', value['camera_topic']),
    ]
    common = {
        'package': 'mujo_ros',
        'namespace': value['namespace'],
        'remappings': remappings,
        'arguments': ['--ros-args', '--log-level', value['log_level']],
        'output': 'screen',
    }
    har_parameters = {
        'checkpoint': ParameterValue(value['checkpoint'], value_type=str),
        'layout': ParameterValue(value['layout'], value_type=str),
        'device': ParameterValue(value['device'], value_type=str),
        'rate': ParameterValue(value['rate'], value_type=float),
        'placements': ParameterValue(value['placements'], value_type=list[str]),
    }
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=description)
                for name, default, description in ARGUMENTS
            ),
            *(
                SetEnvironmentVariable(variable, value['dds_profile'], condition=profile_is_given)
                for variable in ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
            ),
            LifecycleNode(
                executable='har_node',
                name='har_node',
                parameters=[value['params_file'], har_parameters, shared],
                **common,
            ),
            LifecycleNode(
                executable='pose_node',
                name='pose_node',
                parameters=[value['params_file'], shared],
                condition=IfCondition(value['use_pose_node']),
                **common,
            ),
        ]
    )
