"""Replays a bag through `har_node` and scores what comes out on `/activity`.

    ros2 launch mujo_ros replay.launch.py bag:=DIR truth:=FILE output:=DIR

Topics, placements and layout are those of the bag, as `mujo evaluate_bag` finds them. The bag is
played by `ros2 bag play --clock` where there is rosbag2, elsewhere by our own player.
"""

from pathlib import Path

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
)
from launch.action import Action
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition

from launch import LaunchContext, LaunchDescription
from mujo_core.bags.camera import info_topic, is_compressed_topic
from mujo_core.bags.reader import open_bag, topics_of
from mujo_core.evaluation.bag import describe_bag

CONFIG = Path(get_package_share_directory('mujo_ros')) / 'config'

# name, default, description; an argument without a default has to be given
ARGUMENTS = (
    ('bag', None, 'The bag: a folder with metadata.yaml, a .mcap or a .db3 file'),
    ('truth', '', 'CSV file of ground truth; empty: BAG.labels.csv, else the topic /truth'),
    ('output', 'replay', 'Folder for activity.jsonl, scores.json and pictures'),
    ('checkpoint', '', 'Folder of the checkpoint; empty: the one that comes with mujo'),
    ('skeleton', '', 'Topic of the skeleton in the bag; empty: the first PointCloud2'),
    ('camera', '', 'Topic of images, for pose_node where there is no skeleton; empty: the first'),
    ('layout', '', 'Joint list of the skeleton; empty: by the number of its joints'),
    ('params_file', str(CONFIG / 'har.yaml'), 'YAML file with the other parameters of har_node'),
    ('rate', '10.0', 'Answers a second on the clock of the bag, Hz'),
    ('play_rate', '1.0', 'Times real time'),
    ('player', 'auto', 'rosbag2, mujo, or auto: rosbag2 where it is installed'),
)


def has_rosbag2() -> bool:
    """Whether `ros2 bag` is installed."""
    try:
        get_package_prefix('ros2bag')
    except PackageNotFoundError:
        return False
    return True


def start_replay(context: LaunchContext) -> list[Action]:
    """Make the node, the player and the scorer for the bag that is given."""
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    if given['player'] not in ('auto', 'rosbag2', 'mujo'):
        raise ValueError(f'expected player:= auto, rosbag2 or mujo, {given["player"]!r} came')
    topics, layout = describe_bag(
        given['bag'], given['skeleton'], layout=given['layout'], camera=given['camera']
    )
    camera = next((topic for topic, stream in topics.items() if stream == 'camera'), '')
    transport, info = describe_images(given['bag'], camera) if camera else ('off', '')
    image = 'camera/image_raw' + ('/compressed' if transport == 'compressed' else '')
    names = {'pose': 'skeleton', 'camera': image}
    parameters = {
        'use_sim_time': True,
        'autostart': True,
        'checkpoint': given['checkpoint'],
        'rate': float(given['rate']),
        'placements': [s.partition('/')[2] for s in topics.values() if '/' in s] or [''],
        **({'camera': transport} if camera else {}),
        **({'layout': layout} if layout else {}),
    }
    har_node = LifecycleNode(
        package='mujo_ros',
        executable='har_node',
        name='har_node',
        namespace='',
        parameters=[given['params_file'], parameters],
        remappings=[(names.get(stream, stream), topic) for topic, stream in topics.items()],
        output='screen',
    )
    scorer = Node(
        package='mujo_ros',
        executable='score_replay',
        arguments=[
            given['bag'],
            *('--truth', given['truth'], '--checkpoint', given['checkpoint']),
            *(
                '--output',
                given['output'],
                '--rate',
                given['rate'],
                '--skeleton',
                given['skeleton'],
                '--camera',
                given['camera'],
            ),
        ],
        output='screen',
    )
    if given['player'] == 'rosbag2' or (given['player'] == 'auto' and has_rosbag2()):
        command = ['ros2', 'bag', 'play', given['bag'], '--clock', '100', '--delay', '2']
        play = ExecuteProcess(cmd=[*command, '--rate', given['play_rate']], output='screen')
        # It waits for nobody: it starts when har_node listens.
        player: Action = RegisterEventHandler(
            OnStateTransition(target_lifecycle_node=har_node, goal_state='active', entities=[play])
        )
    else:
        player = Node(
            package='mujo_ros',
            executable='play_bag',
            arguments=[
                *(given['bag'], '--rate', given['play_rate']),
                *('--wait-for', 'activity', *topics),
            ],
            output='screen',
        )
    estimate = LifecycleNode(
        package='mujo_ros',
        executable='pose_node',
        name='pose_node',
        namespace='',
        parameters=[
            given['params_file'],
            {'use_sim_time': True, 'autostart': True, 'image_transport': transport},
        ],
        remappings=[(image, camera), *([('camera/camera_info', info)] if info else [])],
        output='screen',
    )
    over = EmitEvent(event=Shutdown(reason='the replay is scored'))
    return [
        har_node,
        *([estimate] if camera else []),
        scorer,
        player,
        RegisterEventHandler(OnProcessExit(target_action=scorer, on_exit=[over])),
        RegisterEventHandler(OnProcessExit(on_exit=end_where_it_failed)),
    ]


def describe_images(bag: str, camera: str) -> tuple[str, str]:
    """What the images of a topic are, 'raw' or 'compressed', and the topic of their calibration."""
    with open_bag(bag) as reader:
        topics = topics_of(reader)
    compressed = is_compressed_topic(topics, camera)
    return 'compressed' if compressed else 'raw', info_topic(topics, camera)


def end_where_it_failed(event: ProcessExited, _: LaunchContext) -> list[Action]:
    """End the replay with any process that fails; there would be nothing to score."""
    if not event.returncode:
        return []
    return [EmitEvent(event=Shutdown(reason=f'{event.process_name} failed'))]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the replay."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, default, text in ARGUMENTS
            ),
            OpaqueFunction(function=start_replay),
        ]
    )
