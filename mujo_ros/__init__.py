"""ROS 2 nodes of mujo: sensor topics in, `/activity` out. The recognition itself is in `mujo_core`."""
